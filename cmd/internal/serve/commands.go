package serve

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// Commands returns serve and the commands that prepare it.
func Commands(w terminal.Stdio) []*cobra.Command {
	return []*cobra.Command{serveCommand(w), checkCommand(w), migrateCommand(w)}
}
