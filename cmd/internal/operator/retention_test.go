package operator

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/store"
)

// TestRetentionCommand checks that the command prints every kind with its period, and
// that FUNDPASS_AUDIT_YEARS decides how long actions are kept.
func TestRetentionCommand(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := n.AddCitizens(1, "")[0]
	cmdtest.NoError(t, runAbout(n, c.AccountNo, "unlock").Err)
	_, err := n.SQL.Exec(`UPDATE operator_actions SET at = now() - interval '18 months'`)
	cmdtest.NoError(t, err)
	actions := `SELECT count(*) FROM operator_actions`

	kept := operate(t, n.ServerEnv, "", "retention")
	cmdtest.NoError(t, kept.Err)
	dry := n.In(t)
	env := n.Env(map[string]string{"FUNDPASS_AUDIT_YEARS": "1"})
	counted := cmdtest.Run(t, env, "retention", "--dry-run")
	cmdtest.NoError(t, counted.Err)
	if dry.Number(actions) != 1 {
		t.Fatal("deleted too early, or in a dry run")
	}
	for _, want := range []string{"to delete", "events", "operators' actions", "reset codes", "changes", "resets", "consents", "attempts", "sessions",
		"first answers", "notices to owners", "notifications", time.Now().AddDate(-1, 0, 0).In(calendar.Beijing).Format("2006-01")} {
		if !strings.Contains(counted.Out, want) {
			t.Errorf("%q is not in\n%s", want, counted.Out)
		}
	}
	if !strings.Contains(kept.Out, time.Now().AddDate(-3, 0, 0).In(calendar.Beijing).Format("2006-01")) {
		t.Errorf("three years are not in\n%s", kept.Out)
	}
}

func TestRetentionRefuses(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	got := cmdtest.Run(t, n.Env(map[string]string{"FUNDPASS_AUDIT_YEARS": "0"}), "retention")
	if got.Err == nil || !strings.Contains(got.Err.Error(), "FUNDPASS_AUDIT_YEARS") || got.Out != "" {
		t.Errorf("%v\n%s", got.Err, got.Out)
	}
	if got := cmdtest.Run(t, n.Env(), "retention", "all"); !errors.Is(got.Err, terminal.ErrUsage) {
		t.Errorf("an argument: %v", got.Err)
	}
	if _, err := n.DB.Operations().Retention(t.Context(), 0, true); err == nil || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no years: %v", err)
	}
}
