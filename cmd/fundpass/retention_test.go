package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fundpass/keys/calendar"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// The command prints every kind with its life and what went; serve does the same
// by itself, and the record lives as long as its setting says.
func TestRetentionCommand(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	c := n.addCitizens(1, "")[0]
	noError(t, n.person(c.AccountNo, "unlock").err)
	_, err := n.sql.Exec(`UPDATE operator_actions SET at = now() - interval '18 months'`)
	noError(t, err)
	actions := `SELECT count(*) FROM operator_actions`

	kept := n.operate(t, "", "retention")
	noError(t, kept.err)
	dry := n.in(t)
	env := n.env(map[string]string{"FUNDPASS_AUDIT_YEARS": "1"})
	look := runWith(t, env, "retention", "--dry-run")
	noError(t, look.err)
	if dry.number(actions) != 1 {
		t.Fatal("gone before its time, or in a dry run")
	}
	for _, want := range []string{"would go", "events", "operators' actions", "reset codes", "changes", "resets", "consents", "attempts", "sessions",
		"first answers", "notices to owners", "notifications", time.Now().AddDate(-1, 0, 0).In(calendar.Beijing).Format("2006-01")} {
		if !strings.Contains(look.out, want) {
			t.Errorf("%q is not in\n%s", want, look.out)
		}
	}
	if !strings.Contains(kept.out, time.Now().AddDate(-3, 0, 0).In(calendar.Beijing).Format("2006-01")) {
		t.Errorf("three years are not in\n%s", kept.out)
	}

	var log logBuffer
	a := &app{db: n.db, log: slog.New(slog.NewTextHandler(&log, nil)), settings: settings{AuditYears: 1}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.retain(ctx, time.Millisecond, time.Hour); close(done) }()
	testenv.Eventually(t, "the action is gone, and the log says so", func() bool {
		return n.number(actions) == 0 && strings.Contains(log.String(), "rows=1")
	})
	stop()
	<-done
	if text := log.String(); !strings.Contains(text, `kind="operators' actions"`) || strings.Contains(text, "WARN") {
		t.Errorf("log: %s", text)
	}
}

func TestRetentionRefuses(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	got := runWith(t, n.env(map[string]string{"FUNDPASS_AUDIT_YEARS": "0"}), "retention")
	if got.err == nil || !strings.Contains(got.err.Error(), "FUNDPASS_AUDIT_YEARS") || got.out != "" {
		t.Errorf("%v\n%s", got.err, got.out)
	}
	if got := runWith(t, n.env(), "retention", "all"); !errors.Is(got.err, errUsage) {
		t.Errorf("an argument: %v", got.err)
	}
	if _, err := n.db.Retention(t.Context(), 0, true); err == nil || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no years: %v", err)
	}
}
