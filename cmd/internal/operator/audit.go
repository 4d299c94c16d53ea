package operator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
)

// mostDays is the largest value of --days.
const mostDays = 3660

var errDays = fmt.Errorf("--days is not between 1 and %d", mostDays)

func auditCommand(w terminal.Stdio) *cobra.Command {
	days := 30
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List the manual actions of operators",
		Long: "Audit lists the manual actions of operators on accounts (fundpass unlock,\n" +
			"issue-reset-code, export-person, erase-person) with Beijing time, operator, action,\n" +
			"account and reason, oldest first.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return audit(cmd.Context(), w, days) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().IntVar(&days, "days", days, "how many days to look back")
	return cmd
}

func audit(ctx context.Context, w terminal.Stdio, days int) error {
	if days < 1 || days > mostDays {
		return terminal.AsUsage(errDays)
	}
	db, err := openForOperator(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.OperatorActions(ctx, time.Now().AddDate(0, 0, -days))
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, a := range all {
		rows = append(rows, table.Row{a.At.In(calendar.Beijing).Format(time.DateTime), a.Operator, a.Action, a.AccountID, a.Reason})
	}
	terminal.PrintTable(w.Out, table.Row{"at", "operator", "action", "account", "reason"}, rows)
	return nil
}
