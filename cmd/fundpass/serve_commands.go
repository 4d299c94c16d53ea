package main

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// serveCommands returns the commands that serve, and what is run before it.
func serveCommands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{serveCommand(w), checkCommand(w), migrateCommand(w)}
}
