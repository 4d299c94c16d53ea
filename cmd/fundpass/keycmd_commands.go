package main

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// keycmdCommands returns the commands that make, change and check keys.
func keycmdCommands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{keysCommand(w), verifyCommand(w)}
}
