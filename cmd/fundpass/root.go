package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

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

// firstSteps are the commands that put a server to work, in their order. The documents
// give the same order.
var firstSteps = []string{"keys new", "migrate", "import", "check", "serve"}

// newRoot returns the command with the commands of every family.
func newRoot(w terminal.Stdio) *cobra.Command {
	var file envFile
	outside := w
	w = file.Beneath(w)
	root := terminal.Root(w, slices.Concat(
		serve.Commands(w), roster.Commands(w), operator.Commands(w), keycmd.Commands(w),
		[]*cobra.Command{demo.Command(w), walk.Command(w), policy.Command(w), versionCommand(w)},
	)...)
	file.addFlag(root)
	root.Short = "Housing-provident-fund password service for an Alipay mini-program"
	root.Long = "fundpass serves the mini-program with which citizens change their housing-\n" +
		"provident-fund password, and holds what its operators need.\n\n" +
		"To look at it:      fundpass demo, then fundpass walk\n" +
		"To put it to work:  fundpass " + strings.Join(firstSteps, ", ")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		protectMemory(w)
		if err := file.read(outside); err != nil {
			return err
		}
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

// withoutSettings are commands that read no settings, themselves or the commands under them.
var withoutSettings = []string{"demo", "walk", "policy", "new", "rotate-column", "rotate-pepper", "version", "help", "completion"}

// reportingMisspelt are commands that report misspelt settings themselves, together with
// everything else that is wrong.
var reportingMisspelt = []string{"serve", "check"}

// isAmong reports whether one of names is the name of the command or of one above it.
func isAmong(names []string, cmd *cobra.Command) bool {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains(names, c.Name()) {
			return true
		}
	}
	return false
}

// refuseMisspelt runs before every command that reads settings. A misspelt setting would
// leave another one at its default: another centre, other codes of documents.
func refuseMisspelt(w terminal.Stdio, cmd *cobra.Command) error {
	if isAmong(withoutSettings, cmd) || isAmong(reportingMisspelt, cmd) {
		return nil
	}
	if problems := settings.Misspelt(w); len(problems) > 0 {
		return fmt.Errorf("settings are not right:\n%w", settings.Join(problems))
	}
	return nil
}
