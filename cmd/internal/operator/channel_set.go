package operator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

var (
	errRequests   = errors.New("--requests is between 0 and 10000000; 0 is no limit")
	errFailures   = errors.New("--failures is between 0 and 100 percent; 0 is never. It needs --minimum of at least 1 and --window of 1m to 60m")
	errCoolDown   = errors.New("--cool-down is between 1m and 24h, or 0 to wait for an operator")
	errNothing    = errors.New("nothing to change: give a flag")
	errTitle      = errors.New("--title has 1 to 32 characters on one line")
	errCredential = errors.New("--credential is password or phone_pin")
	errShares     = errors.New("a channel with a phone_pin does not share the password")
)

// channelLimits are the flags of limit.
type channelLimits struct {
	requests, failures, minimum int
	window, coolDown            time.Duration
}

func channelLimitCommand(w terminal.Stdio) *cobra.Command {
	var o channelOptions
	var l channelLimits
	cmd := &cobra.Command{
		Use:   "limit CHANNEL",
		Short: "Limit the requests a minute, and the failures that switch a channel off",
		Long: "Limit changes what the given flags name. Requests of all servers are counted; a server\n" +
			"learns of the others' every 5 seconds. Failures are those that nobody who sends requests\n" +
			"can cause: an internal error, a provider or a database that is away. When they exceed\n" +
			"the limit the channel switches off and an alert is due (fundpass_channel_state); it is\n" +
			"on again after --cool-down, or when an operator switches it on.",
		Example: "  fundpass channel limit alipay --requests 6000 --operator li --reason \"ticket 17\"\n" +
			"  fundpass channel limit alipay --failures 50 --minimum 100 --window 5m --cool-down 10m --operator li --reason \"ticket 17\"",
		Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if changesNothing(cmd) {
				return terminal.AsUsage(errNothing)
			}
			if err := l.check(); err != nil {
				return terminal.AsUsage(err)
			}
			return o.change(cmd.Context(), w.For(cmd), args[0], store.ActionChannelLimit, func(e *store.ChannelEntry) error {
				return l.apply(e, cmd.Flags().Changed)
			})
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.IntVar(&l.requests, "requests", 0, "requests a minute of all servers; 0: no limit")
	f.IntVar(&l.failures, "failures", 0, "percent of failed requests that switches the channel off; 0: never")
	f.IntVar(&l.minimum, "minimum", 100, "the least number of requests that is judged")
	f.DurationVar(&l.window, "window", 5*time.Minute, "the time that is judged")
	f.DurationVar(&l.coolDown, "cool-down", 0, "when the channel is on again by itself; 0: never")
	return cmd
}

func (l channelLimits) check() error {
	switch {
	case l.requests < 0 || l.requests > 10_000_000:
		return errRequests
	case l.failures < 0 || l.failures > 100 || l.minimum < 1 || l.minimum > 10_000_000 || l.window < time.Minute || l.window > time.Hour:
		return errFailures
	case l.coolDown != 0 && (l.coolDown < time.Minute || l.coolDown > 24*time.Hour):
		return errCoolDown
	}
	return nil
}

// apply sets what was named.
func (l channelLimits) apply(e *store.ChannelEntry, named func(string) bool) error {
	if named("requests") {
		e.PerMinute = l.requests
	}
	if named("failures") {
		e.FailurePercent = l.failures
		if e.FailureRequests == 0 {
			e.FailureRequests, e.FailureMinutes = l.minimum, int(l.window/time.Minute)
		}
	}
	if named("minimum") {
		e.FailureRequests = l.minimum
	}
	if named("window") {
		e.FailureMinutes = int(l.window / time.Minute)
	}
	if named("cool-down") {
		e.CoolDownSeconds = int64(l.coolDown / time.Second)
	}
	if e.FailurePercent == 0 {
		e.FailureRequests, e.FailureMinutes, e.CoolDownSeconds = 0, 0, 0
	}
	return nil
}

// channelValues are the flags of set.
type channelValues struct{ title, credential, keypad, proofs, initialProofs string }

// Words for values that are not there.
const (
	anyKey     = "any"
	asSettings = "settings"
)

func channelSetCommand(w terminal.Stdio) *cobra.Command {
	var o channelOptions
	var v channelValues
	var shares bool
	cmd := &cobra.Command{
		Use:   "set CHANNEL",
		Short: "Say what a channel is called, what it takes and what can be typed there",
		Long: "Set changes what the given flags name. Citizens are told that a channel uses the same\n" +
			"password if it is on and shares it, and that it has a PIN of its own if it takes phone_pin.",
		Example: "  fundpass channel set partner-91 --title 工商银行 --shares-password --operator li --reason \"contract 5\"\n" +
			"  fundpass channel set hotline --credential password --shares-password --operator li --reason \"ticket 17\"",
		Args: arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if changesNothing(cmd) {
				return terminal.AsUsage(errNothing)
			}
			return o.change(cmd.Context(), w.For(cmd), args[0], store.ActionChannelSet, func(e *store.ChannelEntry) error {
				if cmd.Flags().Changed("shares-password") {
					e.SharesPassword = shares
				}
				return terminal.AsUsage(v.apply(e, cmd.Flags().Changed))
			})
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&v.title, "title", "", "its name for citizens, in Chinese")
	f.StringVar(&v.credential, "credential", "", "password, or phone_pin: digits of its own for a keypad")
	f.BoolVar(&shares, "shares-password", false, "it takes the password that is changed here; =false: another one")
	f.StringVar(&v.keypad, "keypad", "", "characters that can be typed there, such as 0-9, or any")
	f.StringVar(&v.proofs, "proofs", "", "accepted for a password that its owner chose, such as certdoc,face, or settings")
	f.StringVar(&v.initialProofs, "initial-proofs", "", "accepted for any other password, or settings")
	return cmd
}

// apply sets what was named.
func (v channelValues) apply(e *store.ChannelEntry, named func(string) bool) (err error) {
	if named("title") {
		if n := utf8.RuneCountInString(v.title); n < 1 || n > 32 || strings.ContainsFunc(v.title, func(r rune) bool { return r <= ' ' }) {
			return errTitle
		}
		e.Title = v.title
	}
	if named("credential") {
		if !slices.Contains([]string{store.CredentialPassword, store.CredentialPhonePIN}, v.credential) {
			return errCredential
		}
		e.Credential = v.credential
		e.SharesPassword = e.SharesPassword && (named("shares-password") || v.credential == store.CredentialPassword)
	}
	if e.Credential == store.CredentialPhonePIN && e.SharesPassword {
		return errShares
	}
	if named("keypad") {
		if e.Keypad = ""; v.keypad != anyKey {
			if err := passwd.CheckKeypad(v.keypad); err != nil {
				return fmt.Errorf("--keypad: %w", err)
			}
			e.Keypad = v.keypad
		}
	}
	if named("proofs") {
		if e.Proofs, err = proofList(v.proofs); err != nil {
			return err
		}
	}
	if named("initial-proofs") {
		e.InitialProofs, err = proofList(v.initialProofs)
	}
	return err
}

// checkChannelProofs compares the proofs of a channel with those of the settings. A channel with
// neither list, or settings without a proof, are left alone.
func checkChannelProofs(s settings.Settings, e store.ChannelEntry) error {
	if e.Proofs == nil && e.InitialProofs == nil || s.Proof == "" {
		return nil
	}
	return selfservice.CheckChannelProofs(selfservice.Proof(s.Proof), selfservice.Proof(s.InitialProof), e)
}

// proofList returns the names of proofs, or nil for those of the settings.
func proofList(s string) (names []string, err error) {
	if s == asSettings {
		return nil, nil
	}
	all, err := selfservice.Proof(s).List()
	if err == nil && len(all) == 0 {
		err = errors.New("no proof is named; settings stands for those of FUNDPASS_PROOF")
	}
	for _, p := range all {
		names = append(names, string(p))
	}
	return names, err
}

// changesNothing reports whether only flags are given that say who calls, why and how.
func changesNothing(cmd *cobra.Command) bool {
	nothing := true
	cmd.Flags().Visit(func(f *pflag.Flag) {
		nothing = nothing && slices.Contains([]string{"operator", "reason", "lang", "env-file"}, f.Name)
	})
	return nothing
}
