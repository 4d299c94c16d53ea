package httpapi_test

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
)

// idOf returns the id of an account in the database.
func (w *model) idOf(a *modelAccount) string {
	if a.id == "" {
		kept, err := w.db.AccountByNumber(context.Background(), a.no)
		must(w.t, err)
		a.id = kept.ID.String()
	}
	return a.id
}

// readAccounts checks that the reply lists exactly the open accounts of the link's human.
func (w *model) readAccounts() {
	w.do(w.linkedSession(), &deed{what: "accounts", path: "/v1/accounts", check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		l := w.entitled(s)
		var got httpapi.AccountsReply
		must(w.t, json.Unmarshal(r.Data, &got))
		want := map[string]bool{} // chosen
		for _, a := range w.ownedBy(l.human) {
			if !a.ended() {
				want[w.idOf(a)+document.MaskAccount(a.no)+a.status] = a == l.account
			}
		}
		for _, a := range got.Accounts {
			key := a.ID.String() + a.AccountNo + a.Status
			if chosen, there := want[key]; !there || chosen != a.Chosen {
				w.t.Fatalf("%s reads of %+v, and is linked to %s of %s", s, a, l.account, l.human)
			}
			delete(want, key)
		}
		if len(want) > 0 {
			w.t.Fatalf("%s does not read of %v", s, want)
		}
	}})
}

// chooseAccount chooses an account, usually the user's own, sometimes another's or none.
func (w *model) chooseAccount() {
	s := w.linkedSession()
	of := s.user.human
	if s.user.link != nil {
		of = s.user.link.human
	}
	all := w.ownedBy(of)
	if w.slip(3) || len(all) == 0 {
		all = w.accounts
	}
	a, id, label := pick(w, "account", all), uuid.NewString(), "none"
	if w.slip(8) {
		a = nil
	} else {
		id, label = w.idOf(a), a.label
	}
	w.do(s, &deed{what: "choose, " + label, path: "/v1/accounts/" + id + "/choose", body: m{}, check: func(s *modelSession, r reply) {
		if r.Code == "OK" {
			w.chose(s, a, r)
		}
	}})
}

// chose records a choice; nil is an account that does not exist.
func (w *model) chose(s *modelSession, a *modelAccount, r reply) {
	l := w.entitled(s)
	switch {
	case a == nil || a.owner != l.human || a.ended():
		w.t.Fatalf("%s of %s chooses %s", s, l.human, a)
	case a == l.account:
	case l.account.frozen:
		w.t.Fatalf("%s leaves %s, whose password is frozen", s, l.account)
	default:
		for _, c := range w.changes {
			c.closed = c.closed || c.user == s.user
		}
		for _, x := range w.resets {
			x.closed = x.closed || x.session.user == s.user
		}
		w.endSessions(s.user, s, "another session chose an account")
		s.user.link = &modelLink{a, l.human}
	}
	w.entitled(s)
	w.shows(s.user, a, r)
}
