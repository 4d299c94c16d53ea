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
	operatorOptions
	yes, accounts bool
}

func eraseCommand(w terminal.Stdio) *cobra.Command {
	var e eraseOptions
	cmd := &cobra.Command{
		Use:   "erase-person",
		Short: "Delete the data of a citizen at their request",
		Long: "Erase-person deletes the data of a citizen who requests it (PIPL article 47):\n" +
			"links, sessions, changes, resets, earlier passwords, attempts, phone proofs,\n" +
			"notices and Alipay's messages. Without --yes it only lists what it would delete.\n\n" +
			"Accounts and their passwords belong to the centre's core system and are kept,\n" +
			"unless --account-too is set; an account that the roster still lists is added again\n" +
			"by the next import. The record of the actions is kept for FUNDPASS_AUDIT_YEARS; it\n" +
			"names no person. Backups keep the data until they are overwritten.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".\n" +
			"It exits 0 if the data are deleted, 1 if not, 2 if the call is invalid.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return erasePerson(cmd.Context(), w.For(cmd), e) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	e.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&e.yes, "yes", false, "delete; without it nothing is changed or recorded")
	f.BoolVar(&e.accounts, "account-too", false, "also delete the accounts and their passwords")
	return cmd
}

func erasePerson(ctx context.Context, w terminal.Stdio, e eraseOptions) error {
	if err := e.check(); err != nil {
		return terminal.AsUsage(err)
	}
	var done store.Erased
	err := e.withPerson(ctx, w, func(db *store.DB, u store.OperatorRequest) (err error) {
		done, err = db.Operations().Erase(ctx, store.Erasure{OperatorRequest: u, Accounts: e.accounts, DryRun: !e.yes})
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
	state, end := l.T("to delete"), l.T("Nothing was changed. Run it again with --yes to delete.")
	if e.yes {
		state, end = l.T("deleted"), l.T("Recorded as %s.", done.ActionID)
	}
	fmt.Fprintln(w.Out, l.T("%s, %s, %d accounts:", document.MaskName(done.Account.Person.Name),
		document.MaskNumber(done.Account.Person.IDNumber), done.Accounts))
	var rows []table.Row
	for _, r := range done.Gone {
		rows = append(rows, table.Row{r.Table, r.Rows, state})
	}
	for _, r := range done.Kept {
		rows = append(rows, table.Row{r.Table, r.Rows, l.T("kept")})
	}
	terminal.PrintTable(w.Out, l.Row("table", "rows", ""), rows)
	fmt.Fprintln(w.Out, end)
}
