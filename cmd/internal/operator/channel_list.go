package operator

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
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
		RunE:  func(cmd *cobra.Command, _ []string) error { return listChannels(cmd.Context(), w.For(cmd)) },
	}
}

func listChannels(ctx context.Context, w terminal.Stdio) error {
	s, db, err := openChannels(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.Registry().Channels(ctx)
	if err != nil {
		return err
	}
	pending, err := db.Registry().PendingOffs(ctx)
	if err != nil {
		return err
	}
	printChannels(w, all, db.Now())
	for _, p := range pending {
		fmt.Fprintln(w.Out, w.Language.T("%s: %s requests to switch it off (%s); another operator can approve it until %s", p.Channel, p.Operator, p.Reason,
			p.Expires.In(calendar.Beijing).Format("15:04:05")))
	}
	policy, err := s.LoadPolicy()
	if err != nil {
		return settings.Problem{Setting: "FUNDPASS_POLICY_FILE", Err: err}
	}
	for _, e := range all {
		if err := selfservice.CheckKeypad(policy, e); e.IsOn && err != nil {
			fmt.Fprintln(w.Out, w.Language.T("warning: the policy allows what %s cannot type", e.Channel))
		}
	}
	return nil
}

func printChannels(w terminal.Stdio, all []store.ChannelEntry, now time.Time) {
	var rows []table.Row
	l := w.Language
	for _, e := range all {
		rows = append(rows, table.Row{e.Code, e.Channel, e.Title, describeState(l, e, now), selfservice.HoursOf(e),
			describeCredential(l, e), cmp.Or(e.Keypad, anyKey), describeProofs(e), describeLimits(l, e)})
	}
	terminal.PrintTable(w.Out, l.Row("code", "channel", "title", "state", "hours", "takes", "keys", "proofs", "limits"), rows)
}

// describeState says whether a channel is open, and why not.
func describeState(l terminal.Language, e store.ChannelEntry, now time.Time) string {
	at := func(t time.Time) string { return t.In(calendar.Beijing).Format("2006-01-02 15:04") }
	switch selfservice.StateOf(e, now) {
	case selfservice.ChannelOpen:
		return l.T("open")
	case selfservice.ChannelByHours:
		return l.T("on, opens %s", at(selfservice.HoursOf(e).Next(now)))
	case selfservice.ChannelByFailures:
		if e.ResumesAt == nil {
			return l.T("off automatically (%s)", e.OffReason)
		}
		return l.T("off automatically until %s (%s)", at(*e.ResumesAt), e.OffReason)
	}
	if e.OffKind == "" {
		return l.T("off")
	}
	return l.T("off by hand since %s (%s)", at(e.SetAt), e.OffReason)
}

func describeLimits(l terminal.Language, e store.ChannelEntry) string {
	var all []string
	if e.PerMinute > 0 {
		all = append(all, l.T("%d requests/min", e.PerMinute))
	}
	coolDown := time.Duration(e.CoolDownSeconds) * time.Second
	switch {
	case e.FailurePercent == 0:
	case coolDown == 0:
		all = append(all, l.T("off at %d%% failures of %d in %d min", e.FailurePercent, e.FailureRequests, e.FailureMinutes))
	default:
		all = append(all, l.T("off at %d%% failures of %d in %d min, for %s", e.FailurePercent, e.FailureRequests, e.FailureMinutes, coolDown))
	}
	return cmp.Or(strings.Join(all, ", "), l.T("none"))
}

func describeCredential(l terminal.Language, e store.ChannelEntry) string {
	switch {
	case e.Credential == store.CredentialPhonePIN:
		return l.T("a phone PIN")
	case e.SharesPassword:
		return l.T("the password")
	}
	return l.T("another password")
}

func describeProofs(e store.ChannelEntry) string {
	list := func(names []string) string { return cmp.Or(strings.Join(names, ","), asSettings) }
	if len(e.Proofs)+len(e.InitialProofs) == 0 {
		return asSettings
	}
	return list(e.Proofs) + "; initial " + list(e.InitialProofs)
}
