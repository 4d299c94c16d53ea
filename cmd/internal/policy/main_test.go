package policy

import (
	"testing"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

func TestMain(m *testing.M) {
	cmdtest.Main(m, func(w terminal.Stdio) *cobra.Command { return terminal.Root(w, Command(w)) })
}
