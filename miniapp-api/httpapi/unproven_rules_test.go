package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A deed is a request with the checks of its answer.
type deed struct {
	what           string
	path           string
	body           any // nil: GET
	key            string
	asksAlipay     bool // with the session's token, which may be invalid
	endsOwnSession bool
	check          func(s *modelSession, r reply)
	form           *linkForm         // of a link
	first          map[string]string // the first answer, by who asked
}

// scope returns the scope of the request's Idempotency-Key.
func (d *deed) scope(s *modelSession) string {
	if d.endsOwnSession {
		return s.token
	}
	return s.user.OpenID
}

// do sends a request in a session and checks the answer.
func (w *model) do(s *modelSession, d *deed) reply {
	if d.first == nil {
		d.first = map[string]string{}
		if d.body != nil && w.slip(3) { // under an Idempotency-Key
			d.key = fmt.Sprint("key ", invented())
		}
		w.deeds = append(w.deeds, d)
	}
	r := w.send(s, d)
	w.note("%s: %s → %s", s, d.what, r.Code)
	if first, known := d.first[d.scope(s)]; known && first == r.Raw {
		w.told.count("first answer again")
		return r
	}
	w.told.count(d.name() + " " + r.Code)
	if w.isAlive(s, d, r) {
		d.check(s, r)
	}
	if d.key != "" && r.HTTP < 500 && r.HTTP != 429 && r.HTTP != 401 {
		d.first[d.scope(s)] = r.Raw
	}
	return r
}

func (w *model) send(s *modelSession, d *deed) reply {
	var h header
	if d.key != "" {
		h = key(d.key)
	}
	switch body := d.body.(type) {
	case nil:
		return s.get(d.path)
	case []byte:
		return s.client.send("POST", d.path, body, h)
	}
	return s.post(d.path, d.body, h)
}

// name returns the words before the first comma, by which answers are counted.
func (d *deed) name() string {
	for i, c := range d.what {
		if c == ',' {
			return d.what[:i]
		}
	}
	return d.what
}

// isAlive checks an answer against the expected validity of the session.
func (w *model) isAlive(s *modelSession, d *deed, r reply) bool {
	if r.HTTP == 500 {
		w.t.Fatalf("%s: %s", d.what, r.Raw)
	}
	if r.Code == "SESSION_EXPIRED" {
		if w.alive(s) && !d.asksAlipay {
			w.t.Fatalf("%s has ended without a reason", s)
		}
		return false
	}
	if s.ended != "" || w.now().Sub(s.created) > store.SessionLife || w.now().Sub(s.seen) > store.SessionIdle {
		w.t.Fatalf("%s acts, but has ended: %s", s, s.ended)
	}
	s.seen = w.now()
	return true
}

// entitled returns the link that permits a session to act: it exists, its account has the same
// holder, and the holder was proven to this user.
func (w *model) entitled(s *modelSession) *modelLink {
	l := s.user.link
	switch {
	case l == nil:
		w.t.Fatalf("%s acts without a link", s)
	case !s.user.proven[l.account.owner]:
		w.t.Fatalf("%s acts on %s, whose holder %s was never proven to %s", s, l.account, l.account.owner, s.user)
	case l.human != l.account.owner:
		w.t.Fatalf("%s acts on %s of %s by the proof of %s", s, l.account, l.account.owner, l.human)
	case l.account.ended():
		w.t.Fatalf("%s acts on %s, which has ended", s, l.account)
	}
	return l
}

// shows checks that a reply shows this account, masked, to a user who may see it.
func (w *model) shows(u *modelUser, a *modelAccount, r reply) {
	var got struct {
		Account httpapi.AccountView `json:"account"`
	}
	must(w.t, json.Unmarshal(r.Data, &got))
	want := httpapi.AccountView{document.MaskName(a.name), document.Citizen, document.MaskNumber(a.owner.number), document.MaskAccount(a.no), a.status}
	if got.Account != want {
		w.t.Fatalf("%s sees %+v, want %s: %+v", u, got.Account, a, want)
	}
	if !u.proven[a.owner] {
		w.t.Fatalf("%s sees %s", u, a)
	}
}

// accepted returns the accepted proofs of a link to the account.
func (w *model) accepted(a *modelAccount) []selfservice.Proof {
	if a.initial || a.frozen {
		return w.centre.initial
	}
	return w.centre.set
}

// agreed reports whether the user consented to a purpose.
func (w *model) agreed(u *modelUser, purpose string) bool {
	state := u.consents[purpose]
	if w.centre.consent == selfservice.ConsentRequired {
		return state == "given" || state == "unsure"
	}
	return state != "withdrawn"
}

