package serve

import (
	"context"
	"fmt"
	"time"

	"fundpass/cmd/internal/settings"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// findDatabase looks at the database; it writes nothing a server would not.
func findDatabase(ctx context.Context, s settings.Settings, f settings.Files) []finding {
	state, err := store.Inspect(ctx, s.DatabaseURL)
	if err != nil {
		return []finding{{verdictFail, "database", oneLine(err)}}
	}
	all := []finding{
		{verdictOK, "database", "answers, PostgreSQL " + state.Version},
		findTLS(state), findWritable(state), findClock(state), findSchema(state),
	}
	if !state.Migrated {
		return all
	}
	center := findCenter(state, s)
	all = append(all, center)
	// store.Open registers the centre; check must not do that for a server
	// that may still be set up wrongly.
	if center.verdict == verdictOK && state.Centers[s.Center] != "" && f.Cipher != nil {
		all = append(all, findStore(ctx, s, f)...)
	}
	return all
}

func findTLS(d store.Condition) finding {
	if !d.TLS {
		return finding{verdictOK, "database TLS", "none, and the connection does not leave this machine"}
	}
	return finding{verdictOK, "database TLS", "encrypted"}
}

func findWritable(d store.Condition) finding {
	if d.ReadOnly {
		return finding{verdictFail, "database role", "read-only; reach the primary, with several hosts by target_session_attrs=read-write"}
	}
	return finding{verdictOK, "database role", "primary, takes writes"}
}

// Differences of the clocks that store logs and refuses.
const (
	skewWarned = 2 * time.Second
	skewFailed = 30 * time.Second
)

func findClock(d store.Condition) finding {
	note := fmt.Sprintf("%.1f s apart", d.Ahead.Abs().Seconds())
	switch {
	case d.Ahead.Abs() > skewFailed:
		return finding{verdictFail, "database clock", note + "; the server would not be ready: set both by NTP"}
	case d.Ahead.Abs() > skewWarned:
		return finding{verdictWarn, "database clock", note + "; set both by NTP"}
	}
	return finding{verdictOK, "database clock", note}
}

func findSchema(d store.Condition) finding {
	if !d.Migrated {
		return finding{verdictFail, "database schema", "not migrated; run: fundpass migrate"}
	}
	return finding{verdictOK, "database schema", "migrated"}
}

// findCenter compares the centre and its application with what the database
// knows of both.
func findCenter(d store.Condition, s settings.Settings) finding {
	if _, demo := d.Centers[settings.DemoCenter]; demo {
		return finding{verdictFail, "database centre", settings.ErrDemoDatabase.Error()}
	}
	if app := d.Centers[s.Center]; app != "" && app != s.AppID {
		return finding{verdictFail, "database centre", fmt.Sprintf("%s is registered with application %s; set FUNDPASS_CENTER or FUNDPASS_APP_ID", s.Center, app)}
	}
	for center, app := range d.Centers {
		if app == s.AppID && center != s.Center {
			return finding{verdictFail, "database centre", fmt.Sprintf("application %s is registered with centre %s; set FUNDPASS_CENTER=%s", app, center, center)}
		}
	}
	if d.Centers[s.Center] == "" {
		return finding{verdictOK, "database centre", s.Center + " is new; serve and import register it"}
	}
	return finding{verdictOK, "database centre", s.Center + " with application " + s.AppID}
}

// readyTimeout bounds the readiness check of the database.
const readyTimeout = 5 * time.Second

// findStore asks what readiness asks, and reads the registry of channels.
func findStore(ctx context.Context, s settings.Settings, f settings.Files) []finding {
	ctx, stop := context.WithTimeout(ctx, readyTimeout)
	defer stop()
	db, err := s.OpenStore(ctx, store.Config{ColumnCipher: f.Cipher, Pepper: f.Pepper, Look: true})
	if err != nil {
		return []finding{{verdictFail, "database ready", oneLine(err)}}
	}
	defer db.Close()
	if err := db.Ping(ctx); err != nil {
		return []finding{{verdictFail, "database ready", oneLine(err)}}
	}
	ready := finding{verdictOK, "database ready", "yes"}
	if db.Pooled() {
		ready.note = "yes, behind a transaction pooler"
	}
	channels, err := db.Channels(ctx)
	if err != nil {
		return []finding{ready, {verdictFail, "channels", oneLine(err)}}
	}
	return append([]finding{ready}, findChannels(channels, f.Policy, db.Now())...)
}

// findChannels says something of every channel that is on or was switched off, and whether each
// types what the policy allows.
func findChannels(all []store.ChannelEntry, policy *passwd.Policy, now time.Time) []finding {
	var found []finding
	for _, e := range all {
		one := finding{verdictOK, "channel " + e.Channel, e.Title + ": " + selfservice.DescribeChannel(e, now)}
		switch {
		case !e.IsOn && e.OffKind == "":
			continue
		case !e.Switched(now):
			one.verdict = verdictWarn
		case e.SharesPassword && e.Keypad != "":
			one.verdict = verdictWarn
			one.note += "; the password alone opens it, in what a keypad types: a phone PIN of its own is safer"
		}
		found = append(found, one)
	}
	if policy == nil {
		return found
	}
	for _, err := range selfservice.CheckKeypads(policy, all) {
		found = append(found, finding{verdictFail, "channel keypad", err.Error()})
	}
	return found
}
