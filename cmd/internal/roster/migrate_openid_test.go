package roster

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

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// userIDs gives citizens whom Alipay calls by both names; the application hears what
// Identify says.
func userIDs(n *cmdtest.Fixture, all ...*cmdtest.Citizen) {
	for i, c := range all {
		c.UserID = fmt.Sprintf("2088%012d", *n.Count*1000+i)
		n.Sim.Add(c.Person)
	}
}

// byUserID are k citizens who linked while Alipay called them by user_id.
func byUserID(n *cmdtest.Fixture, k int, base string) []*cmdtest.Citizen {
	n.T.Helper()
	cmdtest.NoError(n.T, n.Sim.Identify(alipaysim.GiveUserID))
	all := n.AddCitizens(k, base)
	userIDs(n, all...)
	for _, c := range all {
		c.MustLogIn()
		c.Must("OK", c.Link())
	}
	return all
}

// changedOver runs the command and returns its table and advice in one line.
func changedOver(n *cmdtest.Fixture, args ...string) string {
	n.T.Helper()
	got := cmdtest.Run(n.T, n.Env(), append([]string{"migrate-openid"}, args...)...)
	if got.Err != nil {
		n.T.Fatalf("%v\n%s", got.Err, got.Log)
	}
	return strings.Join(strings.Fields(got.Out), " ")
}

func tally(moved, before, unknown, conflicts, left int) string {
	return fmt.Sprintf("%d moved before %d moved or unlinked meanwhile 0 unknown to Alipay %d in conflict %d left under the user_id %d", moved, before, unknown, conflicts, left)
}

// The whole way of a citizen: linked by user_id; the application is changed over; the
// session from before goes on; the next one, by open_id alone, finds the link, and the
// password is changed and the notice sent in it.
func TestOpenID(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	c := byUserID(n, 1, server.URL)[0]
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	before := c.Token

	cmdtest.NoError(t, n.Sim.Identify(alipaysim.GiveOpenID))
	c.MustLogIn()
	c.Must("NOT_LINKED", cmdtest.GetFrom("/v1/link")) // an open_id alone is nobody known
	c.Must("ALREADY_LINKED", c.Link())
	c.Token = before
	c.Must("OK", cmdtest.GetFrom("/v1/link"))

	cmdtest.WantIn(t, changedOver(n, "--dry-run"), "would be moved to the open_id "+tally(1, 0, 0, 0, 0))
	c.Must("OK", cmdtest.GetFrom("/v1/link"))
	cmdtest.WantIn(t, changedOver(n), tally(1, 0, 0, 0, 0), "Nothing is left")
	cmdtest.WantIn(t, changedOver(n), tally(0, 1, 0, 0, 0))

	next := c.NewPassword()
	c.Must("OK", cmdtest.ConfirmTo(change, next)) // by the session from before
	c.MustLogIn()
	c.Must("OK", cmdtest.GetFrom("/v1/link"))
	if got := c.Must("OK", cmdtest.GetFrom(change)).Text("state"); got != "done" {
		t.Errorf("the change is %s", got)
	}
	again := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(next)))
	c.Must("OK", cmdtest.ConfirmTo(again, c.NewPassword()))
	awaitMessages(n, c, 2)
	c.Must("OK", cmdtest.PostTo("/v1/freeze", apiclient.Fields{}))
	c.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	if got := textAbout(c, n); strings.Contains(got, c.OpenID) || strings.Contains(got, c.UserID) {
		t.Error("an identifier stands readable in the database")
	}
}

// awaitMessages starts a server that sends what is due, and waits for so many messages to
// the open_id.
func awaitMessages(n *cmdtest.Fixture, c *cmdtest.Citizen, want int) {
	n.T.Helper()
	server := cmdtest.StartServer(n.T, n.Env(cmdtest.Values{"FUNDPASS_MESSAGE_TEMPLATE": "template-1"}))
	testenv.Eventually(n.T, "the owner is told", func() bool {
		got := 0
		for _, message := range n.Sim.Messages() {
			var sent struct {
				To string `json:"to_open_id"`
			}
			if cmdtest.NoError(n.T, json.Unmarshal(message.Content, &sent)); message.Method == cmdtest.TemplateMethod && sent.To == c.OpenID {
				got++
			}
		}
		return got >= want
	})
	cmdtest.NoError(n.T, server.Stop())
}

// textAbout is every row that could name the citizen.
func textAbout(c *cmdtest.Citizen, n *cmdtest.Fixture) (all string) {
	n.T.Helper()
	cmdtest.NoError(n.T, n.SQL.QueryRow(`SELECT concat(
		(SELECT string_agg(l::text, ' ') FROM links l), (SELECT string_agg(s::text, ' ') FROM sessions s),
		(SELECT string_agg(o::text, ' ') FROM outbox o), (SELECT string_agg(e::text, ' ') FROM events e))`).Scan(&all))
	return all
}

// While Alipay gives both, whoever comes is moved without the command.
func TestOpenIDWithBoth(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	all := byUserID(n, 3, server.URL)
	cmdtest.NoError(t, n.Sim.Identify(alipaysim.GiveBoth))
	all[0].MustLogIn()
	all[0].Must("OK", cmdtest.GetFrom("/v1/link"))
	cmdtest.NoError(t, n.Sim.Identify(alipaysim.GiveUserID)) // the console can be turned back
	all[0].MustLogIn()
	all[0].Must("OK", cmdtest.GetFrom("/v1/link"))
	cmdtest.WantIn(t, changedOver(n), tally(2, 1, 0, 0, 0))
	all[1].MustLogIn()
	all[1].Must("OK", cmdtest.GetFrom("/v1/link"))
	cancelFor(n, all[1]) // by user_id
	if got := reconciled(n, time.Now()); got != "1 0 1" {
		t.Errorf("a withdrawal by user_id: %s", got)
	}
}