// proves reports whether an accepted proof other than a face holds for the session's user.
func (w *model) proves(s *modelSession, a *modelAccount) bool {
	u := s.user
	for _, p := range w.accepted(a) {
		switch {
		case p == selfservice.ProofNone,
			p == selfservice.ProofCertdoc && u.Certified && u.human == a.owner && w.agreed(u, selfservice.PurposeCertdoc),
			p == selfservice.ProofPhone && s.number != "" && s.number == a.phone && w.agreed(u, selfservice.PurposePhone):
			return true
		}
	}
	return false
}

// mayLink fails the history if a link to the account violates the rules, whatever the proof.
func (w *model) mayLink(u *modelUser, a *modelAccount) {
	switch other := w.holderOf(a.owner); {
	case a.ended():
		w.t.Fatalf("%s is linked to %s, which has ended", u, a)
	case !w.agreed(u, selfservice.PurposeLink):
		w.t.Fatalf("%s is linked without consent", u)
	case other != nil:
		w.t.Fatalf("%s is linked to %s, of whose holder %s has a link", u, a, other)
	}
}

// holderOf returns the user who is linked to an account of the human.
func (w *model) holderOf(h *human) *modelUser {
	i := slices.IndexFunc(w.users, func(u *modelUser) bool { return u.link != nil && u.link.human == h })
	if i < 0 {
		return nil
	}
	return w.users[i]
}

// linked records a link that an answer reported and a proof supports.
func (w *model) linked(u *modelUser, a *modelAccount) {
	w.mayLink(u, a)
	u.proven[a.owner] = true
	u.link, u.authorised = &modelLink{a, a.owner}, w.lastLogIn(u)
}

// lastLogIn returns when the latest stored session of a user was opened, whether it is idle or
// not.
func (w *model) lastLogIn(u *modelUser) (last time.Time) {
	for _, s := range w.sessions {
		if s.user == u && s.ended == "" && s.created.After(last) {
			last = s.created
		}
	}
	return last
}

// endSessions records that all sessions of a user except one have ended.
func (w *model) endSessions(u *modelUser, but *modelSession, why string) {
	for _, s := range w.sessions {
		if s.user == u && s != but && s.ended == "" {
			s.ended = why
		}
	}
}

// endLink records the end of a link, its open procedures and its sessions.
func (w *model) endLink(u *modelUser, why string) {
	w.note("  the link of %s to %s ends: %s", u, u.link.account, why)
	w.told.count("link ended")
	w.closeOpen(u.link)
	w.endSessions(u, nil, why)
	u.link = nil
}

// closeOpenOf records that all open procedures of a human are closed.
func (w *model) closeOpenOf(h *human) {
	for _, c := range w.changes {
		c.closed = c.closed || c.human == h
	}
	for _, r := range w.resets {
		r.closed = r.closed || r.human == h
	}
}

// closeOpen records that the changes and resets of a link are closed.
func (w *model) closeOpen(l *modelLink) {
	for _, c := range w.changes {
		c.closed = c.closed || c.account == l.account && c.human == l.human
	}
	for _, r := range w.resets {
		r.closed = r.closed || r.account == l.account && r.human == l.human
	}
}

// A linkRow is a row of the links table.
type linkRow struct{ identity, person, account string }

// rows returns the links of this history's users.
func (w *model) rows() map[string]linkRow {
	rows, err := w.raw().Query(`SELECT identity_digest, l.person_digest, account_no_digest
		FROM links l JOIN accounts USING (center_id, account_id)`)
	must(w.t, err)
	defer rows.Close()
	all := map[string]linkRow{}
	for rows.Next() {
		var r linkRow
		must(w.t, rows.Scan(&r.identity, &r.person, &r.account))
		all[r.identity] = r
	}
	must(w.t, rows.Err())
	return all
}

// linkedNow returns the account that the table links a user to, or nil.
func (w *model) linkedNow(u *modelUser) *modelAccount {
	row, there := w.rows()[string(w.identity(u))]
	if !there {
		return nil
	}
	return w.byDigest([]byte(row.account))
}

// checkLinks compares the table with the expected links after every step.
func (w *model) checkLinks() {
	rows := w.rows()
	for _, u := range w.users {
		row, there := rows[string(w.identity(u))]
		switch {
		case there != (u.link != nil):
			w.t.Fatalf("%s has a link: %v, by the rules: %v", u, there, u.link != nil)
		case there && (w.byDigest([]byte(row.account)) != u.link.account || row.person != string(w.personOf(u.link.human))):
			w.t.Fatalf("%s is not linked to %s of %s", u, u.link.account, u.link.human)
		}
	}
}

func (w *model) personOf(h *human) []byte {
	doc, err := w.documents().Parse(document.Citizen, h.number)
	must(w.t, err)
	return w.db.PersonDigest(doc.Key())
}
