package main

import "github.com/spf13/cobra"

// newRoot returns the command with a sub-command for each word, one file a word.
func newRoot(w stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "fundpass",
		Short: "Housing-provident-fund password service for an Alipay mini-program",
		Long: "fundpass serves the mini-program with which citizens change their housing-\n" +
			"provident-fund password, and holds what its operators need.\n\n" +
			"To look at it:      fundpass demo, then fundpass walk\n" +
			"To put it to work:  fundpass keys new, migrate, import, check, serve",
		SilenceUsage:  true, // an error of the work is not one of typing
		SilenceErrors: true, // main prints it, once

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			protectMemory(w)
			return refuseMisspelt(w, cmd)
		},
	}
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	root.AddCommand(
		serveCommand(w), demoCommand(w), migrateCommand(w), walkCommand(w),
		importCommand(w), checkCommand(w), keysCommand(w), verifyCommand(w), reconcileCommand(w),
		unlockCommand(w), auditCommand(w), issueResetCodeCommand(w), policyCommand(w),
		syncCommand(w), exportCommand(w), eraseCommand(w), retentionCommand(w),
		migrateOpenIDCommand(w),
	)
	return root
}

// protectMemory comes before every command, because nearly all read keys or citizens'
// data. Where it fails the command runs all the same.
func protectMemory(w stdio) {
	if err := harden(); err != nil {
		newLog(w.err, "").Warn("memory of this process may be dumped", "err", err)
	}
}
