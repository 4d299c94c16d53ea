package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/appcmd"
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

// firstSteps are the commands that start a new server, in their order. The documents give
// the same order.
var firstSteps = []string{"keys new", "migrate", "import", "check", "serve"}

// newRoot returns the root command with the commands of every family.
func newRoot(w terminal.Stdio) *cobra.Command {
	var file envFile
	var center centerFlag
	outside := w
	process := file.Beneath(w)
	w = center.beneath(process)
	root := terminal.Root(w, slices.Concat(
		serve.Commands(w), roster.Commands(w), operator.Commands(w), keycmd.Commands(w),
		[]*cobra.Command{demo.Command(w), walk.Command(w), appcmd.Command(w), policy.Command(w), versionCommand(w)},
	)...)
	file.addFlag(root)
	center.addFlag(root)
	root.Short = "Housing-provident-fund password service for an Alipay mini-program"
	root.Long = "fundpass serves the mini-program with which citizens change their housing-\n" +
		"provident-fund password, and has the commands that its operators need.\n\n" +
		"To try it:  fundpass demo, then fundpass walk\n" +
		"To run it:  fundpass " + strings.Join(firstSteps, ", ")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		protectMemory(w)
		if err := file.read(outside); err != nil {
			return err
		}
		if err := refuseMisspelt(process, cmd); err != nil {
			return err
		}
		return center.choose(process, cmd)
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

// withoutSettings lists the commands that read no settings, nor do their subcommands.
var withoutSettings = []string{"demo", "walk", "app-client", "policy", "new", "rotate-column", "rotate-pepper", "version", "help", "completion"}

// reportingMisspelt lists the commands that report misspelt settings together with their
// other findings.
var reportingMisspelt = []string{"serve", "check"}

// isAmong reports whether names has the name of the command or of one of its parents.
func isAmong(names []string, cmd *cobra.Command) bool {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains(names, c.Name()) {
			return true
		}
	}
	return false
}

// refuseMisspelt returns an error if the environment has a misspelt setting, because the
// setting that was meant would keep its default: another centre, or other document codes.
func refuseMisspelt(w terminal.Stdio, cmd *cobra.Command) error {
	if isAmong(withoutSettings, cmd) || isAmong(reportingMisspelt, cmd) {
		return nil
	}
	if problems := settings.Misspelt(w); len(problems) > 0 {
		return fmt.Errorf("invalid settings:\n%w", settings.Join(problems))
	}
	return nil
}
