package e2e

import (
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
)

// An action is one thing a citizen does, and how a citizen who was not told the
// result finds out and gets there.
type action struct {
	name   string
	marker string                                            // in a statement of its transaction
	ready  func(c *cmdtest.Citizen) apiclient.Request        // brings the citizen before the step and takes it
	did    func(is truth) bool                               // it stands in the database
	again  map[bool]string                                   // answers to the same request without a key, if it did and if it did not
	truth  func(c *cmdtest.Citizen) (bool, apiclient.Answer) // what asking says
}

func actions() []action {
	asked := func(path func(c *cmdtest.Citizen) string, says func(a apiclient.Answer) bool) func(*cmdtest.Citizen) (bool, apiclient.Answer) {
		return func(c *cmdtest.Citizen) (bool, apiclient.Answer) {
			a := askOnce(c, cmdtest.GetFrom(path(c)))
			return says(a), a
		}
	}
	state := func(want string) func(*cmdtest.Citizen) (bool, apiclient.Answer) {
		return asked(func(c *cmdtest.Citizen) string { return c.Change }, func(a apiclient.Answer) bool { return a.Text("state") == want })
	}
	link := asked(func(*cmdtest.Citizen) string { return "/v1/link" }, func(a apiclient.Answer) bool { return a.Code == "OK" })
	unlink := func(c *cmdtest.Citizen) (bool, apiclient.Answer) { is, a := link(c); return !is, a }
	begin := func(c *cmdtest.Citizen) { c.Change = cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password))) }
	return []action{
		{"link", "INTO links",
			func(c *cmdtest.Citizen) apiclient.Request { c.MustLogIn(); return c.Link() },
			func(is truth) bool { return is.Links == 1 },
			map[bool]string{true: "ALREADY_LINKED", false: "OK"}, link},
		{"unlink", "DELETE FROM links",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				return cmdtest.PostTo("/v1/link/remove", apiclient.Fields{"password": c.Password})
			},
			func(is truth) bool { return is.Links == 0 },
			map[bool]string{true: "NOT_LINKED", false: "OK"}, unlink},
		{"open", "INTO changes",
			func(c *cmdtest.Citizen) apiclient.Request { mustLink(c); return c.OpenChange(c.Password) },
			func(is truth) bool { return is.Open == 1 },
			map[bool]string{true: "OK", false: "OK"}, nil},
		{"confirm", "SET state = 'done'",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				begin(c)
				return cmdtest.ConfirmTo(c.Change, c.NewPassword())
			},
			func(is truth) bool { return is.Version == 2 },
			map[bool]string{true: "OK", false: "OK"}, state("done")},
		{"cancel", "SET state = 'cancelled'",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				begin(c)
				return cmdtest.PostTo(c.Change+"/cancel", apiclient.Fields{})
			},
			func(is truth) bool { return is.Open == 0 },
			map[bool]string{true: "OK", false: "OK"}, state("cancelled")},
		{"log out", "DELETE FROM sessions",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				return cmdtest.PostTo("/v1/sessions/end", apiclient.Fields{})
			},
			func(is truth) bool { return is.Sessions == 0 },
			map[bool]string{true: "SESSION_EXPIRED", false: "OK"},
			asked(func(*cmdtest.Citizen) string { return "/v1/link" }, func(a apiclient.Answer) bool { return a.Code == "SESSION_EXPIRED" })},
		{"freeze", "SET state = 'frozen'",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				begin(c)
				return cmdtest.PostTo("/v1/freeze", apiclient.Fields{})
			},
			func(is truth) bool { return is.Sessions == 0 && is.Open == 0 },
			map[bool]string{true: "SESSION_EXPIRED", false: "OK"},
			asked(func(*cmdtest.Citizen) string { return "/v1/link" }, func(a apiclient.Answer) bool { return a.Code == "SESSION_EXPIRED" })},
	}
}

func mustLink(c *cmdtest.Citizen) {
	c.Fixture.T.Helper()
	c.MustLogIn()
	c.Must("OK", c.Link())
}

// TestCommitAnswerLost cuts the line at the COMMIT of every action. The citizen
// is told that the result is unknown, never that it failed or succeeded; asking
// tells the truth; and the same request, with its key or without, arrives.
func TestCommitAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	tap, dsn := newTap(t, n.DSN)
	server := serveOn(n, dsn)
	for _, a := range actions() {
		for _, key := range []string{"", "k-1"} {
			name := strings.TrimSpace(a.name + " " + key)
			t.Run(name+" committed", func(t *testing.T) {
				a.loseAnswer(t, tap, n.In(t).AddCitizens(1, server.URL)[0], key, afterCommit)
			})
			t.Run(name+" not committed", func(t *testing.T) {
				a.loseAnswer(t, tap, n.In(t).AddCitizens(1, server.URL)[0], key, beforeCommit)
			})
		}
	}
	checkServer(t, server)
}

