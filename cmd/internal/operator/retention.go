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
		Short: "Delete what is older than it may become",
		Long: "Retention deletes what has outlived its use, and prints how much of each kind.\n" +
			"serve does the same once a day. Events and operators' actions live as long as\n" +
			"FUNDPASS_AUDIT_YEARS says, and so do consents that were withdrawn or given anew, or\n" +
			"whose Alipay user has no link; the other lives are fixed. A lock that has not ended\n" +
			"is never forgotten, nor what a linked citizen said last.\n\n" +
			"It needs " + strings.Join(unlockSettings, ", ") + ".",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return retention(cmd.Context(), w.For(cmd), dryRun) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only count")
	return cmd
}

func retention(ctx context.Context, w terminal.Stdio, dryRun bool) error {
	s, err := settings.ParseFor(w.Getenv, append([]string{"FUNDPASS_AUDIT_YEARS"}, unlockSettings...)...)
	if err != nil {
		return fmt.Errorf("settings are not right:\n%w", err)
	}
	db, err := s.OpenDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.Retention(ctx, s.AuditYears, dryRun)
	title := w.Language.T("deleted")
	if dryRun {
		title = w.Language.T("would go")
	}
	var rows []table.Row
	for _, r := range all {
		rows = append(rows, table.Row{r.Kind, r.Before.In(calendar.Beijing).Format(time.DateTime), r.Rows, strings.Join(r.Parts, " ")})
	}
	terminal.PrintTable(w.Out, append(w.Language.Row("kind", "older than"), title, w.Language.T("partitions dropped")), rows)
	return err
}
