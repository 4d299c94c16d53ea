package main

import (
	"strings"
	"testing"
)

// testStories runs every story: the link, and what a change of password is
// answered.
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
			if a, err := p.logIn(t.Context(), tt.person); err != nil || a.Code != "OK" {
				t.Fatalf("log in: %v %v", a, err)
			}
			a := p.mustPost(t, "/v1/link", linkOf(who, who.Password))
			if a.Code != tt.link {
				t.Fatalf("link: %s, want %s: %s", a.Code, tt.link, a.raw)
			}
			if tt.change == "" {
				return
			}
			account, _ := a.object()["account"].(map[string]any)
			if a.text("password_state") != tt.state || account["status"] != tt.status {
				t.Errorf("link: %s, want %s and %s", a.raw, tt.state, tt.status)
			}
			a = p.mustPost(t, "/v1/password/changes", fields{"id_number": who.IDNumber, "old_password": who.Password})
			if a.Code != tt.change {
				t.Errorf("change: %s, want %s: %s", a.Code, tt.change, a.raw)
			}
			if a := p.mustPost(t, "/v1/link/remove", fields{"password": who.Password}); a.Code != "OK" {
				t.Errorf("unlink: %s", a.raw)
			}
		})
	}
	t.Run("one user, two accounts", func(t *testing.T) {
		who, p := storyOf(t, "two_accounts_2").person(), d.client()
		p.logIn(t.Context(), "two_accounts")
		a := p.mustPost(t, "/v1/link", linkOf(who, who.Password))
		account, _ := a.object()["account"].(map[string]any)
		if a.Code != "OK" || !strings.HasSuffix(account["account_no"].(string), who.AccountNo[10:]) {
			t.Errorf("link: %s", a.raw)
		}
		if a, err := d.client().logIn(t.Context(), "two_accounts_2"); err != nil || a.object()["linked"] != true {
			t.Errorf("not the same Alipay user: %s %v", a.raw, err)
		}
	})
	t.Run("ok_again", func(t *testing.T) {
		who, holder, requester := storyOf(t, "ok").person(), d.client(), d.client()
		holder.logIn(t.Context(), "ok")
		requester.logIn(t.Context(), "ok_again")
		holder.mustPost(t, "/v1/link", linkOf(who, who.Password))
		requesting := linkOf(who, who.Password)
		if a := requester.mustPost(t, "/v1/link", requesting); a.Code != "ALREADY_LINKED" {
			t.Errorf("without a transfer: %s", a.raw)
		}
		requesting["transfer"] = true
		if a := requester.mustPost(t, "/v1/link", requesting); a.Code != "TRANSFER_WAITING" {
			t.Errorf("with a transfer: %s", a.raw)
		}
		if a := holder.mustPost(t, "/v1/link/remove", fields{"password": who.Password}); a.Code != "OK" {
			t.Errorf("unlink: %s", a.raw)
		}
	})
	t.Run("locked_soon", func(t *testing.T) {
		who, p, stranger := storyOf(t, "locked_soon").person(), d.client(), d.client()
		p.logIn(t.Context(), "locked_soon")
		stranger.logIn(t.Context(), "no_account")
		for _, caller := range []*client{p, stranger} {
			caller.mustPost(t, "/v1/link", linkOf(who, "Not-This-One-Either"))
		}
		if a := p.mustPost(t, "/v1/link", linkOf(who, who.Password)); a.Code != "PASSWORD_LOCKED" {
			t.Errorf("the last attempt was wrong, yet the right one gets %s", a.raw)
		}
	})
}

func storyOf(t *testing.T, word string) story {
	t.Helper()
	for _, s := range stories {
		if s.word == word {
			return s
		}
	}
	t.Fatalf("no story %s", word)
	return story{}
}
