package httpapi_test

import (
	"fmt"
	"slices"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// retryLost repeats a request whose answer was lost, sometimes after the user has been linked,
// sometimes for another person's document.
func (w *model) retryLost() {
	d := pick(w, "request under a key", filtered(w.deeds, func(d *deed) bool { return d.key != "" && len(d.first) > 0 && !d.endsOwnSession }))
	var by []*modelUser
	for _, u := range w.users {
		if _, sent := d.first[u.OpenID]; sent {
			by = append(by, u)
		}
	}
	u := pick(w, "user", by)
	w.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = created_at WHERE key_digest = $1`, w.db.Digest("idempotency key", []byte(d.key)))
	clear(d.first)
	s := w.preferred(func(x *modelUser) bool { return x == u })
	w.note("the answer to %s is lost, and it is sent again:", d.what)
	w.told.count("lost and sent again")
	if f := d.form; f != nil && s.user.link != nil && s.user.link.human != f.human {
		w.told.count("lost, of somebody else's document")
	}
	w.do(s, d)
}

// checkScopes checks that every lockout scope of a person belongs to a user who is verified as
// that person.
func (w *model) checkScopes() {
	rows, err := w.raw().Query(`SELECT scope, person_digest FROM lockouts WHERE scope <> $1`, store.PublicScope)
	must(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var scope, person string
		must(w.t, rows.Scan(&scope, &person))
		for _, u := range w.users {
			for _, h := range w.humans {
				known := u.human == h || u.was[h] || u.proven[h] || u.shown[h]
				own := scope == string(w.identity(u)) || scope == string(w.db.Digest("scope of a face", w.identity(u)))
				if !known && own && person == string(w.personOf(h)) {
					w.t.Fatalf("%s has a scope for %s without being verified as that person", u, h)
				}
			}
		}
	}
	must(w.t, rows.Err())
}

// tryCodes sends wrong codes of a stranger for an account.
func (w *model) tryCodes() {
	a := pick(w, "account with a code", filtered(w.accounts, func(a *modelAccount) bool { return a.code != "" && w.now().Before(a.codeEnds) }))
	s := w.preferred(func(u *modelUser) bool { return u.link == nil && u.human != a.owner })
	for range 1 + w.evenly(7) {
		f := linkForm{human: a.owner, name: a.name, number: a.owner.number, no: a.no, code: fmt.Sprintf("%010d", invented())}
		body := m{"name": f.name, "id_type": document.Citizen, "id_number": f.number, "account_no": f.no, "reset_code": f.code}
		w.do(s, &deed{what: "try codes, of " + a.label, path: "/v1/link", body: body, form: &f, asksAlipay: true, check: func(s *modelSession, r reply) { w.checkLink(s, f, r) }})
	}
}

// checkCode counts tries at a reset code. It fails the history if a right code is refused to a
// verified user with tries left.
func (w *model) checkCode(s *modelSession, f linkForm, r reply) {
	if f.code == "" {
		return
	}
	for _, a := range w.accounts {
		if a.owner != f.human || a.code == "" {
			continue
		}
		left := a.tries[s.user] < store.ResetCodeTries
		a.tries[s.user]++
		may := filtered(slices.Concat(w.centre.set, w.centre.initial), func(p selfservice.Proof) bool { return p == selfservice.ProofNone || w.agreed(s.user, string(p)) })
		certified := slices.Contains(may, selfservice.ProofCertdoc) && s.user.Certified && s.user.human == a.owner && f.name == s.user.Name && f.number == a.owner.number
		proven := slices.Contains(w.accepted(a), selfservice.ProofCertdoc) && certified || slices.Contains(w.accepted(a), selfservice.ProofNone) && !slices.Contains(may, selfservice.ProofCertdoc)
		all := 0
		for _, n := range a.tries {
			all += n
		}
		if r.Code == "LINK_REFUSED" && f.no == a.no && f.knows(a, w.now()) && left && all < store.ResetCodeTriesOfAll && proven {
			w.t.Fatalf("%s is refused the right code of %s", s, a)
		}
	}
}

// reuseUser transfers an Alipay account to another human.
func (w *model) reuseUser() {
	u := pick(w, "user", w.users)
	h := pick(w, "human", w.humans)
	if h == u.human {
		w.rt.Skip("the same human")
	}
	u.was[u.human], u.human = true, h
	u.Name, u.IDNumber = h.name, h.number
	w.tellAlipay(u)
	w.told.count("a user reused")
	w.note("%s is %s's from now on", u, h)
}

// faceFirst starts a face verification before the password, for the user's human or another.
func (w *model) faceFirst() {
	s := w.unlinkedSession()
	h := s.user.human
	if w.slip(5) {
		h = pick(w, "human", w.humans)
	}
	number := h.number
	if w.slip(4) {
		number = h.short()
	}
	body := m{"name": h.name, "id_type": document.Citizen, "id_number": number, "face_first": true}
	w.do(s, &deed{what: "face first, of " + h.who, path: "/v1/link", body: body, asksAlipay: true, check: func(s *modelSession, r reply) {
		if r.Code != "LINK_PROOF_REQUIRED" {
			return
		}
		if s.user.link != nil || !slices.Contains(slices.Concat(w.centre.set, w.centre.initial), selfservice.ProofFace) || !w.agreed(s.user, selfservice.PurposeFace) || !w.agreed(s.user, selfservice.PurposeLink) {
			w.t.Fatalf("%s is asked for a face", s)
		}
		for _, p := range w.pendings {
			p.closed = p.closed || p.session.user == s.user
		}
		pending := r.pending(w.t)
		w.pendings = append(w.pendings, &modelPending{label: fmt.Sprint("face ", len(w.pendings)+1), id: pending.ID.String(), certifyID: pending.CertifyID,
			session: s, human: h, name: h.name, opened: w.now(), first: true, account: w.accounts[0]})
		if p := w.pendings[len(w.pendings)-1]; !w.slip(3) {
			w.passFirst(p)
		}
	}})
}

// passFirst passes the verification and usually continues.
func (w *model) passFirst(p *modelPending) {
	yes := true
	must(w.t, w.sim.Certify(p.certifyID, &yes))
	p.passed = true
	w.note("%s: the right face is shown", p.label)
	if !w.slip(3) {
		w.linkAfterFace(p)
	}
}

func (w *model) linkAfterAnyFace() {
	w.linkAfterFace(pickLate(w, "face", filtered(w.pendings, func(p *modelPending) bool { return p.first })))
}

// linkAfterFace sends the form after a face verification, usually for its person.
func (w *model) linkAfterFace(p *modelPending) {
	if p.passed {
		p.session.user.shown[p.human] = true
	}
	s := w.mostly(p.session)
	w.do(s, w.linkFormBy(s, w.anyOf(p.human), p))
}

// shownFirst reports whether a face verified first proves the form's person.
func (w *model) shownFirst(s *modelSession, f linkForm, a *modelAccount) bool {
	p := f.face
	if p == nil || !slices.Contains(w.accepted(a), selfservice.ProofFace) || !w.agreed(s.user, selfservice.PurposeFace) {
		return false
	}
	late := !w.now().Before(p.opened.Add(store.LinkProofLife))
	right := p.first && p.passed && !p.closed && !late && p.session == s && p.human == a.owner && p.name == f.name
	if right {
		p.closed = true
		w.told.count("linked after a face")
	}
	return right
}

// sendAgain repeats an earlier request in the same session, a later one, or any.
func (w *model) sendAgain() {
	d := pick(w, "earlier request", w.deeds)
	w.note("again:")
	w.do(w.anySession(), d)
}

// loseAnswer marks a request as one whose run died before it answered.
func (w *model) loseAnswer() {
	d := pick(w, "request under a key", filtered(w.deeds, func(d *deed) bool { return d.key != "" && len(d.first) > 0 }))
	w.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = created_at WHERE key_digest = $1`, w.db.Digest("idempotency key", []byte(d.key)))
	clear(d.first)
	w.note("the answer to %s is lost", d.what)
}

// newNumber gives an Alipay user another phone number, sometimes one of another human.
func (w *model) newNumber() {
	u := pick(w, "user", w.users)
	u.Phone = pick(w, "human", w.humans).phone
	if w.slip(2) { // a new one
		u.Phone = fmt.Sprintf("1980%07d", invented())
	}
	w.tellAlipay(u)
	w.note("%s has a new number", u)
}
