package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/cmd/internal/settings"
	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/store"
)

const templateMethod = "alipay.open.app.mini.templatemessage.send"

// unsent are the notices that are neither delivered nor given up.
const unsent = `SELECT count(*) FROM outbox WHERE done_at IS NULL AND failed_at IS NULL`

// mailer returns one of the fixture, without a server.
func (n *fixture) mailer(template string) (*mailer, *logBuffer) {
	n.t.Helper()
	log := new(logBuffer)
	keyring, err := keys.LoadAlipayKeyring(keys.AlipayKeyringFiles{
		AppID: n.appID, AppKey: n.path("app_private_key.pem"), AlipayKeys: []string{n.path("alipay_public_key.txt")},
	})
	noError(n.t, err)
	gateway, err := signing.NewGateway(keyring, n.gateway.URL+"/gateway.do", signing.Options{})
	noError(n.t, err)
	return &mailer{
		db: n.db, gateway: gateway, log: slog.New(slog.NewJSONHandler(log, nil)), template: template, page: "pages/notme",
	}, log
}

// queue puts rows into the outbox that only look like notices.
func (n *fixture) queue(k int, kind string, age time.Duration) {
	n.t.Helper()
	for range k {
		_, err := n.sql.Exec(`
			INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at)
			VALUES ($4, $1, $2, $1, 'x', $3, $3)`, uuid.New(), kind, time.Now().Add(-age), n.center)
		noError(n.t, err)
	}
}

// What cannot be read, and what a newer version wrote, waits for who can; a
// batch that was full is followed by the next at once; old news is given up.
func TestMailerRound(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	m, log := n.mailer("template")
	if m.round(t.Context()) {
		t.Error("an empty outbox has more")
	}
	n.queue(mailBatch+1, store.NoticeLinked, time.Second) // surely due, whatever the clocks
	if !m.round(t.Context()) {
		t.Error("a full batch has no more")
	}
	if m.round(t.Context()) {
		t.Error("one row is a full batch")
	}
	n.queue(2, store.NoticeLinked, store.NoticeLife+time.Minute)
	m.round(t.Context())
	m.refreshGauges(t.Context())
	got := m.report()
	if got.Due != mailBatch+1 || got.Failed != 2 || got.Delivered != 0 || got.Oldest <= 0 || got.Oldest > time.Minute {
		t.Errorf("%+v", got)
	}
	if strings.Count(log.String(), "notice deferred") != mailBatch+1 || strings.Count(log.String(), `"level":"ERROR"`) != 1 {
		t.Errorf("log:\n%s", log)
	}
	if n.sim.Calls(templateMethod) != 0 {
		t.Error("Alipay was asked to tell what cannot be read")
	}
}

func TestMailerNewerKind(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	n.linked(1, server.URL)
	_, err := n.sql.Exec(`UPDATE outbox SET kind = 'of a newer version'`)
	noError(t, err)
	m, _ := n.mailer("template")
	due, _, err := n.db.Due(t.Context(), 1)
	noError(t, err)
	if err := m.send(t.Context(), due[0]); !errors.Is(err, errNewerKind) {
		t.Errorf("got %v", err)
	}
	m.deliver(t.Context(), due[0])
	if n.number(unsent) != 1 || m.report().Failed != 0 {
		t.Error("it was settled")
	}
}

// The mailer ends with its context, and a database that is away is a warning.
func TestMailerWork(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	m, log := n.mailer("template")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	n.queue(1, store.NoticeLinked, -time.Hour) // not due yet
	go func() { m.work(ctx, time.Hour); close(done) }()
	testenv.Eventually(t, "the mailer has looked", func() bool { return m.report().Due == 1 })
	stop()
	<-done
	if log.String() != "" {
		t.Errorf("log:\n%s", log)
	}
	noError(t, n.db.Close())
	m.round(t.Context())
	if !strings.Contains(log.String(), "outbox not read") {
		t.Errorf("log:\n%s", log)
	}
}

func TestMessageSettings(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	for _, c := range []struct{ setting, value, want string }{
		{"FUNDPASS_MESSAGE_PAGE", "/pages/notme", "leading slash"},
		{"FUNDPASS_MESSAGE_PAGE", "我的密码", "ASCII"},
		{"FUNDPASS_MESSAGE_PAGE", strings.Repeat("p", 81), "80"},
		{"FUNDPASS_MESSAGE_TEMPLATE", "a b", "template id"},
		{"FUNDPASS_MESSAGE_TEMPLATE", strings.Repeat("t", 65), "64"},
	} {
		_, err := settings.Read(getenvOf(s.env(values{c.setting: c.value})))
		if err == nil || !strings.HasPrefix(err.Error(), c.setting+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", c.setting, c.value, err)
		}
	}
	got, err := settings.Read(getenvOf(s.env(values{
		"FUNDPASS_MESSAGE_PAGE": strings.Repeat("p", 80), "FUNDPASS_MESSAGE_TEMPLATE": "MDI4YzIxMDE2M2I5YTQzYjUxNWE4MjA4NmU1MTIyYmM=",
	})))
	noError(t, err)
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
