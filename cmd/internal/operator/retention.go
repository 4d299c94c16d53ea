package operator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
)

func retentionCommand(w terminal.Stdio) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Delete expired data",
		Long: "Retention deletes expired data and prints the number of rows of each kind. serve\n" +
			"does the same once a day. Events and operators' actions are kept for\n" +
			"FUNDPASS_AUDIT_YEARS, and so are consents that were withdrawn or replaced, or whose\n" +
			"Alipay user has no link; the other periods are fixed. Locks that have not ended and\n" +
			"the last consents of linked citizens are never deleted.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return retention(cmd.Context(), w.For(cmd), dryRun) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "count the rows without deleting them")
	return cmd
}

func retention(ctx context.Context, w terminal.Stdio, dryRun bool) error {
	s, err := settings.ParseFor(w.Getenv, append([]string{"FUNDPASS_AUDIT_YEARS"}, operatorSettings...)...)
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	db, err := s.OpenDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.Operations().Retention(ctx, s.AuditYears, dryRun)
	title := w.Language.T("deleted")
	if dryRun {
		title = w.Language.T("to delete")
	}
	var rows []table.Row
	for _, r := range all {
		rows = append(rows, table.Row{r.Kind, r.Before.In(calendar.Beijing).Format(time.DateTime), r.Rows, strings.Join(r.Parts, " ")})
	}
	terminal.PrintTable(w.Out, append(w.Language.Row("kind", "older than"), title, w.Language.T("partitions dropped")), rows)
	return err
}
