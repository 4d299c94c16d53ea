package demo

import (
	"testing"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/cmd/internal/walk"
	"fundpass/keys/testenv"
)

func TestMain(m *testing.M) {
	settings.UseTestLimits(testenv.Patience)
	cmdtest.Main(m, func(w terminal.Stdio) *cobra.Command { return terminal.Root(w, Command(w), walk.Command(w)) })
}
