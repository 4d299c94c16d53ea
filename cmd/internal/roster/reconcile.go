package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/miniapp-api/alipay"
	"fundpass/signing"
	"fundpass/store"
)

// listedDays is how long Alipay keeps its list of cancelled authorisations.
const listedDays = 7

// errDay says that --day cannot be asked for.
var errDay = errors.New("--day is not one of the last 7 days, written like 2026-03-01")

func reconcileCommand(w terminal.Stdio) *cobra.Command {
	var day string
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Make up for notices of cancelled authorisations that were missed",
		Long: "Reconcile asks Alipay who withdrew the authorisation of the mini-program on a day,\n" +
			"by Beijing's calendar, and does what the notices would have done: it ends sessions\n" +
			"and the link, unless the citizen authorised again since. It\n" +
			"may be run at any time, again, and beside running servers; run it every morning.\n" +
			"Alipay keeps the list for 7 days.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			date, err := parseDay(day, time.Now())
			if err != nil {
				return err
			}
			return reconcile(cmd.Context(), w.For(cmd), date)
		},
	}
	cmd.Flags().StringVar(&day, "day", "", "the day to look at; yesterday unless given")
	return cmd
}

// parseDay returns noon of the day in Beijing; "" is the day before now.
func parseDay(s string, now time.Time) (time.Time, error) {
	today, _ := calendar.Day(now)
	today = today.Add(12 * time.Hour)
	if s == "" {
		return today.AddDate(0, 0, -1), nil
	}
	day, err := time.ParseInLocation(time.DateOnly, s, calendar.Beijing)
	day = day.Add(12 * time.Hour)
	if err != nil || day.After(today) || day.Before(today.AddDate(0, 0, -listedDays)) {
		return time.Time{}, errDay
	}
	return day, nil
}

func reconcile(ctx context.Context, w terminal.Stdio, day time.Time) error {
	gateway, db, err := openGatewayAndStore(ctx, w.Getenv)
	if err != nil {
		return err
	}
	defer db.Close()
	listed, err := gateway.Cancellations(ctx, day)
	if err != nil {
		return err
	}
	repaired, err := withdrawAll(ctx, db, listed)
	terminal.PrintTable(w.Out, w.Language.Row("day", "listed", "already known", "repaired"),
		[]table.Row{{day.Format(time.DateOnly), len(listed), len(listed) - repaired, repaired}})
	return err
}

// openGatewayAndStore opens what a command needs that asks Alipay and stores the answers.
func openGatewayAndStore(ctx context.Context, getenv func(string) string) (*signing.Gateway, *store.DB, error) {
	s, keyring, err := settings.ReadKeyring(getenv, "FUNDPASS_GATEWAY_URL", "FUNDPASS_DATABASE_URL", "FUNDPASS_CENTER", "FUNDPASS_COLUMN_KEY_FILE")
	if err != nil {
		return nil, nil, fmt.Errorf("invalid settings:\n%w", err)
	}
	gateway, err := signing.NewGateway(keyring, s.GatewayURL, signing.Options{})
	if err != nil {
		return nil, nil, settings.Problem{Setting: "FUNDPASS_GATEWAY_URL", Err: err}
	}
	db, err := s.OpenDatabase(ctx)
	return gateway, db, err
}

// withdrawAll returns how many left something to do.
func withdrawAll(ctx context.Context, db *store.DB, listed []signing.Cancellation) (repaired int, err error) {
	for i, c := range listed {
		did, err := db.Inbox().WithdrawAuthorisation(ctx, store.Cancellation{Channel: store.ChannelAlipay, Identity: alipay.Identity(c.Identity), At: c.At})
		if err != nil {
			return repaired, fmt.Errorf("stopped at number %d of %d, run it again: %w", i+1, len(listed), err)
		}
		if did {
			repaired++
		}
	}
	return repaired, nil
}
