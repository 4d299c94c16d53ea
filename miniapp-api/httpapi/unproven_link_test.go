package httpapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

func (w *model) logIn() { w.open(pick(w, "user", w.users)) }

// open opens a session, by an auth code the first time and sometimes later, otherwise directly
// in the database, which saves signatures.
func (w *model) open(u *modelUser) *modelSession {
	s := &modelSession{client: w.client(), user: u, created: w.now(), seen: w.now()}
	s.label = fmt.Sprintf("session %d of %s", len(w.sessions)+1, u)
	w.note("%s begins", s)
	if u.visitor == nil || w.slip(4) {
		w.authorise(s)
	} else {
		s.token = uuid.NewString()
		_, err := w.db.OpenSession(context.Background(), store.ChannelAlipay, digestOf(s.token), *u.visitor)
		must(w.t, err)
	}
	if u.link != nil {
		u.authorised = w.now()
	}
	w.sessions = append(w.sessions, s)
	return s
}

// authorise signs in, which always succeeds, and checks the linked account.
func (w *model) authorise(s *modelSession) {
	u := s.user
	code, err := w.sim.AuthCode(u.Person.Person)
	must(w.t, err)
	r := s.post("/v1/sessions", m{"auth_code": code}).want(w.t, "OK")
	s.token = r.get(w.t, "token").(string)
	if r.get(w.t, "linked") != (u.link != nil) {
		w.t.Fatalf("%s gets linked %v", s, r.get(w.t, "linked"))
	}
	if u.link != nil {
		w.entitled(s)
		w.shows(u, u.link.account, r)
	}
	kept, err := w.db.Session(context.Background(), digestOf(s.token))
	must(w.t, err)
	u.visitor = &kept.Visitor
}

func (w *model) signOut() {
	w.do(w.anySession(), &deed{what: "sign out", path: "/v1/sessions/end", body: m{}, endsOwnSession: true, check: func(s *modelSession, r reply) {
		if r.Code == "OK" {
			s.ended = "signed out"
		}
	}})
}

// A linkForm is the content of a link form.
type linkForm struct {
	human            *human // by the number
	name, number, no string
	password, code   string
	proof            selfservice.Proof
	transfer         bool          // request the link of another user
	face             *modelPending // verified before; nil if not
	slips            string        // the error, if any
}

func (w *model) link() {
	s := w.unlinkedSession()
	h := s.user.human
	if w.slip(4) { // another human
		h = pick(w, "human", w.humans)
	}
	w.do(s, w.linkForm(s, w.anyOf(h)))
}

func (w *model) linkForm(s *modelSession, a *modelAccount) *deed { return w.linkFormBy(s, a, nil) }

// linkFormBy returns the form for an account or none, usually correct, sometimes after a face
// verification.
func (w *model) linkFormBy(s *modelSession, a *modelAccount, face *modelPending) *deed {
	f := linkForm{human: s.user.human, name: s.user.human.name, number: s.user.human.number, password: "Quiet-Meadow-Nobody"}
	what := "link, nothing"
	if a != nil {
		f = linkForm{human: a.owner, name: a.name, number: a.owner.number, no: a.no, password: a.password, transfer: w.wantsTransfer(a)}
		what = "link, " + a.label
		w.spoil(&f, a)
	}
	f.face = face
	body := m{"name": f.name, "id_type": document.Citizen, "id_number": f.number, "password": f.password}
	if f.no != "" {
		body["account_no"] = f.no
	}
	if f.code != "" {
		delete(body, "password")
		body["reset_code"] = f.code
	}
	if f.proof != "" {
		body["proof"] = f.proof
	}
	if f.face != nil {
		body["face_id"] = f.face.id
	}
	if f.transfer {
		body["transfer"], what = true, "request transfer"+strings.TrimPrefix(what, "link")
	}
	return &deed{what: what + f.slips, path: "/v1/link", body: body, form: &f, asksAlipay: true, check: func(s *modelSession, r reply) { w.checkLink(s, f, r) }}
}

