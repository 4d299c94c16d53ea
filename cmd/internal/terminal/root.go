package terminal

import "github.com/spf13/cobra"

// Root returns the program's root command with the given subcommands.
func Root(w Stdio, commands ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:           "fundpass",
		SilenceUsage:  true, // most errors are not about the usage
		SilenceErrors: true, // main prints it, once
	}
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	root.PersistentFlags().Var(new(Language), "lang", "language of reports; by default Chinese if LC_ALL, LC_MESSAGES or LANG begins with zh")
	root.AddCommand(commands...)
	root.InitDefaultHelpFlag() // before --lang is looked for behind it
	localizeHelp(root, w)
	return root
}
