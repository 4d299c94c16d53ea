package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// sendOnce sends a request and fails the test if there is no reply.
func sendOnce(c *cmdtest.Citizen, r apiclient.Request) apiclient.Answer {
	c.Fixture.T.Helper()
	a, err := c.Do(c.Fixture.T.Context(), r)
	if err != nil {
		c.Fixture.T.Errorf("%s %s: %v", r.Method, r.Path, err)
	}
	return a
}

// isLater reports whether a reply is to retry later, and checks its form.
func isLater(t testing.TB, a apiclient.Answer) bool {
	t.Helper()
	if a.Code != "BUSY" && a.Code != "RESULT_UNKNOWN" {
		return false
	}
	var reply struct {
		After int `json:"retry_after"`
	}
	if json.Unmarshal(a.Raw, &reply) != nil || reply.After < 1 || a.Status != 503 {
		t.Errorf("status %d without retry_after: %s", a.Status, a.Raw)
	}
	return true
}

// sendUntilDone repeats a request while the reply is to retry later.
func sendUntilDone(c *cmdtest.Citizen, r apiclient.Request) (a apiclient.Answer) {
	c.Fixture.T.Helper()
	testenv.Eventually(c.Fixture.T, r.Path+" is done", func() bool {
		a = sendOnce(c, r)
		return !isLater(c.Fixture.T, a)
	})
	return a
}

// A dbState is what the database has about a citizen.
type dbState struct{ Version, Open, Done, Resets, Links, Sessions int }

const dbStateQuery = `
	WITH me AS (SELECT account_id FROM accounts WHERE person_digest = $1),
		e AS (SELECT kind FROM events WHERE account_id IN (TABLE me)),
		c AS (SELECT state FROM changes WHERE account_id IN (TABLE me)),
		r AS (SELECT state FROM resets WHERE account_id IN (TABLE me)),
		l AS (SELECT identity_digest FROM links WHERE account_id IN (TABLE me))
	SELECT (SELECT version FROM password_credentials WHERE account_id IN (TABLE me)),
		(SELECT count(*) FROM c WHERE state = 'open'),
		(SELECT count(*) FROM c WHERE state = 'done'),
		(SELECT count(*) FROM r WHERE state = 'done'),
		(SELECT count(*) FROM l),
		(SELECT count(*) FROM sessions s JOIN l USING (identity_digest)),
		(SELECT count(*) FROM c),
		(SELECT count(*) FROM e WHERE kind = 'change_opened'),
		(SELECT count(*) FROM e WHERE kind = 'password_changed'),
		(SELECT count(*) FROM e WHERE kind = 'linked') - (SELECT count(*) FROM e WHERE kind IN ('unlinked', 'link_ended', 'link_transferred', 'authorisation_withdrawn')),
		(SELECT count(*) FROM outbox WHERE account_id IN (TABLE me) AND kind = 'password_changed'),
		(SELECT count(*) FROM r),
		(SELECT count(*) FROM e WHERE kind = 'reset_opened'),
		(SELECT count(*) FROM e WHERE kind = 'password_reset'),
		(SELECT count(*) FROM outbox WHERE account_id IN (TABLE me) AND kind = 'password_reset'),
		(SELECT count(*) FROM password_history WHERE account_id IN (TABLE me))`

// dbStateOf reads the state in one statement and fails the test if it is inconsistent.
func dbStateOf(c *cmdtest.Citizen) dbState {
	t := c.Fixture.T
	t.Helper()
	var is dbState
	var changes, opened, changed, linked, notices, resets, began, reset, reply, history int
	cmdtest.NoError(t, c.Fixture.SQL.QueryRow(dbStateQuery, c.Digest).Scan(&is.Version, &is.Open, &is.Done, &is.Resets, &is.Links, &is.Sessions,
		&changes, &opened, &changed, &linked, &notices, &resets, &began, &reset, &reply, &history))
	kept := history == is.Version-1 // all but the current one
	switch {
	case is.Version != is.Done+is.Resets+1, changed != is.Done, notices != is.Done, !kept:
		t.Errorf("a half change: %+v, %d events, %d notices, %d in the history", is, changed, notices, history)
	case resets != began, reset != is.Resets, reply != is.Resets:
		t.Errorf("a half reset: %+v, %d resets, %d and %d events, %d notices", is, resets, began, reset, reply)
	case opened != changes, is.Open > 1:
		t.Errorf("half an open change: %+v, %d changes, %d events", is, changes, opened)
	case linked != is.Links, is.Links > 1:
		t.Errorf("half a link: %+v, events say %d", is, linked)
	}
	return is
}

// checkServer fails the test if a server panicked or had a data race.
func checkServer(t testing.TB, servers ...*process) {
	t.Helper()
	for _, p := range servers {
		for _, word := range []string{`"msg":"panic"`, "DATA RACE", "goroutine "} {
			if strings.Contains(p.Log(), word) {
				t.Errorf("%s in the log:\n%s", word, p.Log())
			}
		}
	}
}
