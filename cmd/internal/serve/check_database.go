package serve

import (
	"context"
	"time"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// findDatabase inspects the database. It writes nothing.
func findDatabase(ctx context.Context, s settings.Settings, f settings.Files) []finding {
	state, all := findServer(ctx, s)
	return append(all, findInDatabase(ctx, state, s, f)...)
}

// findServer inspects the database without regard to a centre.
func findServer(ctx context.Context, s settings.Settings) (store.Condition, []finding) {
	state, err := store.Inspect(ctx, s.DatabaseURL)
	if err != nil {
		return state, []finding{{verdictFail, "database", err}}
	}
	return state, []finding{
		{verdictOK, "database", terminal.Textf("answers, PostgreSQL %s", state.Version)},
		findTLS(state), findWritable(state), findClock(state), findSchema(state),
	}
}

// findInDatabase inspects the part of a centre, if the database is migrated.
func findInDatabase(ctx context.Context, state store.Condition, s settings.Settings, f settings.Files) []finding {
	if !state.Migrated {
		return nil
	}
	center := findCenter(state, s)
	all := []finding{center}
	// store.Open registers the centre, which check must not do while settings may be wrong.
	if center.verdict == verdictOK && state.Centers[s.Center] != "" && f.Cipher != nil {
		all = append(all, findStore(ctx, s, f)...)
	}
	return all
}

func findTLS(d store.Condition) finding {
	if !d.TLS {
		return finding{verdictOK, "database TLS", "none; the connection does not leave this machine"}
	}
	return finding{verdictOK, "database TLS", "encrypted"}
}

func findWritable(d store.Condition) finding {
	if d.ReadOnly {
		return finding{verdictFail, "database role", "read-only; connect to the primary, with several hosts by target_session_attrs=read-write"}
	}
	return finding{verdictOK, "database role", "primary, accepts writes"}
}

// Clock differences from which store warns and refuses to be ready.
const (
	skewWarned = 2 * time.Second
	skewFailed = 30 * time.Second
)

func findClock(d store.Condition) finding {
	apart := d.Ahead.Abs().Seconds()
	switch {
	case d.Ahead.Abs() > skewFailed:
		return finding{verdictFail, "database clock", terminal.Textf("%.1f s apart; the server would not be ready: synchronize both with NTP", apart)}
	case d.Ahead.Abs() > skewWarned:
		return finding{verdictWarn, "database clock", terminal.Textf("%.1f s apart; synchronize both with NTP", apart)}
	}
	return finding{verdictOK, "database clock", terminal.Textf("%.1f s apart", apart)}
}

func findSchema(d store.Condition) finding {
	if !d.Migrated {
		return finding{verdictFail, "database schema", "not migrated; run: fundpass migrate"}
	}
	return finding{verdictOK, "database schema", "migrated"}
}

// findCenter compares the centre and its application with those registered in the
// database.
func findCenter(d store.Condition, s settings.Settings) finding {
	if _, demo := d.Centers[settings.DemoCenter]; demo {
		return finding{verdictFail, "database centre", settings.ErrDemoDatabase}
	}
	if app := d.Centers[s.Center]; app != "" && app != s.AppID {
		return finding{verdictFail, "database centre", terminal.Textf("%s is registered with application %s; set FUNDPASS_CENTER or FUNDPASS_APP_ID", s.Center, app)}
	}
	for center, app := range d.Centers {
		if app == s.AppID && center != s.Center {
			return finding{verdictFail, "database centre", terminal.Textf("application %s is registered with centre %s; set FUNDPASS_CENTER=%s", app, center, center)}
		}
	}
	if d.Centers[s.Center] == "" {
		return finding{verdictOK, "database centre", terminal.Textf("%s is new; serve and import register it", s.Center)}
	}
	return finding{verdictOK, "database centre", terminal.Textf("%s with application %s", s.Center, s.AppID)}
}

// readyTimeout bounds the readiness check of the database.
const readyTimeout = 5 * time.Second

// findStore runs the readiness check and reads the registry of channels.
func findStore(ctx context.Context, s settings.Settings, f settings.Files) []finding {
	ctx, stop := context.WithTimeout(ctx, readyTimeout)
	defer stop()
	db, err := s.OpenStore(ctx, store.Config{ColumnCipher: f.Cipher, Pepper: f.Pepper, Look: true})
	if err != nil {
		return []finding{{verdictFail, "database ready", err}}
	}
	defer db.Close()
	if err := db.Ping(ctx); err != nil {
		return []finding{{verdictFail, "database ready", err}}
	}
	ready := finding{verdictOK, "database ready", "yes"}
	if db.Pooled() {
		ready = finding{verdictOK, "database ready", "yes, behind a transaction pooler"}
	}
	channels, err := db.Registry().Channels(ctx)
	if err != nil {
		return []finding{ready, {verdictFail, "channel", err}}
	}
	return append([]finding{ready}, findChannels(channels, f.Policy, db.Now())...)
}
