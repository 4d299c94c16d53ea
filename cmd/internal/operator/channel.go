package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

var (
	errChannelName = errors.New("no such channel: app, wechat, website, kiosk, kiosk-51 to kiosk-53, hotline, alipay, partner-91 to partner-99")
	errAutomatic   = errors.New("--operator must not be automatic: that is the program itself")
)

// channelOptions are the flags of every command that changes a channel.
type channelOptions struct{ operatorOptions }

func (o *channelOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.operator, "operator", "", "who does this (required)")
	f.StringVar(&o.reason, "reason", "", "why (required)")
}

// order checks the flags and returns the order.
func (o *channelOptions) order(channel, action string) (store.ChannelOrder, error) {
	if err := o.check(); err != nil {
		return store.ChannelOrder{}, err
	}
	if strings.EqualFold(o.operator, store.AutomaticOperator) {
		return store.ChannelOrder{}, errAutomatic
	}
	if _, known := store.DefaultChannel(channel); !known {
		return store.ChannelOrder{}, errChannelName
	}
	return store.ChannelOrder{Channel: channel, Action: action, Operator: o.operator, Reason: o.reason}, nil
}

func channelCommand(w terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "channel",
		Short: "List and switch the channels on which citizens reach the centre",
		Long: "Channel lists the centre's registry of channels and changes it: which are on, when,\n" +
			"with how many requests a minute, and whether they take the password that is changed\n" +
			"here. Without it only the mini-program in Alipay is on, day and night. A closed\n" +
			"channel answers CHANNEL_CLOSED, with when it opens and which others are open.\n" +
			"Every change needs --operator and --reason, is in force within 5 seconds, and is\n" +
			"listed by fundpass audit. See docs/channels.md.\n\n" +
			"The commands need " + strings.Join(operatorSettings, ", ") + ",\n" +
			"and FUNDPASS_POLICY_FILE where the centre has one.\n" +
			"They exit 0 when done, 1 when not, 2 when called wrongly, 3 when a second operator\n" +
			"has to approve it.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(channelListCommand(w), channelOnCommand(w), channelOffCommand(w), channelHoursCommand(w), channelLimitCommand(w), channelSetCommand(w))
	for _, sub := range cmd.Commands() {
		sub.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	}
	return cmd
}

// arguments requires n arguments.
func arguments(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.ExactArgs(n)(cmd, args)) }
}

func channelOnCommand(w terminal.Stdio) *cobra.Command {
	var o channelOptions
	cmd := &cobra.Command{
		Use:   "on CHANNEL",
		Short: "Switch a channel on",
		Long: "On switches a channel on, whoever or whatever switched it off, and ends a request to\n" +
			"switch it off. It is refused while the channel types less than the policy allows.",
		Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.change(cmd.Context(), w.For(cmd), args[0], store.ActionChannelOn, func(e *store.ChannelEntry) error {
				e.IsOn = true
				return nil
			})
		},
	}
	o.flags(cmd)
	return cmd
}

func channelHoursCommand(w terminal.Stdio) *cobra.Command {
	var o channelOptions
	cmd := &cobra.Command{
		Use:     "hours CHANNEL HOURS",
		Short:   "Set the service hours of a channel, in Beijing time",
		Long:    "Hours are the same every day: 08:30-17:00, over midnight 22:00-06:00, all day 00:00-24:00.\nOutside them citizens can still sign in, freeze their password and reject a transfer.",
		Example: "  fundpass channel hours website 06:00-23:00 --operator li --reason \"ticket 17\"",
		Args:    arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			hours, err := selfservice.ParseHours(args[1])
			if err != nil {
				return terminal.AsUsage(err)
			}
			return o.change(cmd.Context(), w.For(cmd), args[0], store.ActionChannelHours, func(e *store.ChannelEntry) error {
				e.Opens, e.Closes = hours.Opens, hours.Closes
				return nil
			})
		},
	}
	o.flags(cmd)
	return cmd
}

