package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// snapshot is everything a citizen could have changed, as one digest. Attempts
// and the events of wrong passwords are not in it.
func (n *fixture) snapshot() string {
	n.t.Helper()
	var digest string
	noError(n.t, n.sql.QueryRow(`
		SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
			SELECT concat('c', account_id, version, state, hash) FROM password_credentials
			UNION ALL SELECT concat('x', change_id, state, new_fingerprint) FROM changes
			UNION ALL SELECT concat('l', identity_digest, account_id) FROM links
			UNION ALL SELECT concat('s', token_digest) FROM sessions
			UNION ALL SELECT concat('o', outbox_id) FROM outbox
			UNION ALL SELECT concat('h', account_id, version) FROM password_history
			UNION ALL SELECT concat('e', event_id) FROM events WHERE kind NOT LIKE 'password_wrong'
		) all_of_it (line)`).Scan(&digest))
	return digest
}

// TestStepsOutOfOrder takes every step at the wrong time, twice, without what
// must come before, and with what belongs to somebody else: nothing happens.
func TestStepsOutOfOrder(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	crowd := n.linked(3, server.URL)
	c, other, leaver := crowd[0], crowd[1], crowd[2]
	unlinked := n.addCitizens(1, server.URL)[0]
	unlinked.mustLogIn()
	nobody := c.twin(server.URL)
	nobody.token = ""
	gone := leaver.twin(server.URL)
	leaver.must("OK", postTo("/v1/sessions/end", fields{}))

	open := changeAt(c.must("OK", c.openChange(c.Password)))
	done := changeAt(other.must("OK", other.openChange(other.Password)))
	chosen := other.newPassword()
	other.must("OK", confirmTo(done, chosen))
	cancelled := changeAt(other.must("OK", other.openChange(chosen)))
	other.must("OK", postTo(cancelled+"/cancel", fields{}))

	before := n.snapshot()
	next := c.newPassword()
	for _, a := range []struct {
		name string
		who  *citizen
		request
		want string
	}{
		{"status without session", nobody, getFrom("/v1/password"), "SESSION_REQUIRED"},
		{"link without session", nobody, c.link(), "SESSION_REQUIRED"},
		{"open without session", nobody, c.openChange(c.Password), "SESSION_REQUIRED"},
		{"confirm without session", nobody, confirmTo(open, next), "SESSION_REQUIRED"},
		{"confirm after the end", gone, confirmTo(open, next), "SESSION_EXPIRED"},
		{"end again", gone, postTo("/v1/sessions/end", fields{}), "SESSION_EXPIRED"},
		{"status before link", unlinked, getFrom("/v1/password"), "NOT_LINKED"},
		{"open before link", unlinked, unlinked.openChange(unlinked.Password), "NOT_LINKED"},
		{"confirm before link", unlinked, confirmTo(open, next), "NOT_LINKED"},
		{"unlink before link", unlinked, postTo("/v1/link/remove", fields{"password": unlinked.Password}), "NOT_LINKED"},
		{"link again", c, c.link(), "ALREADY_LINKED"},
		{"link another's account", c, unlinked.link(), "ALREADY_LINKED"},
		{"link a linked account", unlinked, c.link(), "ALREADY_LINKED"},
		{"open with another's number", other, c.openChange(chosen), "OLD_PASSWORD_WRONG"},
		{"open with another's password", other, other.openChange(c.Password), "OLD_PASSWORD_WRONG"},
		{"confirm another's", other, confirmTo(open, next), "CHANGE_GONE"},
		{"cancel another's", other, postTo(open+"/cancel", fields{}), "CHANGE_GONE"},
		{"look at another's", other, getFrom(open), "OK"},
		{"confirm nothing", c, confirmTo("/v1/password/changes/"+uuid.NewString(), next), "CHANGE_GONE"},
		{"confirm no id", c, confirmTo("/v1/password/changes/1", next), "CHANGE_GONE"},
		{"confirm twice otherwise", other, confirmTo(done, other.newPassword()), "CHANGE_GONE"},
		{"cancel what is done", other, postTo(done+"/cancel", fields{}), "CHANGE_GONE"},
		{"confirm what is cancelled", other, confirmTo(cancelled, other.newPassword()), "CHANGE_GONE"},
		{"two passwords", c, postTo(open+"/confirm", fields{"new_password": next, "new_password_again": next + "x"}), "PASSWORD_MISMATCH"},
		{"the old password", c, confirmTo(open, c.Password), "PASSWORD_SAME"},
	} {
		for range 2 {
			got := a.who.want(a.want, a.request)
			if a.want == "OK" && got.text("state") != "unknown" {
				t.Errorf("%s: told %s", a.name, got.raw)
			}
		}
		if n.snapshot() != before {
			t.Fatalf("%s: something happened", a.name)
		}
	}
	c.must("OK", confirmTo(open, next)) // what was open all the time
	checkServer(t, server)
}

// TestOtherPages sends what a web page of somebody else can make a browser
// send: nothing happens, and no page may read the answer.
func TestOtherPages(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	c := n.linked(1, server.URL)[0]
	open := changeAt(c.must("OK", c.openChange(c.Password)))
	next := c.newPassword()
	body := `{"new_password":"` + next + `","new_password_again":"` + next + `"}`
	before := n.snapshot()
	for _, p := range []struct {
		name, method, contentType, token, body string
		want                                   int
	}{
		{"JSON as text", "POST", "text/plain", c.token, body, 415},
		{"JSON as nothing", "POST", "", c.token, body, 415},
		{"form", "POST", "application/x-www-form-urlencoded", c.token, "new_password=" + next + "&new_password_again=" + next, 415},
		{"JSON in a form", "POST", "multipart/form-data; boundary=b", c.token, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + body + "\r\n--b--", 415},
		{"no token", "POST", "application/json", "", body, 401},
		{"preflight", "OPTIONS", "", "", "", 405},
		{"another method", "PUT", "application/json", c.token, body, 405},
	} {
		for _, origin := range []string{"https://evil.example", "null"} {
			req, err := http.NewRequest(p.method, server.URL+open+"/confirm", strings.NewReader(p.body))
			noError(t, err)
			req.Header.Set("Origin", origin)
			req.Header.Set("Access-Control-Request-Method", "POST")
			req.Header.Set("Cookie", "token="+c.token)
			if p.contentType != "" {
				req.Header.Set("Content-Type", p.contentType)
			}
			if p.token != "" {
				req.Header.Set("Authorization", "Bearer "+p.token)
			}
			resp, err := c.http.Do(req)
			noError(t, err)
			raw, err := io.ReadAll(resp.Body)
			noError(t, err)
			resp.Body.Close()
			if resp.StatusCode != p.want {
				t.Errorf("%s from %s: %d, want %d: %s", p.name, origin, resp.StatusCode, p.want, raw)
			}
			for name := range resp.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s from %s: %s", p.name, origin, name)
				}
			}
			if n.snapshot() != before {
				t.Fatalf("%s from %s: something happened", p.name, origin)
			}
		}
	}
	c.must("OK", confirmTo(open, next))
	checkServer(t, server)
}
