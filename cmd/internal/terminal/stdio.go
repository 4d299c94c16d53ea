package terminal

import (
	"io"
	"os"
	"os/signal"
)

// A Stdio is the environment, the streams and the signals of a process. Tests pass their
// own.
type Stdio struct {
	Getenv   func(string) string
	Environ  func() []string          // all variables as NAME=value; may be nil
	Origin   func(name string) string // file:line that sets a variable, "" for the environment; may be nil
	In       io.Reader
	Out, Err io.Writer // results · logs and errors
	Notify   func(chan<- os.Signal, ...os.Signal)
	Language Language // of reports; see For
}

// Process returns the Stdio of this process.
func Process() Stdio {
	return Stdio{Getenv: os.Getenv, Environ: os.Environ, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Notify: signal.Notify}
}
