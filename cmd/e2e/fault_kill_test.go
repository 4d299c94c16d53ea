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
		at    faultPoint
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

func testKillAtCommit(t *testing.T, at faultPoint, state string) {
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	first := serveOn(n, dsn)
	c := n.Linked(1, first.URL)[0]
	elsewhere := c.Twin(first.URL)
	elsewhere.MustLogIn()
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	chosen := cmdtest.ConfirmTo(change, c.NewPassword()).Under("k-1")
	proxy.set("SET state = 'done'", at, first.Kill)
	if a, err := c.Do(t.Context(), chosen); err == nil {
		t.Fatalf("killed before it answered, but: %s", a.Raw)
	}

	second := serveOn(n, n.DSN)
	c.Base, elsewhere.Base = second.URL, second.URL
	if got := c.Must("OK", cmdtest.GetFrom(change)).Text("state"); got != state {
		t.Errorf("it says %s, want %s", got, state)
	}
	if got := dbStateOf(c); (got.Version == 2) != (at == afterCommit) {
		t.Errorf("before the citizen came back: %+v", got)
	}
	ageLeases(n)
	checkRepeats(t, c, chosen, at == afterCommit)
	elsewhere.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	c.Must("OLD_PASSWORD_WRONG", c.OpenChange(c.Password))
	c.Must("OK", c.OpenChange(passwordOf(chosen)))
	if got := dbStateOf(c); got.Version != 2 || got.Done != 1 {
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
		a := sendUntilDone(c, r)
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
type citizenLog struct {
	*cmdtest.Citizen
	steps      int    // answered
	unanswered string // the step that was not answered
	pending    string // the new password of the confirm that was not answered
	done       int    // changes
}

// TestKillAnytime kills servers at random moments of sessions, links and
// changes. Whatever was told stands, and whatever was not is there or not, but
// never in part.
func TestKillAnytime(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	var previous []*citizenLog
	counts := map[string]int{}
	for range testenv.Rounds(8, 60) {
		server := serveOn(n, n.DSN)
		for _, d := range previous {
			d.Base = server.URL
			d.check(t)
		}
		previous = nil
		for _, c := range n.AddCitizens(3, server.URL) {
			previous = append(previous, &citizenLog{Citizen: c})
		}
		var wg sync.WaitGroup
		for _, d := range previous {
			wg.Go(func() { d.run(t) })
		}
		time.Sleep(time.Duration(10+rand.IntN(190)) * time.Millisecond)
		server.Kill()
		wg.Wait()
		checkServer(t, server)
		for _, d := range previous {
			counts[d.unanswered]++
		}
	}
	t.Logf("struck during %v", counts)
}

// live goes on until there is no answer.
func (d *citizenLog) run(t *testing.T) {
	d.doStep(t, "session", cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": d.Code()}).Under(d.Person.Person), func(a apiclient.Answer) { d.Token = a.Text("token") })
	d.doStep(t, "link", d.Link().Under("l"), func(apiclient.Answer) {})
	for d.unanswered == "" {
		d.doStep(t, "open", d.OpenChange(d.Password), func(a apiclient.Answer) { d.Change = cmdtest.ChangeAt(a) })
		d.pending = d.NewPassword()
		d.doStep(t, "confirm", cmdtest.ConfirmTo(d.Change, d.pending), func(apiclient.Answer) { d.Password = d.pending; d.done++ })
	}
}

// try takes a step, unless one before it was not answered.
func (d *citizenLog) doStep(t *testing.T, step string, r apiclient.Request, then func(apiclient.Answer)) {
	if d.unanswered != "" {
		return
	}
	a, err := d.Do(t.Context(), r)
	switch {
	case err != nil:
		d.unanswered = step
	case a.Code == "BUSY": // so is the machine
		d.doStep(t, step, r, then)
	case a.Code != "OK":
		t.Errorf("%s: %s", step, a.Raw)
		d.unanswered = step
	default:
		d.steps++
		then(a)
	}
}

// check compares what was told with what stands, and goes on from there.
func (d *citizenLog) check(t *testing.T) {
	t.Helper()
	is := dbStateOf(d.Citizen)
	if low, high := d.done, d.done; is.Done < low || is.Done > high && (d.unanswered != "confirm" || is.Done > high+1) {
		t.Errorf("%d changes were confirmed, %+v", d.done, is)
	}
	switch d.unanswered {
	case "session":
		d.MustLogIn()
	case "link":
		if a := sendOnce(d.Citizen, d.Link()); a.Code != "OK" && (a.Code != "ALREADY_LINKED" || is.Links != 1) {
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
func (d *citizenLog) checkConfirm(t *testing.T, is dbState) {
	t.Helper()
	reported := d.Want("OK", cmdtest.GetFrom(d.Change)).Text("state")
	if (reported == "done") != (is.Done == d.done+1) || reported != "done" && reported != "open" {
		t.Errorf("it says %s, but %+v after %d changes", reported, is, d.done)
	}
	d.Want("OK", cmdtest.ConfirmTo(d.Change, d.pending))
	if got := dbStateOf(d.Citizen); got.Done != d.done+1 {
		t.Errorf("repeated, and then %+v after %d changes", got, d.done)
	}
}
