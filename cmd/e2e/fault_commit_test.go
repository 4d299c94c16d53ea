package e2e

import (
	"strings"
	"testing"
	"time"
)

// An action is one thing a citizen does, and how a citizen who was not told the
// result finds out and gets there.
type action struct {
	name   string
	marker string                          // in a statement of its transaction
	ready  func(c *citizen) request        // brings the citizen before the step and takes it
	did    func(is truth) bool             // it stands in the database
	again  map[bool]string                 // answers to the same request without a key, if it did and if it did not
	truth  func(c *citizen) (bool, answer) // what asking says
}

func actions() []action {
	asked := func(path func(c *citizen) string, says func(a answer) bool) func(*citizen) (bool, answer) {
		return func(c *citizen) (bool, answer) {
			a := c.ask(getFrom(path(c)))
			return says(a), a
		}
	}
	state := func(want string) func(*citizen) (bool, answer) {
		return asked(func(c *citizen) string { return c.change }, func(a answer) bool { return a.text("state") == want })
	}
	link := asked(func(*citizen) string { return "/v1/link" }, func(a answer) bool { return a.Code == "OK" })
	unlink := func(c *citizen) (bool, answer) { is, a := link(c); return !is, a }
	begin := func(c *citizen) { c.change = changeAt(c.must("OK", c.openChange(c.Password))) }
	return []action{
		{"link", "INTO links",
			func(c *citizen) request { c.mustLogIn(); return c.link() },
			func(is truth) bool { return is.Links == 1 },
			map[bool]string{true: "ALREADY_LINKED", false: "OK"}, link},
		{"unlink", "DELETE FROM links",
			func(c *citizen) request {
				c.mustLink()
				return postTo("/v1/link/remove", fields{"password": c.Password})
			},
			func(is truth) bool { return is.Links == 0 },
			map[bool]string{true: "NOT_LINKED", false: "OK"}, unlink},
		{"open", "INTO changes",
			func(c *citizen) request { c.mustLink(); return c.openChange(c.Password) },
			func(is truth) bool { return is.Open == 1 },
			map[bool]string{true: "OK", false: "OK"}, nil},
		{"confirm", "SET state = 'done'",
			func(c *citizen) request { c.mustLink(); begin(c); return confirmTo(c.change, c.newPassword()) },
			func(is truth) bool { return is.Version == 2 },
			map[bool]string{true: "OK", false: "OK"}, state("done")},
		{"cancel", "SET state = 'cancelled'",
			func(c *citizen) request { c.mustLink(); begin(c); return postTo(c.change+"/cancel", fields{}) },
			func(is truth) bool { return is.Open == 0 },
			map[bool]string{true: "OK", false: "OK"}, state("cancelled")},
		{"log out", "DELETE FROM sessions",
			func(c *citizen) request { c.mustLink(); return postTo("/v1/sessions/end", fields{}) },
			func(is truth) bool { return is.Sessions == 0 },
			map[bool]string{true: "SESSION_EXPIRED", false: "OK"},
			asked(func(*citizen) string { return "/v1/link" }, func(a answer) bool { return a.Code == "SESSION_EXPIRED" })},
		{"freeze", "SET state = 'frozen'",
			func(c *citizen) request { c.mustLink(); begin(c); return postTo("/v1/freeze", fields{}) },
			func(is truth) bool { return is.Sessions == 0 && is.Open == 0 },
			map[bool]string{true: "SESSION_EXPIRED", false: "OK"},
			asked(func(*citizen) string { return "/v1/link" }, func(a answer) bool { return a.Code == "SESSION_EXPIRED" })},
	}
}

func (c *citizen) mustLink() {
	c.fixture.t.Helper()
	c.mustLogIn()
	c.must("OK", c.link())
}

// TestCommitAnswerLost cuts the line at the COMMIT of every action. The citizen
// is told that the result is unknown, never that it failed or succeeded; asking
// tells the truth; and the same request, with its key or without, arrives.
func TestCommitAnswerLost(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	for _, a := range actions() {
		for _, key := range []string{"", "k-1"} {
			name := strings.TrimSpace(a.name + " " + key)
			t.Run(name+" committed", func(t *testing.T) {
				a.loseAnswer(t, tap, n.in(t).addCitizens(1, server.URL)[0], key, afterCommit)
			})
			t.Run(name+" not committed", func(t *testing.T) {
				a.loseAnswer(t, tap, n.in(t).addCitizens(1, server.URL)[0], key, beforeCommit)
			})
		}
	}
	checkServer(t, server)
}

