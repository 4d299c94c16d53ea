package keycmd

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/serve"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
)

func TestMain(m *testing.M) {
	settings.UseTestLimits(testenv.Patience)
	cmdtest.Main(m, func(w terminal.Stdio) *cobra.Command {
		return terminal.Root(w, slices.Concat(Commands(w), serve.Commands(w))...)
	})
}
