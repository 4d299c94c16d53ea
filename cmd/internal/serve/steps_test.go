package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
)

// snapshotOf returns a digest of everything that a citizen can change, without attempts
// and the events of wrong passwords.
func snapshotOf(n *cmdtest.Fixture) string {
	n.T.Helper()
	var digest string
	cmdtest.NoError(n.T, n.SQL.QueryRow(`
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

// TestStepsOutOfOrder takes every step at the wrong time, twice, without its
// precondition, and with the data of another citizen, and checks that nothing changes.
func TestStepsOutOfOrder(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	citizens := n.Linked(3, server.URL)
	c, other, leaver := citizens[0], citizens[1], citizens[2]
	unlinked := n.AddCitizens(1, server.URL)[0]
	unlinked.MustLogIn()
	anonymous := c.Twin(server.URL)
	anonymous.Token = ""
	expired := leaver.Twin(server.URL)
	leaver.Must("OK", cmdtest.PostTo("/v1/sessions/end", apiclient.Fields{}))

	open := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	done := cmdtest.ChangeAt(other.Must("OK", other.OpenChange(other.Password)))
	chosen := other.NewPassword()
	other.Must("OK", cmdtest.ConfirmTo(done, chosen))
	cancelled := cmdtest.ChangeAt(other.Must("OK", other.OpenChange(chosen)))
	other.Must("OK", cmdtest.PostTo(cancelled+"/cancel", apiclient.Fields{}))

	before := snapshotOf(n)
	next := c.NewPassword()
	for _, a := range []struct {
		name string
		who  *cmdtest.Citizen
		apiclient.Request
		want string
	}{
		{"status without session", anonymous, cmdtest.GetFrom("/v1/password"), "SESSION_REQUIRED"},
		{"link without session", anonymous, c.Link(), "SESSION_REQUIRED"},
		{"open without session", anonymous, c.OpenChange(c.Password), "SESSION_REQUIRED"},
		{"confirm without session", anonymous, cmdtest.ConfirmTo(open, next), "SESSION_REQUIRED"},
		{"confirm after the end", expired, cmdtest.ConfirmTo(open, next), "SESSION_EXPIRED"},
		{"end again", expired, cmdtest.PostTo("/v1/sessions/end", apiclient.Fields{}), "SESSION_EXPIRED"},
		{"status before link", unlinked, cmdtest.GetFrom("/v1/password"), "NOT_LINKED"},
		{"open before link", unlinked, unlinked.OpenChange(unlinked.Password), "NOT_LINKED"},
		{"confirm before link", unlinked, cmdtest.ConfirmTo(open, next), "NOT_LINKED"},
		{"unlink before link", unlinked, cmdtest.PostTo("/v1/link/remove", apiclient.Fields{"password": unlinked.Password}), "NOT_LINKED"},
		{"link again", c, c.Link(), "ALREADY_LINKED"},
		{"link another's account", c, unlinked.Link(), "ALREADY_LINKED"},
		{"link a linked account", unlinked, c.Link(), "ALREADY_LINKED"},
		{"open with another's number", other, c.OpenChange(chosen), "OLD_PASSWORD_WRONG"},
		{"open with another's password", other, other.OpenChange(c.Password), "OLD_PASSWORD_WRONG"},
		{"confirm another's", other, cmdtest.ConfirmTo(open, next), "CHANGE_GONE"},
		{"cancel another's", other, cmdtest.PostTo(open+"/cancel", apiclient.Fields{}), "CHANGE_GONE"},
		{"look at another's", other, cmdtest.GetFrom(open), "OK"},
		{"confirm nothing", c, cmdtest.ConfirmTo("/v1/password/changes/"+uuid.NewString(), next), "CHANGE_GONE"},
		{"confirm no id", c, cmdtest.ConfirmTo("/v1/password/changes/1", next), "CHANGE_GONE"},
		{"confirm twice otherwise", other, cmdtest.ConfirmTo(done, other.NewPassword()), "CHANGE_GONE"},
		{"cancel what is done", other, cmdtest.PostTo(done+"/cancel", apiclient.Fields{}), "CHANGE_GONE"},
		{"confirm what is cancelled", other, cmdtest.ConfirmTo(cancelled, other.NewPassword()), "CHANGE_GONE"},
		{"two passwords", c, cmdtest.PostTo(open+"/confirm", apiclient.Fields{"new_password": next, "new_password_again": next + "x"}), "PASSWORD_MISMATCH"},
		{"the old password", c, cmdtest.ConfirmTo(open, c.Password), "PASSWORD_SAME"},
	} {
		for range 2 {
			got := a.who.Want(a.want, a.Request)
			if a.want == "OK" && got.Text("state") != "unknown" {
				t.Errorf("%s: reply %s", a.name, got.Raw)
			}
		}
		if snapshotOf(n) != before {
			t.Fatalf("%s: the data changed", a.name)
		}
	}
	c.Must("OK", cmdtest.ConfirmTo(open, next)) // the change that stayed open
	cmdtest.CheckServer(t, server)
}

// TestOtherPages sends what another web page can make a browser send, and checks that
// nothing changes and that the page cannot read the reply.
func TestOtherPages(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	c := n.Linked(1, server.URL)[0]
	open := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	next := c.NewPassword()
	body := `{"new_password":"` + next + `","new_password_again":"` + next + `"}`
	before := snapshotOf(n)
	for _, p := range []struct {
		name, method, contentType, token, body string
		want                                   int
	}{
		{"JSON as text", "POST", "text/plain", c.Token, body, 415},
		{"JSON as nothing", "POST", "", c.Token, body, 415},
		{"form", "POST", "application/x-www-form-urlencoded", c.Token, "new_password=" + next + "&new_password_again=" + next, 415},
		{"JSON in a form", "POST", "multipart/form-data; boundary=b", c.Token, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + body + "\r\n--b--", 415},
		{"no token", "POST", "application/json", "", body, 401},
		{"preflight", "OPTIONS", "", "", "", 405},
		{"another method", "PUT", "application/json", c.Token, body, 405},
	} {
		for _, origin := range []string{"https://evil.example", "null"} {
			req, err := http.NewRequest(p.method, server.URL+open+"/confirm", strings.NewReader(p.body))
			cmdtest.NoError(t, err)
			req.Header.Set("Origin", origin)
			req.Header.Set("Access-Control-Request-Method", "POST")
			req.Header.Set("Cookie", "token="+c.Token)
			if p.contentType != "" {
				req.Header.Set("Content-Type", p.contentType)
			}
			if p.token != "" {
				req.Header.Set("Authorization", "Bearer "+p.token)
			}
			resp, err := c.HTTP.Do(req)
			cmdtest.NoError(t, err)
			raw, err := io.ReadAll(resp.Body)
			cmdtest.NoError(t, err)
			resp.Body.Close()
			if resp.StatusCode != p.want {
				t.Errorf("%s from %s: %d, want %d: %s", p.name, origin, resp.StatusCode, p.want, raw)
			}
			for name := range resp.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s from %s: %s", p.name, origin, name)
				}
			}
			if snapshotOf(n) != before {
				t.Fatalf("%s from %s: the data changed", p.name, origin)
			}
		}
	}
	c.Must("OK", cmdtest.ConfirmTo(open, next))
	cmdtest.CheckServer(t, server)
}
