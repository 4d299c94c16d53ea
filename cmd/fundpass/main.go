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
	if err := run(ctx, os.Args[1:], terminal.Process()); err != nil {
		fmt.Fprintln(os.Stderr, "fundpass:", err)
		return terminal.Status(err)
	}
	return 0
}
