package terminal

import (
	"io"
	"os"
	"os/signal"
)

// A Stdio holds the environment, streams and signals of the process; tests give their own.
type Stdio struct {
	Getenv   func(string) string
	Environ  func() []string // all variables as NAME=value; nil: only those asked for
	In       io.Reader
	Out, Err io.Writer // results · logs and errors
	Notify   func(chan<- os.Signal, ...os.Signal)
	Language Language // of what a command writes; see For
}

// Process returns those of this process.
func Process() Stdio {
	return Stdio{Getenv: os.Getenv, Environ: os.Environ, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Notify: signal.Notify}
}
