package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// userIDs gives citizens whom Alipay calls by both names; the application hears what
// Identify says.
func (n *fixture) userIDs(all ...*citizen) {
	for i, c := range all {
		c.UserID = fmt.Sprintf("2088%012d", *n.count*1000+i)
		n.sim.Add(c.Person)
	}
}

// byUserID are k citizens who linked while Alipay called them by user_id.
func (n *fixture) byUserID(k int, base string) []*citizen {
	n.t.Helper()
	noError(n.t, n.sim.Identify(alipaysim.GiveUserID))
	all := n.addCitizens(k, base)
	n.userIDs(all...)
	for _, c := range all {
		c.mustLogIn()
		c.must("OK", c.link())
	}
	return all
}

// changedOver runs the command and returns its table and advice in one line.
func (n *fixture) changedOver(args ...string) string {
	n.t.Helper()
	got := runWith(n.t, n.env(), append([]string{"migrate-openid"}, args...)...)
	if got.err != nil {
		n.t.Fatalf("%v\n%s", got.err, got.log)
	}
	return strings.Join(strings.Fields(got.out), " ")
}

func tally(moved, before, unknown, conflicts, left int) string {
	return fmt.Sprintf("%d moved before %d moved or unlinked meanwhile 0 unknown to Alipay %d in conflict %d left under the user_id %d", moved, before, unknown, conflicts, left)
}

// The whole way of a citizen: linked by user_id; the application is changed over; the
// session from before goes on; the next one, by open_id alone, finds the link, and the
// password is changed and the notice sent in it.
func TestOpenID(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	c := n.byUserID(1, server.URL)[0]
	change := changeAt(c.must("OK", c.openChange(c.Password)))
	before := c.token

	noError(t, n.sim.Identify(alipaysim.GiveOpenID))
	c.mustLogIn()
	c.must("NOT_LINKED", getFrom("/v1/link")) // an open_id alone is nobody known
	c.must("ALREADY_LINKED", c.link())
	c.token = before
	c.must("OK", getFrom("/v1/link"))

	wantIn(t, n.changedOver("--dry-run"), "would be moved to the open_id "+tally(1, 0, 0, 0, 0))
	c.must("OK", getFrom("/v1/link"))
	wantIn(t, n.changedOver(), tally(1, 0, 0, 0, 0), "Nothing is left")
	wantIn(t, n.changedOver(), tally(0, 1, 0, 0, 0))

	next := c.newPassword()
	c.must("OK", confirmTo(change, next)) // by the session from before
	c.mustLogIn()
	c.must("OK", getFrom("/v1/link"))
	if got := c.must("OK", getFrom(change)).text("state"); got != "done" {
		t.Errorf("the change is %s", got)
	}
	again := changeAt(c.must("OK", c.openChange(next)))
	c.must("OK", confirmTo(again, c.newPassword()))
	if got := n.messages(c); got < 2 {
		t.Errorf("%d messages, want 2", got)
	}
	c.must("OK", postTo("/v1/freeze", fields{}))
	c.must("SESSION_EXPIRED", getFrom("/v1/link"))
	if got := c.text(n); strings.Contains(got, c.OpenID) || strings.Contains(got, c.UserID) {
		t.Error("an identifier stands readable in the database")
	}
}

// messages are those to the open_id, once what is due was sent.
func (n *fixture) messages(c *citizen) (got int) {
	n.t.Helper()
	m, _ := n.mailer("template-1")
	m.round(n.t.Context())
	for _, message := range n.sim.Messages() {
		var sent struct {
			To string `json:"to_open_id"`
		}
		if noError(n.t, json.Unmarshal(message.Content, &sent)); message.Method == templateMethod && sent.To == c.OpenID {
			got++
		}
	}
	return got
}

