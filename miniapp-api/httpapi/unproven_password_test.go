package httpapi_test

import (
	"encoding/json"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/store"
)

// freeze freezes the password, sometimes as the former holder of a transferred link.
func (w *model) freeze() {
	by := w.linkedSession()
	lost := filtered(w.transfers, func(r *modelTransfer) bool {
		return r.state == store.TransferDone && !r.answered && r.former.link == nil
	})
	if len(lost) > 0 && w.slip(2) {
		by = w.sessionOf(pickLate(w, "taken over", lost).former)
	}
	w.do(by, &deed{what: "freeze", path: "/v1/freeze", body: m{}, endsOwnSession: true, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if s.user.link == nil {
			w.frozenByFormer(s)
			return
		}
		l := w.entitled(s)
		l.account.frozen = true
		w.rejectAll(s.user)
		w.closeOpenOf(l.human)
		w.endSessions(s.user, nil, "frozen")
	}})
}

// openChange sends number and old password, sometimes another human's.
func (w *model) openChange() { w.openChangeIn(w.linkedSession()) }

func (w *model) openChangeIn(s *modelSession) {
	a := w.accounts[0]
	if l := s.user.link; l != nil {
		a = l.account
	}
	number, password := a.owner.number, a.password
	if w.slip(5) {
		number = pick(w, "human", w.humans).number
	}
	if w.slip(5) {
		password = pick(w, "account", w.accounts).password
	}
	body := m{"id_number": number, "old_password": password}
	w.do(s, &deed{what: "open change", path: "/v1/password/changes", body: body, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		l := w.entitled(s)
		if number != l.human.number || password != l.account.password || l.account.frozen || l.account.status == store.StatusFrozen {
			w.t.Fatalf("%s opens a change of %s by a wrong number or password, or though it is frozen", s, l.account)
		}
		for _, c := range w.changes {
			c.closed = c.closed || c.user == s.user
		}
		w.changes = append(w.changes, &modelChange{path: "/v1/password/changes/" + r.get(w.t, "id").(string), user: s.user, account: l.account,
			human: l.human, version: l.account.version, opened: w.now()})
	}})
}

// changePassword opens and confirms a change.
func (w *model) changePassword(u *modelUser) {
	n := len(w.changes)
	if w.openChangeIn(w.sessionOf(u)); len(w.changes) > n {
		w.confirmChangeOf(w.changes[n])
	}
}

func (w *model) confirmChange() { w.confirmChangeOf(pickLate(w, "change", w.changes)) }

func (w *model) confirmChangeOf(c *modelChange) {
	s := w.sessionOf(c.user)
	password := inventedPassword()
	if c.done != "" && w.slip(3) {
		password = c.done
	}
	w.do(s, &deed{what: "confirm change, of " + c.account.label, path: c.path + "/confirm", body: twice(password), check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if c.done == password && c.user == s.user {
			return // the first answer
		}
		l := w.entitled(s)
		if c.closed || c.user != s.user || l.account != c.account || l.human != c.human || c.version != c.account.version || c.account.frozen ||
			c.account.status == store.StatusFrozen {
			w.t.Fatalf("%s confirms a change of %s by %s: closed %v, versions %d and %d, frozen %v", s, c.account, c.user, c.closed, c.version,
				c.account.version, c.account.frozen)
		}
		c.closed, c.done = true, password
		w.newPassword(s, c.account, password)
	}})
}

// sessionOf returns usually a session of the user.
func (w *model) sessionOf(u *modelUser) *modelSession {
	if w.slip(5) {
		return w.anySession()
	}
	return w.preferred(func(other *modelUser) bool { return other == u })
}

// newPassword records the effects of a new password set in a session.
func (w *model) newPassword(s *modelSession, a *modelAccount, password string) {
	a.former = append(a.former, a.password)
	a.password, a.initial, a.frozen = password, false, false
	a.version++
	w.endSessions(s.user, s, "another session set a new password")
}

func (w *model) cancelChange() {
	c := pickLate(w, "change", w.changes)
	w.do(w.sessionOf(c.user), &deed{what: "cancel change", path: c.path + "/cancel", body: m{}, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		w.entitled(s)
		if c.user != s.user || c.done != "" {
			w.t.Fatalf("%s cancels a change of %s, done: %v", s, c.user, c.done != "")
		}
		c.closed = true
	}})
}

// openReset opens a reset by face or by a reset code, sometimes one of another account.
func (w *model) openReset() {
	s := w.linkedSession()
	body, code := m{}, ""
	if w.slip(3) { // any code
		code = pick(w, "code", filtered(w.accounts, func(a *modelAccount) bool { return a.code != "" })).code
		body["code"] = code
	}
	w.do(s, &deed{what: "open reset", path: "/v1/password/resets", body: body, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		l := w.entitled(s)
		reset := &modelReset{path: "/v1/password/resets/" + r.get(w.t, "id").(string), session: s, account: l.account, human: l.human,
			version: l.account.version, opened: w.now(), passed: code != ""}
		if code != "" && (code != l.account.code || !w.now().Before(l.account.codeEnds)) {
			w.t.Fatalf("%s opens a reset of %s by a code that is invalid or of another account", s, l.account)
		}
		if code != "" {
			l.account.code = ""
		} else {
			reset.certifyID = r.get(w.t, "certify_id").(string)
		}
		for _, x := range w.resets {
			x.closed = x.closed || x.session.user == s.user
		}
		w.resets = append(w.resets, reset)
	}})
}

