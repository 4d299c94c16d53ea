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

// mostDays is how far back audit looks at once.
const mostDays = 3660

var errDays = fmt.Errorf("--days is not between 1 and %d", mostDays)

func auditCommand(w terminal.Stdio) *cobra.Command {
	days := 30
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List what operators did by hand",
		Long: "Audit lists what operators did by hand to accounts (fundpass unlock,\n" +
			"issue-reset-code, export-person, erase-person) and to channels (fundpass channel),\n" +
			"and channels that switched off by their failures: the time in Beijing, the\n" +
			"operator, the action, the account or channel and the reason, oldest first.\n\n" +
			"It needs " + strings.Join(unlockSettings, ", ") + ".",
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
		subject := a.Channel
		if a.AccountID != nil {
			subject = a.AccountID.String()
		}
		rows = append(rows, table.Row{a.At.In(calendar.Beijing).Format(time.DateTime), a.Operator, a.Action, subject, a.Reason})
	}
	terminal.PrintTable(w.Out, table.Row{"at", "operator", "action", "account or channel", "reason"}, rows)
	return nil
}
