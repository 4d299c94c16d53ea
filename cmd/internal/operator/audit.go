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
	"fundpass/store"
)

// mostDays is the largest value of --days.
const mostDays = 3660

var errDays = fmt.Errorf("--days is not between 1 and %d", mostDays)

func auditCommand(w terminal.Stdio) *cobra.Command {
	days, account := 30, ""
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List the manual actions of operators",
		Long: "Audit lists the manual actions of operators on accounts (fundpass unlock,\n" +
			"issue-reset-code, export-person, erase-person) and on channels (fundpass channel), and\n" +
			"channels that their failures switched off, with Beijing time, operator, action, account\n" +
			"or channel, and reason, oldest first. With --account - it reads an account number (GRZH)\n" +
			"from the standard input and lists the actions on all accounts of its holder.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case days < 1 || days > mostDays:
				return terminal.AsUsage(errDays)
			case account != "" && account != "-":
				return terminal.AsUsage(errAccountFlag)
			}
			return audit(cmd.Context(), w.For(cmd), time.Now().AddDate(0, 0, -days), account != "")
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().IntVar(&days, "days", days, "how many days to look back")
	cmd.Flags().StringVar(&account, "account", "", "only the actions on one account: -, the standard input has its number")
	return cmd
}

// audit lists the actions since then; if asks is set, only those on one account.
func audit(ctx context.Context, w terminal.Stdio, since time.Time, asks bool) error {
	db, err := openForOperator(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	var all []store.OperatorAction
	if asks {
		number, err := readAccountNo(w)
		if err != nil {
			return err
		}
		if all, err = db.Operations().OperatorActionsOn(ctx, number, since); err != nil {
			return err
		}
	} else if all, err = db.Operations().OperatorActions(ctx, since); err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(w.Out, w.Language.T("Nothing was done by hand in this time."))
		return nil
	}
	var rows []table.Row
	for _, a := range all {
		subject := a.Channel
		if a.AccountID != nil {
			subject = a.AccountID.String()
		}
		rows = append(rows, table.Row{a.At.In(calendar.Beijing).Format(time.DateTime), a.Operator, w.Language.T(a.Action), subject, a.Reason})
	}
	terminal.PrintTable(w.Out, w.Language.Row("at", "operator", "action", "account or channel", "reason"), rows)
	return nil
}
