package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/demo"
	"fundpass/cmd/internal/keycmd"
	"fundpass/cmd/internal/operator"
	"fundpass/cmd/internal/policy"
	"fundpass/cmd/internal/roster"
	"fundpass/cmd/internal/serve"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/cmd/internal/walk"
)

// newRoot returns the root command with the commands of every family.
func newRoot(w terminal.Stdio) *cobra.Command {
	root := terminal.Root(w, slices.Concat(
		serve.Commands(w), roster.Commands(w), operator.Commands(w), keycmd.Commands(w),
		[]*cobra.Command{demo.Command(w), walk.Command(w), policy.Command(w)},
	)...)
	root.Short = "Housing-provident-fund password service for an Alipay mini-program"
	root.Long = "fundpass serves the mini-program with which citizens change their housing-\n" +
		"provident-fund password, and has the commands that its operators need.\n\n" +
		"To try it:  fundpass demo, then fundpass walk\n" +
		"To run it:  fundpass keys new, migrate, import, check, serve"
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		protectMemory(w)
		return refuseMisspelt(w, cmd)
	}
	return root
}

// protectMemory hardens the process before every command, because nearly all read keys or
// personal data. A failure is logged and does not stop the command.
func protectMemory(w terminal.Stdio) {
	if err := harden(); err != nil {
		terminal.NewLog(w.Err, "").Warn("memory of this process may be dumped", "err", err)
	}
}

// run executes the command line args. It returns when the command is done or ctx ends.
// Its error is shown to the operator and contains no secret.
func run(ctx context.Context, args []string, w terminal.Stdio) error {
	root := newRoot(w)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// withoutSettings lists the commands that read no settings, or that report misspelt ones
// together with their other findings.
var withoutSettings = []string{"serve", "check", "demo", "walk", "policy", "new", "rotate-column", "rotate-pepper", "help", "completion"}

// refuseMisspelt returns an error if the environment has a misspelt setting, because the
// setting that was meant would keep its default: another centre, or other document codes.
func refuseMisspelt(w terminal.Stdio, cmd *cobra.Command) error {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains(withoutSettings, c.Name()) {
			return nil
		}
	}
	if problems := settings.Misspelt(w); len(problems) > 0 {
		return fmt.Errorf("invalid settings:\n%w", settings.Join(problems))
	}
	return nil
}
