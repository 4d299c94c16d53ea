package e2e

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// TestKillAtCommit kills the server with SIGKILL at the COMMIT of a change. The
// citizen saw no answer, comes back to another server, and is told the truth.
func TestKillAtCommit(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name  string
		at    moment
		state string // of the change, when the citizen comes back
	}{
		{"committed", afterCommit, "done"},
		{"not committed", beforeCommit, "open"},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			testKillAtCommit(t, k.at, k.state)
		})
	}
}

func testKillAtCommit(t *testing.T, at moment, state string) {
	n := cmdtest.NewOwnFixture(t)
	tap, dsn := newTap(t, n.DSN)
	first := serveOn(n, dsn)
	c := n.Linked(1, first.URL)[0]
	elsewhere := c.Twin(first.URL)
	elsewhere.MustLogIn()
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	chosen := cmdtest.ConfirmTo(change, c.NewPassword()).Under("k-1")
	tap.set("SET state = 'done'", at, first.Kill)
	if a, err := c.Do(t.Context(), chosen); err == nil {
		t.Fatalf("killed before it answered, but: %s", a.Raw)
	}

	second := serveOn(n, n.DSN)
	c.Base, elsewhere.Base = second.URL, second.URL
	if got := c.Must("OK", cmdtest.GetFrom(change)).Text("state"); got != state {
		t.Errorf("it says %s, want %s", got, state)
	}
	if got := truthOf(c); (got.Version == 2) != (at == afterCommit) {
		t.Errorf("before the citizen came back: %+v", got)
	}
	ageLeases(n)
	checkRepeats(t, c, chosen, at == afterCommit)
	elsewhere.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	c.Must("OLD_PASSWORD_WRONG", c.OpenChange(c.Password))
	c.Must("OK", c.OpenChange(passwordOf(chosen)))
	if got := truthOf(c); got.Version != 2 || got.Done != 1 {
		t.Errorf("at the end: %+v", got)
	}
	cmdtest.NoError(t, second.Stop())
	checkServer(t, first, second)
}

// checkRepeats repeats a confirm with and without its key, in either order:
// every answer is the first one, and nothing is done again.
func checkRepeats(t *testing.T, c *cmdtest.Citizen, r apiclient.Request, bareFirst bool) {
	t.Helper()
	bare := r.Under("")
	var answers []string
	ask := func(r apiclient.Request) {
		a := persist(c, r)
		if a.Code != "OK" || a.Text("state") != "done" {
			t.Fatalf("repeated with key %q: %s", r.Key, a.Raw)
		}
		answers = append(answers, string(a.Data))
	}
	if bareFirst {
		ask(bare)
	}
	ask(r)
	ask(r)
	ask(bare)
	for _, a := range answers[1:] {
		if a != answers[0] {
			t.Errorf("another answer: %s, then %s", answers[0], a)
		}
	}
}

func passwordOf(confirm apiclient.Request) string {
	return confirm.Body.(apiclient.Fields)["new_password"].(string)
}

// A diary is what one citizen was told before the server died.
type diary struct {
	*cmdtest.Citizen
	steps   int    // answered
	asked   string // the step that was not answered
	pending string // the new password of the confirm that was not answered
	done    int    // changes
}

// TestKillAnytime kills servers at random moments of sessions, links and
// changes. Whatever was told stands, and whatever was not is there or not, but
// never in part.
func TestKillAnytime(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	var before []*diary
	struck := map[string]int{}
	for range testenv.Rounds(8, 60) {
		server := serveOn(n, n.DSN)
		for _, d := range before {
			d.Base = server.URL
			d.check(t)
		}
		before = nil
		for _, c := range n.AddCitizens(3, server.URL) {
			before = append(before, &diary{Citizen: c})
		}
		var wg sync.WaitGroup
		for _, d := range before {
			wg.Go(func() { d.live(t) })
		}
		time.Sleep(time.Duration(10+rand.IntN(190)) * time.Millisecond)
		server.Kill()
		wg.Wait()
		checkServer(t, server)
		for _, d := range before {
			struck[d.asked]++
		}
	}
	t.Logf("struck during %v", struck)
}

// live goes on until there is no answer.
func (d *diary) live(t *testing.T) {
	d.try(t, "session", cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": d.Code()}).Under(d.Person.Person), func(a apiclient.Answer) { d.Token = a.Text("token") })
	d.try(t, "link", d.Link().Under("l"), func(apiclient.Answer) {})
	for d.asked == "" {
		d.try(t, "open", d.OpenChange(d.Password), func(a apiclient.Answer) { d.Change = cmdtest.ChangeAt(a) })
		d.pending = d.NewPassword()
		d.try(t, "confirm", cmdtest.ConfirmTo(d.Change, d.pending), func(apiclient.Answer) { d.Password = d.pending; d.done++ })
	}
}

// try takes a step, unless one before it was not answered.
func (d *diary) try(t *testing.T, step string, r apiclient.Request, then func(apiclient.Answer)) {
	if d.asked != "" {
		return
	}
	a, err := d.Do(t.Context(), r)
	switch {
	case err != nil:
		d.asked = step
	case a.Code == "BUSY": // so is the machine
		d.try(t, step, r, then)
	case a.Code != "OK":
		t.Errorf("%s: %s", step, a.Raw)
		d.asked = step
	default:
		d.steps++
		then(a)
	}
}

// check compares what was told with what stands, and goes on from there.
func (d *diary) check(t *testing.T) {
	t.Helper()
	is := truthOf(d.Citizen)
	if low, high := d.done, d.done; is.Done < low || is.Done > high && (d.asked != "confirm" || is.Done > high+1) {
		t.Errorf("%d changes were confirmed, %+v", d.done, is)
	}
	switch d.asked {
	case "session":
		d.MustLogIn()
	case "link":
		if a := askOnce(d.Citizen, d.Link()); a.Code != "OK" && (a.Code != "ALREADY_LINKED" || is.Links != 1) {
			t.Errorf("link again: %s", a.Raw)
		}
		d.Want("OK", cmdtest.GetFrom("/v1/link"))
	case "open":
		d.Want("OK", d.OpenChange(d.Password))
	case "confirm":
		d.checkConfirm(t, is)
	}
}

// checkConfirm asks whether it happened, and repeats.
func (d *diary) checkConfirm(t *testing.T, is truth) {
	t.Helper()
	told := d.Want("OK", cmdtest.GetFrom(d.Change)).Text("state")
	if (told == "done") != (is.Done == d.done+1) || told != "done" && told != "open" {
		t.Errorf("it says %s, but %+v after %d changes", told, is, d.done)
	}
	d.Want("OK", cmdtest.ConfirmTo(d.Change, d.pending))
	if got := truthOf(d.Citizen); got.Done != d.done+1 {
		t.Errorf("repeated, and then %+v after %d changes", got, d.done)
	}
}
