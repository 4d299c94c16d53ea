package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

func versionCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go release that the program was built from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(w.Out, terminal.ReadBuild().In(w.For(cmd).Language))
			return err
		},
	}
}