// change changes a channel and prints it. A channel whose keypad types less than the policy
// allows is refused.
func (o *channelOptions) change(ctx context.Context, w terminal.Stdio, channel, action string, change func(*store.ChannelEntry) error) error {
	order, err := o.order(channel, action)
	if err != nil {
		return terminal.AsUsage(err)
	}
	s, db, err := openChannels(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	policy, err := s.LoadPolicy()
	if err != nil {
		return settings.Problem{Setting: "FUNDPASS_POLICY_FILE", Err: err}
	}
	e, err := db.Registry().ChangeChannel(ctx, order, func(e *store.ChannelEntry) error {
		if err := change(e); err != nil {
			return err
		}
		if err := selfservice.CheckKeypad(policy, *e); err != nil {
			return err
		}
		return checkChannelProofs(s, *e)
	})
	if err != nil {
		return err
	}
	printChannels(w, []store.ChannelEntry{e}, db.Now())
	sayInForce(w)
	return nil
}

func sayInForce(w terminal.Stdio) {
	fmt.Fprintln(w.Out, w.Language.T("In force on every server within 5 seconds."))
}

// openChannels opens the database for a command about channels.
func openChannels(ctx context.Context, w terminal.Stdio) (settings.Settings, *store.DB, error) {
	s, err := settings.ParseFor(w.Getenv, operatorSettings...)
	if err != nil {
		return s, nil, fmt.Errorf("settings are not right:\n%w", err)
	}
	db, err := s.OpenDatabase(ctx)
	return s, db, err
}

func channelOffCommand(w terminal.Stdio) *cobra.Command {
	var o channelOptions
	var emergency bool
	cmd := &cobra.Command{
		Use:   "off CHANNEL",
		Short: "Switch a channel off: two operators within 30 minutes, or --emergency",
		Long: "Off closes a channel to everything but sign-out, until it is switched on. Two different\n" +
			"operators have to run it within 30 minutes; with --emergency one is enough. fundpass\n" +
			"audit lists both. The program takes the names as they are typed: that two people did\n" +
			"it is the centre's rule to keep.",
		Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.off(cmd.Context(), w.For(cmd), args[0], emergency)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&emergency, "emergency", false, "at once, by one operator")
	return cmd
}

func (o *channelOptions) off(ctx context.Context, w terminal.Stdio, channel string, emergency bool) error {
	order, err := o.order(channel, store.ActionChannelOff)
	if err != nil {
		return terminal.AsUsage(err)
	}
	_, db, err := openChannels(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	done, err := db.Registry().SwitchOff(ctx, order, emergency)
	switch {
	case errors.Is(err, store.ErrSameOperator):
		return fmt.Errorf("%s has requested it already: another operator has to run this, or use --emergency", o.operator)
	case errors.Is(err, store.ErrAlreadyOff):
		return fmt.Errorf("%s is off already", channel)
	case err != nil:
		return err
	case !done.Off:
		return needsApproval{channel, done.Expires}
	case done.First != "":
		fmt.Fprintln(w.Out, w.Language.T("%s is off, requested by %s and approved by %s.", channel, done.First, o.operator))
	default:
		fmt.Fprintln(w.Out, w.Language.T("%s is off, by %s alone.", channel, o.operator))
	}
	sayInForce(w)
	return nil
}

// exitNeedsApproval tells a script that the channel is still on.
const exitNeedsApproval = 3

// A needsApproval is the error of a channel that is still on.
type needsApproval struct {
	channel string
	expires time.Time
}

// Error implements error.
func (n needsApproval) Error() string {
	return fmt.Sprintf("%s is still on: until %s another operator has to run the same command", n.channel,
		n.expires.In(calendar.Beijing).Format("15:04:05"))
}

// ExitStatus makes it the status of the process.
func (n needsApproval) ExitStatus() int { return exitNeedsApproval }
