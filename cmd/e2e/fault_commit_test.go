package e2e

import (
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
)

// An action is one thing that a citizen does, and how the citizen can find out the result
// after a lost reply.
type action struct {
	name   string
	marker string                                            // part of a statement of its transaction
	ready  func(c *cmdtest.Citizen) apiclient.Request        // takes the preceding steps and returns the request
	did    func(is dbState) bool                             // reports whether the database has the effect
	again  map[bool]string                                   // codes of the repeated request without a key, by whether it was committed
	query  func(c *cmdtest.Citizen) (bool, apiclient.Answer) // asks the API whether it was committed
}

func actions() []action {
	query := func(path func(c *cmdtest.Citizen) string, says func(a apiclient.Answer) bool) func(*cmdtest.Citizen) (bool, apiclient.Answer) {
		return func(c *cmdtest.Citizen) (bool, apiclient.Answer) {
			a := sendOnce(c, cmdtest.GetFrom(path(c)))
			return says(a), a
		}
	}
	state := func(want string) func(*cmdtest.Citizen) (bool, apiclient.Answer) {
		return query(func(c *cmdtest.Citizen) string { return c.Change }, func(a apiclient.Answer) bool { return a.Text("state") == want })
	}
	link := query(func(*cmdtest.Citizen) string { return "/v1/link" }, func(a apiclient.Answer) bool { return a.Code == "OK" })
	unlink := func(c *cmdtest.Citizen) (bool, apiclient.Answer) { is, a := link(c); return !is, a }
	begin := func(c *cmdtest.Citizen) { c.Change = cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password))) }
	return []action{
		{"link", "INTO links",
			func(c *cmdtest.Citizen) apiclient.Request { c.MustLogIn(); return c.Link() },
			func(is dbState) bool { return is.Links == 1 },
			map[bool]string{true: "ALREADY_LINKED", false: "OK"}, link},
		{"unlink", "DELETE FROM links",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				return cmdtest.PostTo("/v1/link/remove", apiclient.Fields{"password": c.Password})
			},
			func(is dbState) bool { return is.Links == 0 },
			map[bool]string{true: "NOT_LINKED", false: "OK"}, unlink},
		{"open", "INTO changes",
			func(c *cmdtest.Citizen) apiclient.Request { mustLink(c); return c.OpenChange(c.Password) },
			func(is dbState) bool { return is.Open == 1 },
			map[bool]string{true: "OK", false: "OK"}, nil},
		{"confirm", "SET state = 'done'",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				begin(c)
				return cmdtest.ConfirmTo(c.Change, c.NewPassword())
			},
			func(is dbState) bool { return is.Version == 2 },
			map[bool]string{true: "OK", false: "OK"}, state("done")},
		{"cancel", "SET state = 'cancelled'",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				begin(c)
				return cmdtest.PostTo(c.Change+"/cancel", apiclient.Fields{})
			},
			func(is dbState) bool { return is.Open == 0 },
			map[bool]string{true: "OK", false: "OK"}, state("cancelled")},
		{"log out", "DELETE FROM sessions",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				return cmdtest.PostTo("/v1/sessions/end", apiclient.Fields{})
			},
			func(is dbState) bool { return is.Sessions == 0 },
			map[bool]string{true: "SESSION_EXPIRED", false: "OK"},
			query(func(*cmdtest.Citizen) string { return "/v1/link" }, func(a apiclient.Answer) bool { return a.Code == "SESSION_EXPIRED" })},
		{"freeze", "SET state = 'frozen'",
			func(c *cmdtest.Citizen) apiclient.Request {
				mustLink(c)
				begin(c)
				return cmdtest.PostTo("/v1/freeze", apiclient.Fields{})
			},
			func(is dbState) bool { return is.Sessions == 0 && is.Open == 0 },
			map[bool]string{true: "SESSION_EXPIRED", false: "OK"},
			query(func(*cmdtest.Citizen) string { return "/v1/link" }, func(a apiclient.Answer) bool { return a.Code == "SESSION_EXPIRED" })},
	}
}

func mustLink(c *cmdtest.Citizen) {
	c.Fixture.T.Helper()
	c.MustLogIn()
	c.Must("OK", c.Link())
}

// TestCommitAnswerLost cuts the database connection at the COMMIT of every action. The
// reply must be that the result is unknown; a query must give the truth; and the repeated
// request must succeed, with a key and without.
func TestCommitAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	for _, a := range actions() {
		for _, key := range []string{"", "k-1"} {
			name := strings.TrimSpace(a.name + " " + key)
			t.Run(name+" committed", func(t *testing.T) {
				a.loseReply(t, proxy, n.In(t).AddCitizens(1, server.URL)[0], key, afterCommit)
			})
			t.Run(name+" not committed", func(t *testing.T) {
				a.loseReply(t, proxy, n.In(t).AddCitizens(1, server.URL)[0], key, beforeCommit)
			})
		}
	}
	checkServer(t, server)
}