// text is every row that could name the citizen.
func (c *citizen) text(n *fixture) (all string) {
	n.t.Helper()
	noError(n.t, n.sql.QueryRow(`SELECT concat(
		(SELECT string_agg(l::text, ' ') FROM alipay_links l), (SELECT string_agg(s::text, ' ') FROM sessions s),
		(SELECT string_agg(o::text, ' ') FROM outbox o), (SELECT string_agg(e::text, ' ') FROM events e))`).Scan(&all))
	return all
}

// While Alipay gives both, whoever comes is moved without the command.
func TestOpenIDWithBoth(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	all := n.byUserID(3, server.URL)
	noError(t, n.sim.Identify(alipaysim.GiveBoth))
	all[0].mustLogIn()
	all[0].must("OK", getFrom("/v1/link"))
	noError(t, n.sim.Identify(alipaysim.GiveUserID)) // the console can be turned back
	all[0].mustLogIn()
	all[0].must("OK", getFrom("/v1/link"))
	wantIn(t, n.changedOver(), tally(2, 1, 0, 0, 0))
	all[1].mustLogIn()
	all[1].must("OK", getFrom("/v1/link"))
	n.cancel(all[1]) // by user_id
	if got := n.reconciled(time.Now()); got != "1 0 1" {
		t.Errorf("a withdrawal by user_id: %s", got)
	}
}

// Whom Alipay does not know and who is in somebody's way stays, and is reported.
func TestOpenIDLeaves(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	all := n.byUserID(4, server.URL)
	left, torn := all[0], all[1]
	other := n.addCitizens(1, server.URL)[0]
	n.sim.Add(alipaysim.Person{Person: other.Person.Person, OpenID: torn.OpenID})
	noError(t, n.sim.Identify(""))
	other.mustLogIn() // as torn, by open_id
	other.must("OK", other.link())
	gone := left.Person
	gone.UserID = ""
	n.sim.Add(gone)

	got := runWith(t, n.env(), "migrate-openid")
	if !errors.Is(got.err, errOpenIDConflicts) {
		t.Errorf("got %v", got.err)
	}
	out := strings.Join(strings.Fields(got.out), " ")
	wantIn(t, out, tally(2, 0, 1, 1, 2), "1 stay under the user_id", "One Alipay user is linked to accounts")
	for _, c := range all {
		if strings.Contains(got.out+got.log+got.err.Error(), c.UserID) || strings.Contains(got.out+got.log, c.OpenID) {
			t.Error("an identifier was printed")
		}
	}
	left.must("OK", getFrom("/v1/link"))
	torn.must("OK", getFrom("/v1/link"))
	other.must("OK", getFrom("/v1/link"))
}

func TestOpenIDRefused(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	c := n.byUserID(1, n.serve(n.dsn).URL)[0]
	for _, tt := range []struct {
		name   string
		change values
		fault  string
		want   string
	}{
		{"nothing set", values{"FUNDPASS_DATABASE_URL": "", "FUNDPASS_COLUMN_KEY_FILE": ""}, "", "FUNDPASS_COLUMN_KEY_FILE: is not set"},
		{"forged", nil, "bad_signature", "forged"},
		{"Alipay knows the application otherwise", nil, "other_root", "forged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noError(t, n.sim.Fault(tt.fault, 1))
			got := runWith(t, n.env(tt.change), "migrate-openid")
			if got.err == nil || !strings.Contains(got.err.Error(), tt.want) || strings.Contains(got.out+got.log+got.err.Error(), c.UserID) {
				t.Errorf("got %v, want %s:\n%s", got.err, tt.want, got.out)
			}
		})
	}
	noError(t, n.sim.Fault("call_limited", 1))
	wantIn(t, n.changedOver(), tally(1, 0, 0, 0, 0))
}

