package operator

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// Commands returns the commands of this package.
func Commands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{unlockCommand(w), auditCommand(w), issueResetCodeCommand(w), exportCommand(w), eraseCommand(w), retentionCommand(w), channelCommand(w), restoreCommand(w)}
}