// spoil sometimes adds a mistake or an attack.
func (w *model) spoil(f *linkForm, a *modelAccount) {
	slip := func(n int, what string, make func()) {
		if w.slip(n) {
			make()
			f.slips += ", " + what
		}
	}
	slip(8, "another's name", func() { f.name = pick(w, "human", w.humans).name })
	slip(8, "another's number", func() { f.human = pick(w, "human", w.humans); f.number = f.human.number })
	slip(4, "15 digits", func() { f.number = f.human.short() })
	slip(3, "no account number", func() { f.no = "" })
	slip(6, "a shortened account number", func() { f.no = strings.TrimLeft(f.no, "0") })
	slip(8, "another's password", func() { f.password = pick(w, "account", w.accounts).password })
	slip(8, "a former password", func() { f.password = pick(w, "password", append(slices.Clone(a.former), f.password)) })
	slip(3, "a code", func() { f.code = a.code })
	slip(6, "another's code", func() { f.code = pick(w, "account", w.accounts).code })
	slip(12, "no code of anybody's", func() { f.code = fmt.Sprintf("%010d", invented()) })
	slip(4, "a chosen proof", func() { f.proof = []selfservice.Proof{selfservice.ProofFace, selfservice.ProofPhone}[w.evenly(2)] })
}

// knows reports whether a form has the account's holder and either the valid password or a
// reset code, which is valid for a frozen password, too.
func (f linkForm) knows(a *modelAccount, now time.Time) bool {
	right := f.password == a.password && !a.frozen
	if f.code != "" {
		right = f.code == a.code && now.Before(a.codeEnds)
	}
	return f.human == a.owner && f.name == a.name && (f.no == "" || f.no == a.no) && right
}

func (w *model) checkLink(s *modelSession, f linkForm, r reply) {
	u := s.user
	w.checkCode(s, f, r)
	switch r.Code {
	case "OK":
		a := w.linkedNow(u)
		if a == nil {
			w.t.Fatalf("%s gets a link that does not exist", s)
		}
		if u.link == nil {
			switch {
			case f.knows(a, w.now()) && (w.proves(s, a) || w.shownFirst(s, f, a)):
			case f.face != nil && f.face.requested: // a run whose answer was lost requested it, and it is due
				w.tookOver(s, w.requested(s, transferOptions{f.transfer, f.code != "", true}))
			default:
				w.t.Fatalf("%s is linked to %s: password and person right: %v, proof: %v", s, a, f.knows(a, w.now()), w.proves(s, a))
			}
			if u.link == nil {
				w.linkedBy(s, a, transferOptions{f.transfer, f.code != "", false})
			}
		} else if !f.knows(a, w.now()) {
			w.t.Fatalf("%s gets a link again for a wrong form", s)
		}
		w.entitled(s)
		w.shows(u, u.link.account, r)
	case "LINK_PROOF_REQUIRED":
		w.checkPending(s, f, r)
	case "TRANSFER_WAITING":
		a := w.checkWaiting(s, r).account
		requested := f.face != nil && f.face.requested // by a run whose answer was lost
		if !requested && (!f.knows(a, w.now()) || !w.proves(s, a) && !w.shownFirst(s, f, a)) {
			w.t.Fatalf("%s waits for a link to %s: password and person right: %v, proof: %v", s, a, f.knows(a, w.now()), w.proves(s, a))
		}
		w.requested(s, transferOptions{f.transfer, f.code != "", false})
		if f.face != nil {
			f.face.requested = true
		}
	}
}

func (w *model) mayConfirm(s *modelSession, p *modelPending) {
	late := !w.now().Before(p.opened.Add(store.LinkProofLife))
	changed := p.account.version != p.version
	byCode := p.code != ""
	changed = changed || byCode && p.code != p.account.code // replaced or used
	if p.first || s != p.session || p.closed || p.account.frozen && !byCode || !p.passed || late || changed || p.human != p.account.owner || !w.agreed(s.user, selfservice.PurposeFace) {
		w.t.Fatalf("%s confirms %s of %s: closed %v, passed %v, late %v, password changed %v, of %s and now %s", s, p.label, p.session,
			p.closed, p.passed, late, changed, p.human, p.account.owner)
	}
}

func (w *model) unlink() {
	s := w.linkedSession()
	password := "Quiet-Meadow-Nobody"
	if l := s.user.link; l != nil && !w.slip(4) {
		password = l.account.password
	}
	w.do(s, &deed{what: "unlink", path: "/v1/link/remove", body: m{"password": password}, check: func(s *modelSession, r reply) {
		if r.Code != "OK" || s.user.link == nil {
			return // again, after an answer was lost
		}
		if l := w.entitled(s); password != l.account.password || l.account.frozen {
			w.t.Fatalf("%s unlinks with a wrong password, or a frozen one", s)
		}
		w.closeOpen(s.user.link)
		w.endSessions(s.user, s, "unlinked")
		s.user.link = nil
	}})
}