func (w *model) confirmReset() { w.confirmResetOf(pickLate(w, "reset", w.resets)) }

func (w *model) confirmResetOf(x *modelReset) {
	password := inventedPassword()
	if x.done != "" && w.slip(3) {
		password = x.done
	}
	w.do(w.mostly(x.session), &deed{what: "confirm reset, of " + x.account.label, path: x.path + "/confirm", body: twice(password), check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		l := w.entitled(s)
		if s != x.session || l.account != x.account {
			w.t.Fatalf("%s confirms a reset of %s, of %s", s, x.session, x.account)
		}
		if x.done == password {
			return // the first answer
		}
		late := !w.now().Before(x.opened.Add(store.ResetLife))
		if x.closed || !x.passed || late || l.human != x.human || x.version != x.account.version || x.account.status == store.StatusFrozen {
			w.t.Fatalf("%s confirms a reset: closed %v, identity proven %v, late %v, versions %d and %d", s, x.closed, x.passed, late, x.version, x.account.version)
		}
		w.closeOpen(l)
		x.done = password
		w.newPassword(s, x.account, password)
	}})
}

func (w *model) cancelReset() {
	x := pickLate(w, "reset", w.resets)
	w.do(w.mostly(x.session), &deed{what: "cancel reset", path: x.path + "/cancel", body: m{}, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if w.entitled(s); s != x.session || x.done != "" {
			w.t.Fatalf("%s cancels a reset of %s, done: %v", s, x.session, x.done != "")
		}
		x.closed = true
	}})
}

// read requests an owner's data, or any change or reset.
func (w *model) read() {
	s := w.linkedSession()
	checks := map[string]func(*modelSession, reply){
		"/v1/link": func(s *modelSession, r reply) { w.shows(s.user, w.entitled(s).account, r) },
		"/v1/password": func(s *modelSession, r reply) {
			a := w.entitled(s).account
			if frozen := a.frozen || a.status == store.StatusFrozen; frozen != (r.get(w.t, "state") == store.PasswordFrozen) {
				w.t.Fatalf("%s gets the password state of %s as %v", s, a, r.get(w.t, "state"))
			}
		},
		"/v1/events":  func(s *modelSession, _ reply) { w.entitled(s) },
		"/v1/me/data": w.checkOwnData,
	}
	paths := []string{"/v1/link", "/v1/password", "/v1/events", "/v1/me/data"}
	for _, c := range w.changes {
		paths = append(paths, c.path)
		checks[c.path] = func(s *modelSession, r reply) {
			if r.get(w.t, "state") != store.ChangeUnknown && s.user != c.user {
				w.t.Fatalf("%s reads of a change of %s", s, c.user)
			}
		}
	}
	for _, x := range w.resets {
		paths = append(paths, x.path)
		checks[x.path] = func(s *modelSession, r reply) {
			if r.get(w.t, "state") != "unknown" && (s != x.session || w.entitled(s).account != x.account) {
				w.t.Fatalf("%s reads of a reset of %s", s, x.session)
			}
		}
	}
	path := pick(w, "path", paths)
	w.do(s, &deed{what: "read, " + path, path: path, check: func(s *modelSession, r reply) {
		if r.Code == "OK" {
			checks[path](s, r)
		}
	}})
}

// checkOwnData checks that the copy of one's data contains nobody else's. A phone number
// belongs to the Alipay user who verified it.
func (w *model) checkOwnData(s *modelSession, r reply) {
	l := w.entitled(s)
	w.ownAccount(s, l.account, r)
	var got httpapi.OwnDataReply
	must(w.t, json.Unmarshal(r.Data, &got))
	if got.Link.Identifier != document.MaskPhone(s.user.OpenID) {
		w.t.Fatalf("%s reads of the link of another Alipay user", s)
	}
	mine := map[string]bool{}
	for _, x := range w.sessions {
		if x.user == s.user {
			mine[document.MaskPhone(x.number)] = true
		}
	}
	for _, x := range got.Sessions {
		if x.Phone != "" && !mine[x.Phone] {
			w.t.Fatalf("%s sees another user's phone", s)
		}
	}
}

func (w *model) ownAccount(s *modelSession, a *modelAccount, r reply) {
	var got struct {
		Account httpapi.OwnAccount `json:"account"`
	}
	must(w.t, json.Unmarshal(r.Data, &got))
	o := got.Account
	if o.Name != document.MaskName(a.name) || o.IDNumber != document.MaskNumber(a.owner.number) || o.AccountNo != document.MaskAccount(a.no) || o.Phone != document.MaskPhone(a.phone) || o.Status != a.status {
		w.t.Fatalf("%s reads %+v, and has %s", s, o, a)
	}
}
