package main

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"fundpass/keys/calendar"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

func TestParseDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 9, 17, 0, 0, 0, time.UTC) // 01:00 on the 10th in Beijing
	for _, c := range []struct{ day, want string }{
		{"", "2026-03-09"}, {"2026-03-10", "2026-03-10"}, {"2026-03-09", "2026-03-09"}, {"2026-03-03", "2026-03-03"},
		{"2026-03-02", ""}, {"2026-03-11", ""}, {"20260309", ""}, {"yesterday", ""}, {"2026-02-30", ""},
	} {
		got, err := parseDay(c.day, now)
		switch {
		case c.want == "" && !errors.Is(err, errDay):
			t.Errorf("%q: %v, %v", c.day, got, err)
		case c.want != "" && (err != nil || got.In(calendar.Beijing).Format(time.DateOnly) != c.want):
			t.Errorf("%q: %v, %v, want %s", c.day, got, err, c.want)
		}
	}
}

// cancel lets citizens withdraw at Alipay, whose notices do not arrive.
func (n *fixture) cancel(all ...*citizen) {
	n.t.Helper()
	for _, c := range all {
		_, err := n.sim.Send(n.t.Context(), alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled, Fault: alipaysim.LoseNotice})
		noError(n.t, err)
	}
}

// deliver posts the notice that c withdrew.
func (c *citizen) deliver(base string) {
	c.fixture.t.Helper()
	l, err := c.fixture.sim.Write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	noError(c.fixture.t, err)
	form, err := url.ParseQuery(string(l.Body))
	noError(c.fixture.t, err)
	resp, err := newClient(c.fixture.t).PostForm(base+l.Path, form)
	noError(c.fixture.t, err)
	resp.Body.Close()
}

// reconciled runs the command and returns the numbers it prints.
func (n *fixture) reconciled(day time.Time) string {
	n.t.Helper()
	got := runWith(n.t, n.env(), "reconcile", "--day", day.In(calendar.Beijing).Format(time.DateOnly))
	noError(n.t, got.err)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if len(lines) < 2 || strings.Join(strings.Fields(lines[0]), " ") != "day listed already known repaired" {
		n.t.Fatalf("%s", got.out)
	}
	return strings.Join(strings.Fields(lines[len(lines)-1])[1:], " ")
}

func (n *fixture) events(kind string) (count int) {
	n.t.Helper()
	noError(n.t, n.sql.QueryRow(`SELECT count(*) FROM events WHERE kind = $1`, kind).Scan(&count))
	return count
}

// What was missed is repaired once; what was heard, or came before a new
// authorisation, is left alone.
func TestReconcile(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	all := n.linked(4, server.URL)
	missed, heard, back, apart := all[0], all[1], all[2], all[3]
	today := time.Now()
	if got := n.reconciled(today); got != "0 0 0" {
		t.Errorf("nobody withdrew: %s", got)
	}
	n.cancel(missed, heard, back)
	heard.deliver(server.URL)
	heard.must("SESSION_EXPIRED", getFrom("/v1/link"))
	time.Sleep(1100 * time.Millisecond) // Alipay's list tells no parts of a second
	old := back.Token
	back.mustLogIn()
	missed.must("OK", getFrom("/v1/link"))

	if got := n.reconciled(today); got != "3 1 2" { // of back, the session before
		t.Errorf("first time: %s", got)
	}
	missed.must("SESSION_EXPIRED", getFrom("/v1/link"))
	back.must("OK", getFrom("/v1/link"))
	apart.must("OK", getFrom("/v1/link"))
	back.Token = old
	back.must("SESSION_EXPIRED", getFrom("/v1/link"))
	if got := n.events(store.EventAuthorisationWithdrawn); got != 2 {
		t.Errorf("%d withdrawals recorded, want those of missed and heard", got)
	}
	if got := n.reconciled(today); got != "3 3 0" {
		t.Errorf("second time: %s", got)
	}
	missed.mustLogIn() // authorises anew
	missed.must("NOT_LINKED", getFrom("/v1/link"))
	missed.must("OK", missed.link())
}

func TestReconcileRefused(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	c := n.linked(1, n.serve(n.dsn).URL)[0]
	n.cancel(c)
	today := time.Now().In(calendar.Beijing).Format(time.DateOnly)
	for _, tt := range []struct {
		name   string
		change values
		day    string
		fault  string
		want   string // in the error
	}{
		{"nothing set", values{"FUNDPASS_APP_ID": "", "FUNDPASS_DATABASE_URL": "", "FUNDPASS_COLUMN_KEY_FILE": ""}, today, "", "FUNDPASS_COLUMN_KEY_FILE: is not set"},
		{"centre of the demo", values{"FUNDPASS_CENTER": "demo"}, today, "", "FUNDPASS_CENTER"},
		{"other key for columns", values{"FUNDPASS_COLUMN_KEY_FILE": n.path("pepper.key")}, today, "", "FUNDPASS_COLUMN_KEY_FILE"},
		{"long ago", nil, "2026-01-01", "", "--day"},
		{"Alipay is busy", nil, today, "error", "unavailable"},
		{"forged", nil, today, "bad_signature", "forged"},
		{"no database", values{"FUNDPASS_DATABASE_URL": "postgres://fundpass@127.0.0.1:1/fundpass?sslmode=disable"}, today, "", "FUNDPASS_DATABASE_URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noError(t, n.sim.Fault(tt.fault, 1))
			got := runWith(t, n.env(tt.change), "reconcile", "--day", tt.day)
			if got.err == nil || !strings.Contains(got.err.Error(), tt.want) || strings.Contains(got.out+got.log+got.err.Error(), c.OpenID) {
				t.Errorf("got %v, want %s:\n%s", got.err, tt.want, got.out)
			}
		})
	}
	c.must("OK", getFrom("/v1/link")) // nothing was done
	noError(t, n.sim.Fault("", 0))
	if got := n.reconciled(time.Now()); got != "1 0 1" {
		t.Error(got)
	}
}
