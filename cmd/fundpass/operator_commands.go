package main

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// operatorCommands returns the commands that staff run about one person or account.
func operatorCommands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{unlockCommand(w), auditCommand(w), issueResetCodeCommand(w), exportCommand(w), eraseCommand(w), retentionCommand(w)}
}
