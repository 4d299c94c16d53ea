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

// TestKillAtCommit kills the server at the COMMIT of a change. The citizen gets no reply,
// retries on another server, and gets the true state.
func TestKillAtCommit(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name  string
		at    faultPoint
		state string // of the change when the citizen retries
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
		t.Fatalf("killed before the reply, but: %s", a.Raw)
	}

	second := serveOn(n, n.DSN)
	c.Base, elsewhere.Base = second.URL, second.URL
	if got := c.Must("OK", cmdtest.GetFrom(change)).Text("state"); got != state {
		t.Errorf("state %s, want %s", got, state)
	}
	if got := dbStateOf(c); (got.Version == 2) != (at == afterCommit) {
		t.Errorf("before the retry: %+v", got)
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

// checkRepeats repeats a confirm with and without its key, in either order, and checks
// that every reply is the first one and that nothing is done again.
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

// A citizenLog is what one citizen knows when the server is killed.
type citizenLog struct {
	*cmdtest.Citizen
	steps      int    // answered
	unanswered string // the step that was not answered
	pending    string // the new password of the confirm that was not answered
	done       int    // changes
}

// TestKillAnytime kills servers at random moments of sessions, links and changes. What
// was confirmed must persist, and what was not must be complete or absent.
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
	t.Logf("unanswered steps: %v", counts)
}

// run takes steps until one is not answered.
func (d *citizenLog) run(t *testing.T) {
	d.doStep(t, "session", cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": d.Code()}).Under(d.Person.Person), func(a apiclient.Answer) { d.Token = a.Text("token") })
	d.doStep(t, "link", d.Link().Under("l"), func(apiclient.Answer) {})
	for d.unanswered == "" {
		d.doStep(t, "open", d.OpenChange(d.Password), func(a apiclient.Answer) { d.Change = cmdtest.ChangeAt(a) })
		d.pending = d.NewPassword()
		d.doStep(t, "confirm", cmdtest.ConfirmTo(d.Change, d.pending), func(apiclient.Answer) { d.Password = d.pending; d.done++ })
	}
}

// doStep takes a step, unless an earlier one was not answered.
func (d *citizenLog) doStep(t *testing.T, step string, r apiclient.Request, then func(apiclient.Answer)) {
	if d.unanswered != "" {
		return
	}
	a, err := d.Do(t.Context(), r)
	switch {
	case err != nil:
		d.unanswered = step
	case a.Code == "BUSY": // the machine is slow
		d.doStep(t, step, r, then)
	case a.Code != "OK":
		t.Errorf("%s: %s", step, a.Raw)
		d.unanswered = step
	default:
		d.steps++
		then(a)
	}
}

// check compares what was confirmed with the database and continues with the unanswered
// step.
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

// checkConfirm queries the state of an unanswered confirm and repeats it.
func (d *citizenLog) checkConfirm(t *testing.T, is dbState) {
	t.Helper()
	reported := d.Want("OK", cmdtest.GetFrom(d.Change)).Text("state")
	if (reported == "done") != (is.Done == d.done+1) || reported != "done" && reported != "open" {
		t.Errorf("state %s, but %+v after %d changes", reported, is, d.done)
	}
	d.Want("OK", cmdtest.ConfirmTo(d.Change, d.pending))
	if got := dbStateOf(d.Citizen); got.Done != d.done+1 {
		t.Errorf("repeated: %+v after %d changes", got, d.done)
	}
}
