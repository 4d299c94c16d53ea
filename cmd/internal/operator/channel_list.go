package operator

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

func channelListCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the channels, and what waits for a second operator",
		Args:  arguments(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return listChannels(cmd.Context(), w) },
	}
}

func listChannels(ctx context.Context, w terminal.Stdio) error {
	s, db, err := openChannels(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.Channels(ctx)
	if err != nil {
		return err
	}
	pending, err := db.PendingOffs(ctx)
	if err != nil {
		return err
	}
	printChannels(w.Out, all, db.Now())
	for _, p := range pending {
		fmt.Fprintf(w.Out, "%s: %s asks to switch it off (%s); another operator can until %s\n", p.Channel, p.Operator, p.Reason,
			p.Expires.In(calendar.Beijing).Format("15:04:05"))
	}
	if policy, err := s.LoadPolicy(); err == nil {
		for _, problem := range selfservice.CheckKeypads(policy, all) {
			fmt.Fprintf(w.Out, "warning: %v\n", problem)
		}
	}
	return nil
}

func printChannels(out io.Writer, all []store.ChannelEntry, now time.Time) {
	var rows []table.Row
	for _, e := range all {
		rows = append(rows, table.Row{e.Code, e.Channel, e.Title, selfservice.DescribeChannel(e, now), selfservice.HoursOf(e),
			describeCredential(e), cmp.Or(e.Keypad, anyKey), describeProofs(e), describeLimits(e)})
	}
	terminal.PrintTable(out, table.Row{"code", "channel", "title", "state", "hours", "takes", "keys", "proofs", "limits"}, rows)
}

func describeLimits(e store.ChannelEntry) string {
	var all []string
	if e.PerMinute > 0 {
		all = append(all, fmt.Sprintf("%d requests/min", e.PerMinute))
	}
	if e.FailurePercent > 0 {
		text := fmt.Sprintf("off at %d%% failures of %d in %d min", e.FailurePercent, e.FailureRequests, e.FailureMinutes)
		if e.CoolDownSeconds > 0 {
			text += fmt.Sprintf(" for %s", time.Duration(e.CoolDownSeconds)*time.Second)
		}
		all = append(all, text)
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}

func describeCredential(e store.ChannelEntry) string {
	switch {
	case e.Credential == store.CredentialPhonePIN:
		return "a phone PIN"
	case e.SharesPassword:
		return "the password"
	}
	return "another password"
}

func describeProofs(e store.ChannelEntry) string {
	list := func(names []string) string { return cmp.Or(strings.Join(names, ","), asSettings) }
	if len(e.Proofs)+len(e.InitialProofs) == 0 {
		return asSettings
	}
	return list(e.Proofs) + "; initial " + list(e.InitialProofs)
}