func (a action) loseReply(t *testing.T, proxy *proxy, c *cmdtest.Citizen, key string, at faultPoint) {
	r := a.ready(c).Under(key)
	fault := proxy.set(a.marker, at, nil)
	if reply := sendOnce(c, r); reply.Code != "RESULT_UNKNOWN" || !isLater(t, reply) {
		t.Errorf("reply %s", reply.Raw)
	}
	fault.await(t)
	did := at == afterCommit
	if got := dbStateOf(c); a.did(got) != did {
		t.Fatalf("want committed: %v, got %+v", did, got)
	}
	if a.query != nil {
		if is, reply := a.query(c); is != did {
			t.Errorf("query: %s", reply.Raw)
		}
	}
	want := a.again[did]
	if key != "" && a.name != "freeze" { // after a freeze no session is left that has the key
		want = "OK"
	}
	if reply := sendOnce(c, r); reply.Code != want {
		t.Errorf("again: want %s, got %s", want, reply.Raw)
	}
	if got := dbStateOf(c); !a.did(got) {
		t.Errorf("repeated: %+v", got)
	}
}

// TestSessionAnswerLost loses the reply to a log-in: the auth code is used up, and the
// next one opens a session.
func TestSessionAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	for _, marker := range []string{"INTO spent_values", "INTO sessions"} {
		for _, at := range []faultPoint{afterCommit, beforeCommit} {
			c := n.AddCitizens(1, server.URL)[0]
			r := cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": c.Code()})
			proxy.set(marker, at, nil)
			if a := sendOnce(c, r); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
				t.Errorf("%s: reply %s", marker, a.Raw)
			}
			if a := sendOnce(c, r); a.Code != "AUTH_CODE_INVALID" && (a.Code != "OK" || marker != "INTO spent_values" || at != beforeCommit) {
				t.Errorf("%s: the code again: %s", marker, a.Raw)
			}
			c.MustLogIn()
			c.Must("NOT_LINKED", cmdtest.GetFrom("/v1/link"))
		}
	}
	checkServer(t, server)
}

// TestAttemptAnswerLost loses the result of charging an attempt: no password was
// verified, so none is counted.
func TestAttemptAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	for _, at := range []faultPoint{afterCommit, beforeCommit} {
		c := n.Linked(1, server.URL)[0]
		proxy.set("INTO lockouts", at, nil)
		if a := sendOnce(c, c.OpenChange("wrong")); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
			t.Errorf("reply %s", a.Raw)
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

// TestStatementAnswerLost cuts the connection before COMMIT: the server may repeat the
// transaction, and the effect happens once.
func TestStatementAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	for _, s := range actions() {
		t.Run(s.name, func(t *testing.T) {
			c := n.In(t).AddCitizens(1, server.URL)[0]
			r := s.ready(c)
			fault := proxy.set(s.marker, inStatement, nil)
			begun := time.Now()
			c.Must("OK", r)
			fault.await(t)
			if got := dbStateOf(c); !s.did(got) {
				t.Errorf("after %v: %+v", time.Since(begun), got)
			}
		})
	}
	checkServer(t, server)
}

// TestIdempotencyRecordAnswerLost cuts the connection when the idempotency record is
// written: the change happens once, and a retry gets its reply.
func TestIdempotencyRecordAnswerLost(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	for _, r := range []struct {
		name, marker string
		at           faultPoint
		reply        string
	}{
		{"run committed", "INTO idempotency_records", afterCommit, "RESULT_UNKNOWN"},
		{"run not committed", "INTO idempotency_records", beforeCommit, "RESULT_UNKNOWN"},
		{"answer committed", "UPDATE idempotency_records", afterCommit, "OK"},
		{"answer not committed", "UPDATE idempotency_records", beforeCommit, "OK"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := n.In(t).Linked(1, server.URL)[0]
			chosen := cmdtest.ConfirmTo(cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password))), c.NewPassword()).Under("k-1")
			fault := proxy.set(r.marker, r.at, nil)
			if a := sendOnce(c, chosen); a.Code != r.reply {
				t.Errorf("reply %s", a.Raw)
			}
			fault.await(t)
			ageLeases(n)
			checkRepeats(t, c, chosen, false)
			if got := dbStateOf(c); got.Version != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
	checkServer(t, server)
}

// ageLeases expires the leases of idempotency records.
func ageLeases(n *cmdtest.Fixture) {
	n.T.Helper()
	_, err := n.SQL.Exec(`UPDATE idempotency_records SET lease_until = lease_until - interval '10 seconds'`)
	cmdtest.NoError(n.T, err)
}