func (a action) loseAnswer(t *testing.T, tap *tap, c *cmdtest.Citizen, key string, at moment) {
	r := a.ready(c).Under(key)
	trap := tap.set(a.marker, at, nil)
	if told := askOnce(c, r); told.Code != "RESULT_UNKNOWN" || !isLater(t, told) {
		t.Errorf("told %s", told.Raw)
	}
	trap.await(t)
	did := at == afterCommit
	if got := truthOf(c); a.did(got) != did {
		t.Fatalf("want it done: %v, but %+v", did, got)
	}
	if a.truth != nil {
		if is, told := a.truth(c); is != did {
			t.Errorf("asked, told %s", told.Raw)
		}
	}
	want := a.again[did]
	if key != "" && a.name != "freeze" { // no session is left to tell a freeze from another end of it
		want = "OK"
	}
	if told := askOnce(c, r); told.Code != want {
		t.Errorf("again: want %s, got %s", want, told.Raw)
	}
	if got := truthOf(c); !a.did(got) {
		t.Errorf("again, but %+v", got)
	}
}

// TestSessionAnswerLost is the same for a log-in: the auth code is spent, and
// the next one opens a session.
func TestSessionAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	tap, dsn := newTap(t, n.DSN)
	server := serveOn(n, dsn)
	for _, marker := range []string{"INTO spent_values", "INTO sessions"} {
		for _, at := range []moment{afterCommit, beforeCommit} {
			c := n.AddCitizens(1, server.URL)[0]
			r := cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": c.Code()})
			tap.set(marker, at, nil)
			if a := askOnce(c, r); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
				t.Errorf("%s: told %s", marker, a.Raw)
			}
			if a := askOnce(c, r); a.Code != "AUTH_CODE_INVALID" && (a.Code != "OK" || marker != "INTO spent_values" || at != beforeCommit) {
				t.Errorf("%s: the code again: %s", marker, a.Raw)
			}
			c.MustLogIn()
			c.Must("NOT_LINKED", cmdtest.GetFrom("/v1/link"))
		}
	}
	checkServer(t, server)
}

// TestAttemptAnswerLost loses the answer to a charged attempt: no password was
// looked at, so none is counted.
func TestAttemptAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	tap, dsn := newTap(t, n.DSN)
	server := serveOn(n, dsn)
	for _, at := range []moment{afterCommit, beforeCommit} {
		c := n.Linked(1, server.URL)[0]
		tap.set("INTO lockouts", at, nil)
		if a := askOnce(c, c.OpenChange("wrong")); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
			t.Errorf("told %s", a.Raw)
		}
		if got := c.Must("OK", cmdtest.GetFrom("/v1/password")).Number("remaining_attempts"); got != 5 {
			t.Errorf("%d attempts left, want 5", got)
		}
		c.Must("OK", c.OpenChange(c.Password))
		if got := c.Must("OK", cmdtest.GetFrom("/v1/password")).Number("remaining_attempts"); got != 5 {
			t.Errorf("the right password leaves %d attempts", got)
		}
	}
	checkServer(t, server)
}

// TestStatementAnswerLost cuts the line before COMMIT: the server may repeat
// the transaction without asking, and does it once.
func TestStatementAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	tap, dsn := newTap(t, n.DSN)
	server := serveOn(n, dsn)
	for _, s := range actions() {
		t.Run(s.name, func(t *testing.T) {
			c := n.In(t).AddCitizens(1, server.URL)[0]
			r := s.ready(c)
			trap := tap.set(s.marker, inStatement, nil)
			begun := time.Now()
			c.Must("OK", r)
			trap.await(t)
			if got := truthOf(c); !s.did(got) {
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
	n := cmdtest.NewOwnFixture(t)
	tap, dsn := newTap(t, n.DSN)
	server := serveOn(n, dsn)
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
			c := n.In(t).Linked(1, server.URL)[0]
			chosen := cmdtest.ConfirmTo(cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password))), c.NewPassword()).Under("k-1")
			trap := tap.set(r.marker, r.at, nil)
			if a := askOnce(c, chosen); a.Code != r.told {
				t.Errorf("told %s", a.Raw)
			}
			trap.await(t)
			ageLeases(n)
			checkRepeats(t, c, chosen, false)
			if got := truthOf(c); got.Version != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
	checkServer(t, server)
}

// ageLeases is as if ten seconds had gone by since a run died with its key.
func ageLeases(n *cmdtest.Fixture) {
	n.T.Helper()
	_, err := n.SQL.Exec(`UPDATE idempotency_records SET lease_until = lease_until - interval '10 seconds'`)
	cmdtest.NoError(n.T, err)
}