func (a action) loseAnswer(t *testing.T, tap *tap, c *citizen, key string, at moment) {
	r := a.ready(c).under(key)
	trap := tap.set(a.marker, at, nil)
	if told := c.ask(r); told.Code != "RESULT_UNKNOWN" || !isLater(t, told) {
		t.Errorf("told %s", told.raw)
	}
	trap.await(t)
	did := at == afterCommit
	if got := c.truth(); a.did(got) != did {
		t.Fatalf("want it done: %v, but %+v", did, got)
	}
	if a.truth != nil {
		if is, told := a.truth(c); is != did {
			t.Errorf("asked, told %s", told.raw)
		}
	}
	want := a.again[did]
	if key != "" && a.name != "freeze" { // no session is left to tell a freeze from another end of it
		want = "OK"
	}
	if told := c.ask(r); told.Code != want {
		t.Errorf("again: want %s, got %s", want, told.raw)
	}
	if got := c.truth(); !a.did(got) {
		t.Errorf("again, but %+v", got)
	}
}

// TestSessionAnswerLost is the same for a log-in: the auth code is spent, and
// the next one opens a session.
func TestSessionAnswerLost(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	for _, marker := range []string{"INTO auth_codes", "INTO sessions"} {
		for _, at := range []moment{afterCommit, beforeCommit} {
			c := n.addCitizens(1, server.URL)[0]
			r := postTo("/v1/sessions", fields{"auth_code": c.code()})
			tap.set(marker, at, nil)
			if a := c.ask(r); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
				t.Errorf("%s: told %s", marker, a.raw)
			}
			if a := c.ask(r); a.Code != "AUTH_CODE_INVALID" && (a.Code != "OK" || marker != "INTO auth_codes" || at != beforeCommit) {
				t.Errorf("%s: the code again: %s", marker, a.raw)
			}
			c.mustLogIn()
			c.must("NOT_LINKED", getFrom("/v1/link"))
		}
	}
	checkServer(t, server)
}

// TestAttemptAnswerLost loses the answer to a charged attempt: no password was
// looked at, so none is counted.
func TestAttemptAnswerLost(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	for _, at := range []moment{afterCommit, beforeCommit} {
		c := n.linked(1, server.URL)[0]
		tap.set("INTO lockouts", at, nil)
		if a := c.ask(c.openChange("wrong")); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
			t.Errorf("told %s", a.raw)
		}
		if got := c.must("OK", getFrom("/v1/password")).number("remaining_attempts"); got != 5 {
			t.Errorf("%d attempts left, want 5", got)
		}
		c.must("OK", c.openChange(c.Password))
		if got := c.must("OK", getFrom("/v1/password")).number("remaining_attempts"); got != 5 {
			t.Errorf("the right password leaves %d attempts", got)
		}
	}
	checkServer(t, server)
}

// TestStatementAnswerLost cuts the line before COMMIT: the server may repeat
// the transaction without asking, and does it once.
func TestStatementAnswerLost(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	for _, s := range actions() {
		t.Run(s.name, func(t *testing.T) {
			c := n.in(t).addCitizens(1, server.URL)[0]
			r := s.ready(c)
			trap := tap.set(s.marker, inStatement, nil)
			begun := time.Now()
			c.must("OK", r)
			trap.await(t)
			if got := c.truth(); !s.did(got) {
				t.Errorf("after %v: %+v", time.Since(begun), got)
			}
		})
	}
	checkServer(t, server)
}

// TestIdempotencyRecordAnswerLost cuts the connection where the idempotency record is written: the change
// happens once, and a retry gets its answer.
func TestIdempotencyRecordAnswerLost(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	for _, r := range []struct {
		name, marker string
		at           moment
		told         string
	}{
		{"run committed", "INTO idempotency_records", afterCommit, "RESULT_UNKNOWN"},
		{"run not committed", "INTO idempotency_records", beforeCommit, "RESULT_UNKNOWN"},
		{"answer committed", "UPDATE idempotency_records", afterCommit, "OK"},
		{"answer not committed", "UPDATE idempotency_records", beforeCommit, "OK"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := n.in(t).linked(1, server.URL)[0]
			chosen := confirmTo(changeAt(c.must("OK", c.openChange(c.Password))), c.newPassword()).under("k-1")
			trap := tap.set(r.marker, r.at, nil)
			if a := c.ask(chosen); a.Code != r.told {
				t.Errorf("told %s", a.raw)
			}
			trap.await(t)
			n.ageLeases()
			c.checkRepeats(t, chosen, false)
			if got := c.truth(); got.Version != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
	checkServer(t, server)
}

// ageLeases is as if ten seconds had gone by since a run died with its key.
func (n *fixture) ageLeases() {
	n.t.Helper()
	_, err := n.sql.Exec(`UPDATE idempotency_records SET lease_until = lease_until - interval '10 seconds'`)
	noError(n.t, err)
}
