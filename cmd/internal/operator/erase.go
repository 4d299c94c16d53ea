package operator

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// eraseOptions are the flags of erase-person.
type eraseOptions struct {
	unlockOptions
	yes, accounts bool
}

func eraseCommand(w terminal.Stdio) *cobra.Command {
	var e eraseOptions
	cmd := &cobra.Command{
		Use:   "erase-person",
		Short: "Delete what is kept about a citizen, at their request",
		Long: "Erase-person deletes what is kept about a citizen who asks for it (PIPL article\n" +
			"47): links, sessions, changes, resets, earlier passwords, attempts, phone proofs,\n" +
			"notices, and what Alipay wrote. Without --yes it only says what would go.\n\n" +
			"The accounts and their passwords belong to the centre's core system and stay,\n" +
			"unless --account-too; an account that the roster still lists comes back with the\n" +
			"next import. The record of what was done stays for FUNDPASS_AUDIT_YEARS; it names\n" +
			"no person. Backups keep what they have until they are overwritten.\n\n" +
			"It needs " + strings.Join(unlockSettings, ", ") + ".\n" +
			"It exits 0 when the data are gone, 1 when not, 2 when it was called wrongly.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return erasePerson(cmd.Context(), w.For(cmd), e) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	e.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&e.yes, "yes", false, "do it; without this nothing is changed or recorded")
	f.BoolVar(&e.accounts, "account-too", false, "the accounts and their passwords, too")
	return cmd
}

func erasePerson(ctx context.Context, w terminal.Stdio, e eraseOptions) error {
	if err := e.check(); err != nil {
		return terminal.AsUsage(err)
	}
	var done store.Erased
	err := e.act(ctx, w, func(db *store.DB, u store.OperatorRequest) (err error) {
		done, err = db.Erase(ctx, store.Erasure{OperatorRequest: u, Accounts: e.accounts, DryRun: !e.yes})
		return err
	})
	if err != nil {
		return err
	}
	e.print(w, done)
	return nil
}

func (e eraseOptions) print(w terminal.Stdio, done store.Erased) {
	l := w.Language
	gone, end := l.T("goes"), l.T("Nothing was changed. Run it again with --yes to do it.")
	if e.yes {
		gone, end = l.T("gone"), l.T("Recorded as %s.", done.ActionID)
	}
	fmt.Fprintln(w.Out, l.T("%s, %s, %d accounts:", document.MaskName(done.Account.Person.Name),
		document.MaskNumber(done.Account.Person.IDNumber), done.Accounts))
	var rows []table.Row
	for _, r := range done.Gone {
		rows = append(rows, table.Row{r.Table, r.Rows, gone})
	}
	for _, r := range done.Kept {
		rows = append(rows, table.Row{r.Table, r.Rows, l.T("stays")})
	}
	terminal.PrintTable(w.Out, l.Row("table", "rows", ""), rows)
	fmt.Fprintln(w.Out, end)
}