// Whom Alipay does not know and who is in somebody's way stays, and is reported.
func TestOpenIDLeaves(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	all := byUserID(n, 4, server.URL)
	left, torn := all[0], all[1]
	other := n.AddCitizens(1, server.URL)[0]
	n.Sim.Add(alipaysim.Person{Person: other.Person.Person, OpenID: torn.OpenID})
	cmdtest.NoError(t, n.Sim.Identify(""))
	other.MustLogIn() // as torn, by open_id
	other.Must("OK", other.Link())
	gone := left.Person
	gone.UserID = ""
	n.Sim.Add(gone)

	got := cmdtest.Run(t, n.Env(), "migrate-openid")
	if !errors.Is(got.Err, errOpenIDConflicts) {
		t.Errorf("got %v", got.Err)
	}
	out := strings.Join(strings.Fields(got.Out), " ")
	cmdtest.WantIn(t, out, tally(2, 0, 1, 1, 2), "1 stay under the user_id", "One Alipay user is linked to accounts")
	for _, c := range all {
		if strings.Contains(got.Out+got.Log+got.Err.Error(), c.UserID) || strings.Contains(got.Out+got.Log, c.OpenID) {
			t.Error("an identifier was printed")
		}
	}
	left.Must("OK", cmdtest.GetFrom("/v1/link"))
	torn.Must("OK", cmdtest.GetFrom("/v1/link"))
	other.Must("OK", cmdtest.GetFrom("/v1/link"))
}

func TestOpenIDRefused(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := byUserID(n, 1, n.Serve(n.DSN).URL)[0]
	for _, tt := range []struct {
		name   string
		change cmdtest.Values
		fault  string
		want   string
	}{
		{"nothing set", cmdtest.Values{"FUNDPASS_DATABASE_URL": "", "FUNDPASS_COLUMN_KEY_FILE": ""}, "", "FUNDPASS_COLUMN_KEY_FILE: is not set"},
		{"forged", nil, "bad_signature", "forged"},
		{"Alipay knows the application otherwise", nil, "other_root", "forged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmdtest.NoError(t, n.Sim.Fault(tt.fault, 1))
			got := cmdtest.Run(t, n.Env(tt.change), "migrate-openid")
			if got.Err == nil || !strings.Contains(got.Err.Error(), tt.want) || strings.Contains(got.Out+got.Log+got.Err.Error(), c.UserID) {
				t.Errorf("got %v, want %s:\n%s", got.Err, tt.want, got.Out)
			}
		})
	}
	cmdtest.NoError(t, n.Sim.Fault("call_limited", 1))
	cmdtest.WantIn(t, changedOver(n), tally(1, 0, 0, 0, 0))
}

// A question is repeated when Alipay is busy, so often and no oftener; one citizen it
// will not speak of keeps nobody back.
func TestOpenIDAsks(t *testing.T) {
	t.Parallel()
	users := []store.Identity{{Provider: store.ProviderAlipay, AppID: "a", Kind: "user_id", Value: "1"}, {Provider: store.ProviderAlipay, AppID: "a", Kind: "user_id", Value: "2"}}
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

// moveCrowd adds k people with a link by user_id to the fixture, without a server.
func moveCrowd(n *cmdtest.Fixture, k int) {
	n.T.Helper()
	for i := range k {
		no := fmt.Sprintf("88%010d", i)
		_, err := n.DB.Roster().ImportDepositors(n.T.Context(), []store.Depositor{{
			Person: store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no}, DocumentKey: []byte("03:E" + no),
			Status: store.StatusNormal, InitialRule: "id-last6"}})
		cmdtest.NoError(n.T, err)
		a, err := n.DB.AccountByNumber(n.T.Context(), no)
		cmdtest.NoError(n.T, err)
		p := alipaysim.Person{Person: no, UserID: fmt.Sprintf("2088%012d", i)}
		n.Sim.Add(p)
		s, err := n.DB.OpenSession(n.T.Context(), store.ChannelAlipay, []byte(no), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: n.AppID, Kind: "user_id", Value: p.UserID}})
		cmdtest.NoError(n.T, err)
		cmdtest.NoError(n.T, n.DB.AddLink(n.T.Context(), s, a, nil))
	}
}

func movedLinks(n *cmdtest.Fixture) (moved int) {
	n.T.Helper()
	cmdtest.NoError(n.T, n.SQL.QueryRow(`SELECT count(user_digest) FROM links`).Scan(&moved))
	return moved
}

// An operator's Ctrl-C in the middle, and start again: everybody is moved once.
func TestOpenIDStopped(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	const k = 3 * signing.OpenIDBatch
	moveCrowd(n, k)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- cmdtest.Execute(ctx, []string{"migrate-openid"}, terminal.Stdio{Getenv: cmdtest.GetenvOf(n.Env()), In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
	}()
	awaitMoved(n, 0)
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "goes on where") {
		t.Fatalf("got %v", err)
	}
	done := movedLinks(n)
	cmdtest.WantIn(t, changedOver(n), tally(k-done, done, 0, 0, 0))
	cmdtest.WantIn(t, changedOver(n), tally(0, k, 0, 0, 0))
}

// awaitMoved waits until more than so many links are moved.
func awaitMoved(n *cmdtest.Fixture, more int) {
	n.T.Helper()
	testenv.Eventually(n.T, "somebody is moved", func() bool { return movedLinks(n) > more })
}
