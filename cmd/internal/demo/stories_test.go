package demo

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
)

// testStories links every person and opens a change, and checks the replies.
func (d *runningDemo) testStories(t *testing.T) {
	for _, tt := range []struct {
		person, link, state, status, change string
	}{
		{"ok", "OK", "set", "01", "OK"},
		{"initial", "OK", "initial", "01", "OK"},
		{"suspended_account", "OK", "set", "02", "OK"},
		{"frozen_account", "OK", "frozen", "06", "ACCOUNT_FROZEN"},
		{"moved", "ACCOUNT_CLOSED", "", "", ""},
		{"passport", "OK", "set", "01", "OK"},
		{"two_accounts", "OK", "set", "01", "OK"},
		{"two_accounts_2", "OK", "set", "01", "OK"},
		{"no_account", "LINK_REFUSED", "", "", ""},
		{"face_fails", "OK", "set", "01", "OK"},
		{"mismatch", "LINK_REFUSED", "", "", ""},
		{"legacy", "OK", "set", "01", "OK"},
		{"new_phone", "OK", "set", "01", "OK"},
	} {
		t.Run(tt.person, func(t *testing.T) {
			who, p := storyOf(t, tt.person).person(), d.client()
			if a, err := p.LogIn(t.Context(), tt.person); err != nil || a.Code != "OK" {
				t.Fatalf("log in: %v %v", a, err)
			}
			a := mustPost(t, p, "/v1/link", linkOf(who, who.Password))
			if a.Code != tt.link {
				t.Fatalf("link: %s, want %s: %s", a.Code, tt.link, a.Raw)
			}
			if tt.change == "" {
				return
			}
			account, _ := a.Object()["account"].(map[string]any)
			if a.Text("password_state") != tt.state || account["status"] != tt.status {
				t.Errorf("link: %s, want %s and %s", a.Raw, tt.state, tt.status)
			}
			a = mustPost(t, p, "/v1/password/changes", apiclient.Fields{"id_number": who.IDNumber, "old_password": who.Password})
			if a.Code != tt.change {
				t.Errorf("change: %s, want %s: %s", a.Code, tt.change, a.Raw)
			}
			if a := mustPost(t, p, "/v1/link/remove", apiclient.Fields{"password": who.Password}); a.Code != "OK" {
				t.Errorf("unlink: %s", a.Raw)
			}
		})
	}
	t.Run("one user, two accounts", func(t *testing.T) {
		who, p := storyOf(t, "two_accounts_2").person(), d.client()
		p.LogIn(t.Context(), "two_accounts")
		a := mustPost(t, p, "/v1/link", linkOf(who, who.Password))
		account, _ := a.Object()["account"].(map[string]any)
		if a.Code != "OK" || !strings.HasSuffix(account["account_no"].(string), who.AccountNo[10:]) {
			t.Errorf("link: %s", a.Raw)
		}
		if a, err := d.client().LogIn(t.Context(), "two_accounts_2"); err != nil || a.Object()["linked"] != true {
			t.Errorf("not the same Alipay user: %s %v", a.Raw, err)
		}
	})
	t.Run("ok_again", func(t *testing.T) {
		who, holder, requester := storyOf(t, "ok").person(), d.client(), d.client()
		holder.LogIn(t.Context(), "ok")
		requester.LogIn(t.Context(), "ok_again")
		mustPost(t, holder, "/v1/link", linkOf(who, who.Password))
		requesting := linkOf(who, who.Password)
		if a := mustPost(t, requester, "/v1/link", requesting); a.Code != "ALREADY_LINKED" {
			t.Errorf("without a transfer: %s", a.Raw)
		}
		requesting["transfer"] = true
		if a := mustPost(t, requester, "/v1/link", requesting); a.Code != "TRANSFER_WAITING" {
			t.Errorf("with a transfer: %s", a.Raw)
		}
		if a := mustPost(t, holder, "/v1/link/remove", apiclient.Fields{"password": who.Password}); a.Code != "OK" {
			t.Errorf("unlink: %s", a.Raw)
		}
	})
	t.Run("locked_soon", func(t *testing.T) {
		who, p, stranger := storyOf(t, "locked_soon").person(), d.client(), d.client()
		p.LogIn(t.Context(), "locked_soon")
		stranger.LogIn(t.Context(), "no_account")
		for _, caller := range []*apiclient.Client{p, stranger} {
			mustPost(t, caller, "/v1/link", linkOf(who, "Not-This-One-Either"))
		}
		if a := mustPost(t, p, "/v1/link", linkOf(who, who.Password)); a.Code != "PASSWORD_LOCKED" {
			t.Errorf("the last attempt was wrong, yet the right one gets %s", a.Raw)
		}
	})
}

func storyOf(t *testing.T, key string) story {
	t.Helper()
	for _, s := range stories {
		if s.key == key {
			return s
		}
	}
	t.Fatalf("no story %s", key)
	return story{}
}
