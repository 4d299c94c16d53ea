package terminal

import "github.com/spf13/cobra"

// Root returns the program's command with these commands under it.
func Root(w Stdio, commands ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:           "fundpass",
		SilenceUsage:  true, // an error of the work is not one of typing
		SilenceErrors: true, // main prints it, once
	}
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	root.PersistentFlags().Var(new(Language), "lang", "language of reports; unless given, Chinese where LANG begins with zh")
	root.AddCommand(commands...)
	return root
}
