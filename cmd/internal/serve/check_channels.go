package serve

import (
	"context"
	"time"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// warnKeypads logs the channels that cannot type what the policy allows. The policy may have
// changed since they were switched on.
func (a *App) warnKeypads(ctx context.Context) {
	all, err := a.DB.Registry().Channels(ctx)
	if err != nil {
		a.log.Warn("registry of channels not read", "err", err)
	}
	for _, e := range all {
		if err := selfservice.CheckKeypad(a.Policy, e); err != nil {
			a.log.Warn("passwords that a channel cannot type", "channel", e.Channel, "err", err)
		}
	}
}

// findChannels reports every channel that is on or was switched off. A channel that cannot type
// what the policy allows fails.
func findChannels(all []store.ChannelEntry, policy *passwd.Policy, now time.Time) []finding {
	var found []finding
	for _, e := range all {
		one := finding{verdictOK, "channel", terminal.Textf("%s is on", e.Channel)}
		switch {
		case !e.IsOn && e.OffKind == "":
			continue
		case !e.Switched(now) && e.OffKind == store.OffAutomatic:
			one = finding{verdictWarn, "channel", terminal.Textf("%s was switched off automatically: %s", e.Channel, e.OffReason)}
		case !e.Switched(now):
			one = finding{verdictWarn, "channel", terminal.Textf("%s was switched off by hand: %s", e.Channel, e.OffReason)}
		case e.SharesPassword && e.Keypad != "":
			one = finding{verdictWarn, "channel", terminal.Textf("%s is on; the password alone opens it, in what its keypad types: a phone PIN is safer", e.Channel)}
		}
		found = append(found, one)
		if policy != nil && selfservice.CheckKeypad(policy, e) != nil {
			found = append(found, finding{verdictFail, "channel", terminal.Textf("%s types only %s and shares the password, but the policy %s allows more: "+
				"add a rule with charset %[2]s to the policy, or run fundpass channel set %[1]s --credential phone_pin", e.Channel, e.Keypad, policy.Name)})
		}
	}
	return found
}
