package roster

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
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

// cancelFor lets citizens withdraw at Alipay, whose notices do not arrive.
func cancelFor(n *cmdtest.Fixture, all ...*cmdtest.Citizen) {
	n.T.Helper()
	for _, c := range all {
		_, err := n.Sim.Send(n.T.Context(), alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled, Fault: alipaysim.LoseNotice})
		cmdtest.NoError(n.T, err)
	}
}

// deliverCancel posts the notice that c withdrew.
func deliverCancel(c *cmdtest.Citizen, base string) {
	c.Fixture.T.Helper()
	l, err := c.Fixture.Sim.Write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	cmdtest.NoError(c.Fixture.T, err)
	form, err := url.ParseQuery(string(l.Body))
	cmdtest.NoError(c.Fixture.T, err)
	resp, err := cmdtest.NewClient(c.Fixture.T).PostForm(base+l.Path, form)
	cmdtest.NoError(c.Fixture.T, err)
	resp.Body.Close()
}

// reconciled runs the command and returns the numbers it prints.
func reconciled(n *cmdtest.Fixture, day time.Time) string {
	n.T.Helper()
	got := cmdtest.Run(n.T, n.Env(), "reconcile", "--day", day.In(calendar.Beijing).Format(time.DateOnly))
	cmdtest.NoError(n.T, got.Err)
	lines := strings.Split(strings.TrimSpace(got.Out), "\n")
	if len(lines) < 2 || strings.Join(strings.Fields(lines[0]), " ") != "day listed already known repaired" {
		n.T.Fatalf("%s", got.Out)
	}
	return strings.Join(strings.Fields(lines[len(lines)-1])[1:], " ")
}

// What was missed is repaired once; what was heard, or came before a new
// authorisation, is left alone.
func TestReconcile(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	all := n.Linked(4, server.URL)
	missed, heard, back, apart := all[0], all[1], all[2], all[3]
	today := time.Now()
	if got := reconciled(n, today); got != "0 0 0" {
		t.Errorf("nobody withdrew: %s", got)
	}
	cancelFor(n, missed, heard, back)
	deliverCancel(heard, server.URL)
	heard.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	time.Sleep(1100 * time.Millisecond) // Alipay's list tells no parts of a second
	old := back.Token
	back.MustLogIn()
	missed.Must("OK", cmdtest.GetFrom("/v1/link"))

	if got := reconciled(n, today); got != "3 1 2" { // of back, the session before
		t.Errorf("first time: %s", got)
	}
	missed.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	back.Must("OK", cmdtest.GetFrom("/v1/link"))
	apart.Must("OK", cmdtest.GetFrom("/v1/link"))
	back.Token = old
	back.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	if got := n.Events(store.EventAuthorisationWithdrawn); got != 2 {
		t.Errorf("%d withdrawals recorded, want those of missed and heard", got)
	}
	if got := reconciled(n, today); got != "3 3 0" {
		t.Errorf("second time: %s", got)
	}
	missed.MustLogIn() // authorises anew
	missed.Must("NOT_LINKED", cmdtest.GetFrom("/v1/link"))
	missed.Must("OK", missed.Link())
}

func TestReconcileRefused(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := n.Linked(1, n.Serve(n.DSN).URL)[0]
	cancelFor(n, c)
	today := time.Now().In(calendar.Beijing).Format(time.DateOnly)
	for _, tt := range []struct {
		name   string
		change cmdtest.Values
		day    string
		fault  string
		want   string // in the error
	}{
		{"nothing set", cmdtest.Values{"FUNDPASS_APP_ID": "", "FUNDPASS_DATABASE_URL": "", "FUNDPASS_COLUMN_KEY_FILE": ""}, today, "", "FUNDPASS_COLUMN_KEY_FILE: is not set"},
		{"centre of the demo", cmdtest.Values{"FUNDPASS_CENTER": "demo"}, today, "", "FUNDPASS_CENTER"},
		{"other key for columns", cmdtest.Values{"FUNDPASS_COLUMN_KEY_FILE": n.Path("pepper.key")}, today, "", "FUNDPASS_COLUMN_KEY_FILE"},
		{"long ago", nil, "2026-01-01", "", "--day"},
		{"Alipay is busy", nil, today, "error", "unavailable"},
		{"forged", nil, today, "bad_signature", "forged"},
		{"no database", cmdtest.Values{"FUNDPASS_DATABASE_URL": "postgres://fundpass@127.0.0.1:1/fundpass?sslmode=disable"}, today, "", "FUNDPASS_DATABASE_URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmdtest.NoError(t, n.Sim.Fault(tt.fault, 1))
			got := cmdtest.Run(t, n.Env(tt.change), "reconcile", "--day", tt.day)
			if got.Err == nil || !strings.Contains(got.Err.Error(), tt.want) || strings.Contains(got.Out+got.Log+got.Err.Error(), c.OpenID) {
				t.Errorf("got %v, want %s:\n%s", got.Err, tt.want, got.Out)
			}
		})
	}
	c.Must("OK", cmdtest.GetFrom("/v1/link")) // nothing was done
	cmdtest.NoError(t, n.Sim.Fault("", 0))
	if got := reconciled(n, time.Now()); got != "1 0 1" {
		t.Error(got)
	}
}
