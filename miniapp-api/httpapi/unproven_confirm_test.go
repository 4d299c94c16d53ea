package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/selfservice"
)

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