// A question is repeated when Alipay is busy, so often and no oftener; one citizen it
// will not speak of keeps nobody back.
func TestOpenIDAsks(t *testing.T) {
	t.Parallel()
	users := []store.Identity{{AppID: "a", Kind: "user_id", Value: "1"}, {AppID: "a", Kind: "user_id", Value: "2"}}
	for _, tt := range []struct {
		name   string
		answer func(call int, ids []string) error
		calls  int
		named  string
		err    error
	}{
		{"at once", func(int, []string) error { return nil }, 1, "1 2", nil},
		{"at the last time", func(call int, _ []string) error { return busyUntil(call, 7) }, 7, "1 2", nil},
		{"never", func(call int, _ []string) error { return signing.ErrUnavailable }, 7, "", signing.ErrUnavailable},
		{"forged", func(int, []string) error { return signing.ErrForged }, 1, "", signing.ErrForged},
		{"application refused", func(int, []string) error { return signing.ErrConfiguration }, 3, "", signing.ErrConfiguration},
		{"one refused", func(_ int, ids []string) error {
			if slices.Contains(ids, "1") {
				return signing.ErrConfiguration
			}
			return nil
		}, 3, "2", nil},
	} {
		calls := 0
		c := openIDMigration{openIDs: func(_ context.Context, ids []string) (all []signing.Identity, _ error) {
			calls++
			if err := tt.answer(calls, ids); err != nil {
				return nil, err
			}
			for _, id := range ids {
				all = append(all, signing.Identity{Value: "o" + id, UserID: id})
			}
			return all, nil
		}}
		named, err := c.name(t.Context(), users)
		var got []string
		for _, id := range named {
			got = append(got, id.UserID)
		}
		if calls != tt.calls || strings.Join(got, " ") != tt.named || !errors.Is(err, tt.err) {
			t.Errorf("%s: %d calls, %v, %v", tt.name, calls, got, err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	c := openIDMigration{pause: time.Hour, openIDs: func(context.Context, []string) ([]signing.Identity, error) { return nil, signing.ErrUnavailable }}
	if _, err := c.name(ctx, users); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func busyUntil(call, last int) error {
	if call < last {
		return signing.ErrUnavailable
	}
	return nil
}

// crowd adds k people with a link by user_id to the fixture, without a server.
func (n *fixture) crowd(k int) {
	n.t.Helper()
	for i := range k {
		no := fmt.Sprintf("88%010d", i)
		_, err := n.db.ImportDepositors(n.t.Context(), []store.Depositor{{
			Person: store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no}, DocumentKey: []byte("03:E" + no),
			Status: store.StatusNormal, InitialRule: "id-last6"}})
		noError(n.t, err)
		a, err := n.db.AccountByNumber(n.t.Context(), no)
		noError(n.t, err)
		p := alipaysim.Person{Person: no, UserID: fmt.Sprintf("2088%012d", i)}
		n.sim.Add(p)
		s, err := n.db.OpenSession(n.t.Context(), []byte(no), store.Visitor{Identity: store.Identity{AppID: n.appID, Kind: "user_id", Value: p.UserID}})
		noError(n.t, err)
		noError(n.t, n.db.AddLink(n.t.Context(), s, a, nil))
	}
}

func (n *fixture) movedLinks() (moved int) {
	n.t.Helper()
	noError(n.t, n.sql.QueryRow(`SELECT count(user_digest) FROM alipay_links`).Scan(&moved))
	return moved
}

// An operator's Ctrl-C in the middle, and start again: everybody is moved once.
func TestOpenIDStopped(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	const k = 3 * signing.OpenIDBatch
	n.crowd(k)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"migrate-openid"}, stdio{getenv: getenvOf(n.env()), in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	}()
	n.awaitMoved(0)
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "goes on where") {
		t.Fatalf("got %v", err)
	}
	done := n.movedLinks()
	wantIn(t, n.changedOver(), tally(k-done, done, 0, 0, 0))
	wantIn(t, n.changedOver(), tally(0, k, 0, 0, 0))
}

// awaitMoved waits until more than so many links are moved.
func (n *fixture) awaitMoved(more int) {
	n.t.Helper()
	testenv.Eventually(n.t, "somebody is moved", func() bool { return n.movedLinks() > more })
}
