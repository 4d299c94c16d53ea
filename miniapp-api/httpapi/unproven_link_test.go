package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/alipay"
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
		_, err := w.db.OpenSession(context.Background(), digestOf(s.token), *u.visitor)
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
	visitor, err := w.db.Visitor(kept)
	must(w.t, err)
	u.visitor = &visitor
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

// checkPending records a link that waits for a face; its password or code was right.
func (w *model) checkPending(s *modelSession, f linkForm, r reply) {
	pending := r.pending(w.t)
	if pending == nil {
		return
	}
	var digest []byte
	must(w.t, w.raw().QueryRow(`SELECT account_no_digest FROM link_proofs JOIN accounts USING (center_id, account_id) WHERE proof_id = $1`, pending.ID).Scan(&digest))
	a := w.byDigest(digest)
	if !f.knows(a, w.now()) || !slices.Contains(w.accepted(a), selfservice.ProofFace) || !w.agreed(s.user, selfservice.PurposeFace) || !w.agreed(s.user, selfservice.PurposeLink) {
		w.t.Fatalf("%s gets LINK_PROOF_REQUIRED for %s: password and person right: %v", s, a, f.knows(a, w.now()))
	}
	for _, p := range w.pendings {
		p.closed = p.closed || p.session.user == s.user
	}
	p := &modelPending{label: fmt.Sprint("pending ", len(w.pendings)+1), id: pending.ID.String(), certifyID: pending.CertifyID,
		session: s, account: a, human: a.owner, version: a.version, opened: w.now(), transfer: f.transfer, code: f.code}
	w.note("  %s: a link of %s to %s waits for the face of %s", p.label, s.user, a, a.owner)
	w.pendings = append(w.pendings, p)
}

// showFace ends a verification at Alipay and usually continues. A pass is final.
func (w *model) showFace() {
	type check struct {
		what, id string
		passed   *bool
		next     func()
	}
	var open []check
	for _, p := range w.pendings {
		next := func() { w.confirmPending(p) }
		if p.first {
			next = func() { w.linkAfterFace(p) }
		}
		open = append(open, check{p.label, p.certifyID, &p.passed, next})
	}
	for _, x := range w.resets {
		if x.certifyID != "" {
			open = append(open, check{"a reset of " + x.account.label, x.certifyID, &x.passed, func() { w.confirmResetOf(x) }})
		}
	}
	c := pickLate(w, "verification", filtered(open, func(c check) bool { return !*c.passed }))
	right := !w.slip(5)
	must(w.t, w.sim.Certify(c.id, &right))
	*c.passed = right
	w.note("%s: the right face is shown: %v", c.what, right)
	if !w.slip(3) { // later, or never
		c.next()
	}
}

func (w *model) confirmLink() { w.confirmPending(pickLate(w, "pending link", w.pendings)) }

func (w *model) confirmPending(p *modelPending) {
	w.do(w.mostly(p.session), &deed{what: "confirm link, " + p.label, path: "/v1/link/" + p.id + "/confirm", body: m{}, check: func(s *modelSession, r reply) {
		switch r.Code {
		case "OK":
			w.checkConfirmed(s, p, r)
		case "TRANSFER_WAITING":
			w.checkRequested(s, p, r)
		}
	}})
}

// checkConfirmed checks a link that waited for a face, or its repeated answer.
func (w *model) checkConfirmed(s *modelSession, p *modelPending, r reply) {
	u, how := s.user, transferOptions{p.transfer, p.code != "", true}
	switch {
	case u.link != nil:
	case p.requested: // a run whose answer was lost requested it, and it is due
		w.tookOver(s, w.requested(s, how))
	default:
		w.mayConfirm(s, p)
		p.closed, p.requested = true, w.holderOf(p.human) != nil
		w.linkedBy(s, p.account, how)
	}
	if l := w.entitled(s); s != p.session || l.account != p.account && !p.requested {
		w.t.Fatalf("%s gets a link that it did not start", s)
	}
	w.shows(u, u.link.account, r)
}

// checkRequested checks the request of a transfer after a face verification.
func (w *model) checkRequested(s *modelSession, p *modelPending, r reply) {
	if s != p.session {
		w.t.Fatalf("%s gets a transfer that it did not request", s)
	}
	x := w.checkWaiting(s, r)
	own := slices.ContainsFunc(w.transfers, func(known *modelTransfer) bool { return known.id == x.id && known.user == s.user })
	if !p.requested && !own { // a repeat may return a waiting transfer
		w.mayConfirm(s, p)
		if x.account != p.account {
			w.t.Fatalf("%s shows a face for %s and waits for %s", s, p.account, x.account)
		}
		p.closed, p.requested = true, true
	}
	w.requested(s, transferOptions{p.transfer, p.code != "", true})
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

// verifyPhone sends the user's payload, sometimes another user's.
func (w *model) verifyPhone() {
	s := w.anySession()
	from := s.user
	if w.slip(4) { // a stolen payload
		from = pick(w, "user", w.users)
	}
	number := from.Phone
	payload, known := w.signed[number]
	if !known {
		payload = w.payload(citizen{Person: from.Person}, "")
		w.signed[number] = payload
	}
	w.do(s, &deed{what: "phone, of " + from.label, path: "/v1/phone", body: payload, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if first := w.payloads[number]; first != nil && first != s.user {
			w.t.Fatalf("%s verifies a phone that belongs to %s", s, first)
		}
		if !w.agreed(s.user, selfservice.PurposePhone) {
			w.t.Fatalf("%s verifies a phone without consent", s)
		}
		w.payloads[number], s.number = s.user, number
		var told alipay.PhoneReply
		must(w.t, json.Unmarshal(r.Data, &told))
		if told.MatchesRecord != nil && *told.MatchesRecord != (w.entitled(s).account.phone == number) {
			w.t.Fatalf("%s gets matches_record %v", s, *told.MatchesRecord)
		}
	}})
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
