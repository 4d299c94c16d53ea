package roster

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// Commands returns the commands of this package.
func Commands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{importCommand(w), syncCommand(w), reconcileCommand(w), migrateOpenIDCommand(w)}
}
