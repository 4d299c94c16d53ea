// Command fundpass is the server that a mini-program calls and the commands of its
// operators, in one binary.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fundpass/cmd/internal/terminal"
)

func main() { os.Exit(exitCode()) }

// exitCode runs the command and returns the exit status. The first SIGINT or SIGTERM ends
// ctx, a second one kills the process.
func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return execute(ctx, os.Args[1:], terminal.Process())
}

// execute runs the command line args until the command is done or ctx ends, and returns the exit
// status. It prints the command's error, which contains no secret.
func execute(ctx context.Context, args []string, w terminal.Stdio) int {
	root := newRoot(w)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(w.Err, "fundpass:", w.Asked(root, args).Language.Of(err))
	return terminal.Status(err)
}
