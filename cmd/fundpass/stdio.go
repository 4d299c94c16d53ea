package main

import (
	"context"
	"io"
	"os"
	"os/signal"
)

// A stdio holds the environment, streams and signals of the process; tests give their own.
type stdio struct {
	getenv   func(string) string
	environ  func() []string // all variables as NAME=value; nil: only those asked for
	in       io.Reader
	out, err io.Writer // results · logs and errors
	notify   func(chan<- os.Signal, ...os.Signal)
}

func processStdio() stdio {
	return stdio{getenv: os.Getenv, environ: os.Environ, in: os.Stdin, out: os.Stdout, err: os.Stderr, notify: signal.Notify}
}

// run is the program without its process. It returns when the command is done
// or ctx ends; what it returns is for the operator and holds no secret.
func run(ctx context.Context, args []string, w stdio) error {
	root := newRoot(w)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}
