package serve

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// TestServeRetains checks that serve deletes expired data as the command retention does.
func TestServeRetains(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := n.AddCitizens(1, "")[0]
	_, err := n.DB.Operations().Unlock(t.Context(), store.OperatorRequest{AccountNo: c.AccountNo, Operator: "li", Reason: "at the counter"})
	cmdtest.NoError(t, err)
	_, err = n.SQL.Exec(`UPDATE operator_actions SET at = now() - interval '18 months'`)
	cmdtest.NoError(t, err)

	var log cmdtest.LogBuffer
	a := &App{DB: n.DB, log: slog.New(slog.NewTextHandler(&log, nil)), Settings: settings.Settings{AuditYears: 1}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.retain(ctx, time.Millisecond, time.Hour); close(done) }()
	testenv.Eventually(t, "the action is deleted and logged", func() bool {
		return n.Number(`SELECT count(*) FROM operator_actions`) == 0 && strings.Contains(log.String(), "rows=1")
	})
	stop()
	<-done
	if text := log.String(); !strings.Contains(text, `kind="operators' actions"`) || strings.Contains(text, "WARN") {
		t.Errorf("log: %s", text)
	}
}
