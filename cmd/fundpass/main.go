// Command fundpass is the whole product in one binary: the server a
// mini-program calls, and what its operators do by hand.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], processStdio()); err != nil {
		fmt.Fprintln(os.Stderr, "fundpass:", err)
		return statusOf(err)
	}
	return 0
}
