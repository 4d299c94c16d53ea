package main

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// rosterCommands returns the commands that take in what the centre and Alipay know.
func rosterCommands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{importCommand(w), syncCommand(w), reconcileCommand(w), migrateOpenIDCommand(w)}
}
