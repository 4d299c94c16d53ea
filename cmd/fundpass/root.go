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

// newRoot returns the command with the commands of every family.
func newRoot(w terminal.Stdio) *cobra.Command {
	root := terminal.Root(w, slices.Concat(
		serve.Commands(w), roster.Commands(w), operator.Commands(w), keycmd.Commands(w),
		[]*cobra.Command{demo.Command(w), walk.Command(w), policy.Command(w)},
	)...)
	root.Short = "Housing-provident-fund password service for an Alipay mini-program"
	root.Long = "fundpass serves the mini-program with which citizens change their housing-\n" +
		"provident-fund password, and holds what its operators need.\n\n" +
		"To look at it:      fundpass demo, then fundpass walk\n" +
		"To put it to work:  fundpass keys new, migrate, import, check, serve"
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		protectMemory(w)
		return refuseMisspelt(w, cmd)
	}
	return root
}

// protectMemory comes before every command, because nearly all read keys or citizens'
// data. Where it fails the command runs all the same.
func protectMemory(w terminal.Stdio) {
	if err := harden(); err != nil {
		terminal.NewLog(w.Err, "").Warn("memory of this process may be dumped", "err", err)
	}
}

// run is the program without its process. It returns when the command is done
// or ctx ends; what it returns is for the operator and holds no secret.
func run(ctx context.Context, args []string, w terminal.Stdio) error {
	root := newRoot(w)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// withoutSettings are commands that read no settings, or that report misspelt ones
// themselves, together with everything else that is wrong.
var withoutSettings = []string{"serve", "check", "demo", "walk", "policy", "new", "rotate-column", "rotate-pepper", "help", "completion"}

// refuseMisspelt runs before every command that reads settings. A misspelt setting would
// leave another one at its default: another centre, other codes of documents.
func refuseMisspelt(w terminal.Stdio, cmd *cobra.Command) error {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains(withoutSettings, c.Name()) {
			return nil
		}
	}
	if problems := settings.Misspelt(w); len(problems) > 0 {
		return fmt.Errorf("settings are not right:\n%w", settings.Join(problems))
	}
	return nil
}
