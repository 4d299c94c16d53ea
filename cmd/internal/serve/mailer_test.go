package serve

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/store"
)

// unsent counts the notices that are neither delivered nor abandoned.
const unsent = `SELECT count(*) FROM outbox WHERE done_at IS NULL AND failed_at IS NULL`

// mailerOf returns a mailer for the fixture, without a server, and its log.
func mailerOf(n *cmdtest.Fixture, template string) (*mailer, *cmdtest.LogBuffer) {
	n.T.Helper()
	log := new(cmdtest.LogBuffer)
	keyring, err := keys.LoadAlipayKeyring(keys.AlipayKeyringFiles{
		AppID: n.AppID, AppKey: n.Path("app_private_key.pem"), AlipayKeys: []string{n.Path("alipay_public_key.txt")},
	})
	cmdtest.NoError(n.T, err)
	gateway, err := signing.NewGateway(keyring, n.Gateway.URL+"/gateway.do", signing.Options{})
	cmdtest.NoError(n.T, err)
	return &mailer{
		db: n.DB, gateway: gateway, log: slog.New(slog.NewJSONHandler(log, nil)), template: template, page: "pages/notme",
	}, log
}

// queueNotices adds notices with unreadable content to the outbox.
func queueNotices(n *cmdtest.Fixture, k int, kind string, age time.Duration) {
	n.T.Helper()
	for range k {
		_, err := n.SQL.Exec(`
			INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at, expires_at, medium)
			VALUES ($4, $1, $2, $1, 'x', $3, $3, $5, 'message')`, uuid.New(), kind, time.Now().Add(-age), n.Center, time.Now().Add(store.NoticeLife-age))
		cmdtest.NoError(n.T, err)
	}
}

// TestMailerBatch checks that unreadable notices are deferred, that a full batch reports
// that there may be more, and that old notices are abandoned.
func TestMailerBatch(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	m, log := mailerOf(n, "template")
	if m.sendBatch(t.Context()) {
		t.Error("an empty outbox has more")
	}
	queueNotices(n, mailBatch+1, store.NoticeLinked, time.Second) // due whatever the clocks' difference
	if !m.sendBatch(t.Context()) {
		t.Error("a full batch has no more")
	}
	if m.sendBatch(t.Context()) {
		t.Error("one row is a full batch")
	}
	queueNotices(n, 2, store.NoticeLinked, store.NoticeLife+time.Minute)
	m.sendBatch(t.Context())
	m.refreshGauges(t.Context())
	got := m.report()
	if got.Due != mailBatch+1 || got.Failed != 2 || got.Delivered != 0 || got.Oldest <= 0 || got.Oldest > time.Minute {
		t.Errorf("%+v", got)
	}
	if strings.Count(log.String(), "notice deferred") != mailBatch+1 || strings.Count(log.String(), `"level":"ERROR"`) != 1 {
		t.Errorf("log:\n%s", log)
	}
	if n.Sim.Calls(cmdtest.TemplateMethod) != 0 {
		t.Error("an unreadable notice was sent to Alipay")
	}
}

func TestMailerNewerKind(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	n.Linked(1, server.URL)
	_, err := n.SQL.Exec(`UPDATE outbox SET kind = 'of a newer version'`)
	cmdtest.NoError(t, err)
	m, _ := mailerOf(n, "template")
	due, _, err := n.DB.Outbox().Due(t.Context(), 1)
	cmdtest.NoError(t, err)
	if err := m.send(t.Context(), due[0]); !errors.Is(err, errNewerKind) {
		t.Errorf("got %v", err)
	}
	m.deliver(t.Context(), due[0])
	if n.Number(unsent) != 1 || m.report().Failed != 0 {
		t.Error("its result was recorded")
	}
}

// TestMailerWork checks that the mailer stops with its context, and that it warns if the
// database is unavailable.
func TestMailerWork(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	m, log := mailerOf(n, "template")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	queueNotices(n, 1, store.NoticeLinked, -time.Hour) // not due yet
	go func() { drainOutbox(ctx, time.Hour, m.sendBatch); close(done) }()
	testenv.Eventually(t, "the mailer has read the outbox", func() bool { return m.report().Due == 1 })
	stop()
	<-done
	if log.String() != "" {
		t.Errorf("log:\n%s", log)
	}
	cmdtest.NoError(t, n.DB.Close())
	m.sendBatch(t.Context())
	if !strings.Contains(log.String(), "outbox not read") {
		t.Errorf("log:\n%s", log)
	}
}

func TestMessageSettings(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for _, c := range []struct{ setting, value, want string }{
		{"FUNDPASS_MESSAGE_PAGE", "/pages/notme", "leading slash"},
		{"FUNDPASS_MESSAGE_PAGE", "我的密码", "ASCII"},
		{"FUNDPASS_MESSAGE_PAGE", strings.Repeat("p", 81), "80"},
		{"FUNDPASS_MESSAGE_TEMPLATE", "a b", "template id"},
		{"FUNDPASS_MESSAGE_TEMPLATE", strings.Repeat("t", 65), "64"},
	} {
		_, err := settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{c.setting: c.value})))
		if err == nil || !strings.HasPrefix(err.Error(), c.setting+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", c.setting, c.value, err)
		}
	}
	got, err := settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{
		"FUNDPASS_MESSAGE_PAGE": strings.Repeat("p", 80), "FUNDPASS_MESSAGE_TEMPLATE": "MDI4YzIxMDE2M2I5YTQzYjUxNWE4MjA4NmU1MTIyYmM=",
	})))
	cmdtest.NoError(t, err)
	if len(got.MessagePage) != 80 || !strings.HasSuffix(got.MessageTemplate, "=") {
		t.Errorf("%+v", got)
	}
}

func TestMailerPage(t *testing.T) {
	t.Parallel()
	d := store.Delivery{ID: uuid.MustParse("00000000-0000-4000-8000-000000000001")}
	for page, want := range map[string]string{
		"pages/notme": "pages/notme?notice=" + d.ID.String(), "pages/notme?a=b": "pages/notme?a=b&notice=" + d.ID.String(),
	} {
		if got := (&mailer{page: page}).pageOf(d); got != want {
			t.Errorf("got %s", got)
		}
	}
	longest := (&mailer{page: strings.Repeat("p", 80)}).pageOf(d)
	if len(longest) > 128 {
		t.Errorf("the longest page has %d bytes, Alipay takes 128", len(longest))
	}
}
