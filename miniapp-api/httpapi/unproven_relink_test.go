package httpapi_test

import (
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A modelRelink is the wish of a user, to whom a human is proven, for a former user's link.
type modelRelink struct {
	id               string
	user, former     *modelUser
	account          *modelAccount // whose password was right, or code
	human            *human
	version          int
	code             bool // stood for the password
	asked, due, ends time.Time
	told             bool // the holder: due and ends count from then
	done             time.Time
	answered         bool   // by the former holder's freeze
	state            string // as it was left: what follows from the rest says stateOf
}

func (r *modelRelink) path() string { return "/v1/relinks/" + r.id }

// relinkErased is the state of a relink of which nothing is kept.
const relinkErased = "erased"

// A wish is how somebody asks for a link that another user has.
type wish struct{ relink, code, face bool }

// wantsRelink says whether a form for the account asks to take its holder's link over.
func (w *play) wantsRelink(a *modelAccount) bool {
	if w.holderOf(a.owner) != nil {
		return !w.slip(4)
	}
	return w.slip(8)
}

// stateOf is what becomes of a relink without anybody's doing.
func (w *play) stateOf(r *modelRelink) string {
	switch {
	case r.state != store.RelinkWaiting:
		return r.state
	case !w.now().Before(r.ends):
		return store.RelinkExpired
	case r.former.link == nil || r.former.link.human != r.human || r.account.version != r.version || r.account.frozen && !r.code:
		return store.RelinkCancelled
	}
	return store.RelinkWaiting
}

func (w *play) waitingRelinks() []*modelRelink {
	return filtered(w.relinks, func(r *modelRelink) bool { return w.stateOf(r) == store.RelinkWaiting })
}

// anyRelink is mostly one that waits.
func (w *play) anyRelink() *modelRelink {
	if waiting := w.waitingRelinks(); len(waiting) > 0 && !w.slip(5) {
		return pick(w, "relink", waiting)
	}
	return pickLate(w, "relink", w.relinks)
}

// askRelink is what somebody does who has another Alipay account.
func (w *play) askRelink() {
	if !w.centre.relink.Offered && !slices.ContainsFunc(w.accounts, func(a *modelAccount) bool { return a.code != "" }) {
		w.rt.Skip("only with a code")
	}
	s := w.preferred(func(u *modelUser) bool { return u.link == nil && w.holderOf(u.human) != nil })
	w.do(s, w.linkForm(s, w.anyOf(s.user.human)))
}

// latestWish is a user's latest relink as it stands in the table.
func (w *play) latestWish(u *modelUser) *modelRelink {
	r := &modelRelink{user: u, state: store.RelinkWaiting}
	var digest []byte
	var due sql.NullTime
	must(w.t, w.raw().QueryRow(`SELECT relink_id, account_no_digest, asked_at, due_at, expires_at
		FROM relinks JOIN accounts USING (center_id, account_id) WHERE identity_digest = $1 ORDER BY asked_at DESC LIMIT 1`,
		w.identity(u)).Scan(&r.id, &digest, &r.asked, &due, &r.ends))
	r.due, r.told = due.Time, due.Valid
	r.account = w.byDigest(digest)
	r.version = r.account.version
	return r
}

// judgeWaiting is the wish that RELINK_WAITING tells of.
func (w *play) judgeWaiting(s *modelSession, r reply) *modelRelink {
	told, _ := r.relinkOf(w.t)
	x := w.latestWish(s.user)
	if s.user.link != nil || told.ID.String() != x.id || !x.dueAs(told.DueAt) || !w.agreed(s.user, selfservice.PurposeLink) {
		w.t.Fatalf("%s is told of %+v, and waits for %+v", s, told, x)
	}
	return x
}

// wished finds the latest wish of a session's user, who has proven themselves just now,
// or notes it.
func (w *play) wished(s *modelSession, how wish) *modelRelink {
	x := w.latestWish(s.user)
	if !how.relink {
		w.t.Fatalf("%s did not ask for the link of another user", s)
	}
	if i := slices.IndexFunc(w.relinks, func(r *modelRelink) bool { return r.id == x.id }); i >= 0 {
		if r := w.relinks[i]; r.user != s.user || w.stateOf(r) != store.RelinkWaiting {
			w.t.Fatalf("%s goes on with a wish of %s that is %s", s, r.user, w.stateOf(r))
		}
		return w.relinks[i]
	}
	x.human, x.former, x.code = x.account.owner, w.holderOf(x.account.owner), how.code
	w.mayWish(x, how)
	for _, r := range w.relinks { // closed for it
		if state := w.stateOf(r); r.state == store.RelinkWaiting && (r.user == x.user || r.human == x.human && state != store.RelinkWaiting) {
			r.state = store.RelinkCancelled
		}
	}
	w.note("  %s asks for the link of %s to %s", x.user, x.former, x.human)
	w.relinks = append(w.relinks, x)
	return x
}

// mayWish fails the history where a wish is against the rules.
func (w *play) mayWish(x *modelRelink, how wish) {
	proof := slices.Contains(w.accepted(x.account), selfservice.ProofNone)
	switch {
	case x.former == nil || x.former == x.user:
		w.t.Fatalf("%s asks for nobody's link", x.user)
	case !how.code && (proof || !w.centre.relink.Offered):
		w.t.Fatalf("%s asks for a link by a password alone, or where that is not offered", x.user)
	case !how.code && w.objected(x):
		w.t.Fatalf("%s asks again, and the holder has objected", x.user)
	case x.told != how.code || how.code && !x.due.Equal(x.asked):
		w.t.Fatalf("%s asks, and it is due at %v before anybody was told", x.user, x.due)
	}
	for _, r := range w.relinks {
		if r.human == x.human && r.user != x.user && w.stateOf(r) == store.RelinkWaiting {
			w.t.Fatalf("%s asks, and %s waits already", x.user, r.user)
		}
	}
}

// objected says whether a holder has refused the human lately.
func (w *play) objected(x *modelRelink) bool {
	return slices.ContainsFunc(w.relinks, func(r *modelRelink) bool {
		return r.human == x.human && r.state == store.RelinkObjected && w.now().Sub(r.asked) < store.ObjectionLife
	})
}

// linkedBy notes a link that an answer told of, taken over where somebody has it.
func (w *play) linkedBy(s *modelSession, a *modelAccount, how wish) {
	if w.holderOf(a.owner) == nil {
		w.linked(s.user, a)
		return
	}
	r := w.wished(s, how)
	if r.account != a {
		w.t.Fatalf("%s asks for %s and gets %s", s, r.account, a)
	}
	w.tookOver(s, r)
	switch {
	case how.code:
		w.told.count("taken over by code")
	case how.face:
		w.told.count("taken over by face")
	}
}

// tookOver notes a takeover. Who asked is proven to be the account's present holder by
// the wish itself; it was due, and nobody has objected.
func (w *play) tookOver(s *modelSession, r *modelRelink) {
	if r.user != s.user || w.stateOf(r) != store.RelinkWaiting || !r.told || w.now().Before(r.due) || r.human != r.account.owner {
		w.t.Fatalf("%s takes over by a wish of %s, which is %s and due in %v, of %s and now %s", s, r.user, w.stateOf(r), r.due.Sub(w.now()),
			r.human, r.account.owner)
	}
	w.closeOpenOf(r.human)
	w.endLink(r.former, "taken over")
	r.state, r.done = store.RelinkDone, w.now()
	w.linked(r.user, r.account)
}

func (w *play) confirmRelink() { w.confirmRelinkOf(w.anyRelink()) }

func (w *play) confirmRelinkOf(x *modelRelink) {
	w.do(w.sessionOf(x.user), &deed{what: "confirm relink, of " + x.user.label, path: x.path() + "/confirm", body: m{}, judge: func(s *modelSession, r reply) {
		u, state := s.user, w.stateOf(x)
		switch r.Code {
		case "OK":
			if u.link == nil {
				w.tookOver(s, x)
			} else if u != x.user || state != store.RelinkDone || u.link.account != x.account {
				w.t.Fatalf("%s is told of a relink of %s, which is %s", s, x.user, state)
			}
			w.entitled(s)
			w.shows(u, u.link.account, r)
		case "RELINK_WAITING":
			if u != x.user || state != store.RelinkWaiting {
				w.t.Fatalf("%s is to wait for a relink of %s, which is %s", s, x.user, state)
			}
		case "TRANSFER_UNDELIVERABLE":
			if u != x.user || state != store.RelinkUndeliverable {
				w.t.Fatalf("%s hears of a holder who cannot be told, and the relink of %s is %s", s, x.user, state)
			}
		case "RELINK_REFUSED":
			if u != x.user || state != store.RelinkObjected {
				w.t.Fatalf("%s is refused a relink of %s, which is %s", s, x.user, state)
			}
		}
	}})
}

// awaitRelink lets a window pass, mostly to go on then. The holder may change the
// password meanwhile.
func (w *play) awaitRelink() {
	x := pickLate(w, "waiting relink", w.waitingRelinks())
	if !x.told && !w.slip(6) {
		w.tellHolder(x, !w.slip(8))
	}
	if w.stateOf(x) != store.RelinkWaiting {
		return
	}
	if w.slip(5) {
		w.plainly(func() { w.changePassword(x.former) })
	}
	if !x.told {
		w.clock.Advance(w.centre.relink.Window + time.Hour)
		w.note("the holder was not told, %v after it was asked for", w.now().Sub(x.asked).Round(time.Minute))
		w.confirmRelinkOf(x)
		return
	}
	due := x.due.Add(time.Minute)
	until := []time.Time{due, due, due, due, due, due, x.due.Add(-time.Hour), x.ends.Add(time.Minute), x.asked.Add(store.ObjectionLife)}[w.evenly(9)]
	w.clock.Advance(max(0, until.Sub(w.now())))
	w.note("%v after a relink was due", w.now().Sub(x.due).Round(time.Minute))
	if !w.slip(3) {
		w.confirmRelinkOf(x)
	}
}

// tellHolder is the mailer, whose message Alipay takes or does not.
func (w *play) tellHolder(x *modelRelink, taken bool) {
	id := uuid.MustParse(x.id)
	if taken {
		must(w.t, w.db.Delivered(w.t.Context(), store.Delivery{ID: id, Kind: store.NoticeRelinkAsked}))
		x.told, x.due = true, w.now().Add(w.centre.relink.Window)
		x.ends = x.due.Add(store.RelinkLife)
		w.sameTimes(x)
		w.note("the holder is told of the wish of %s", x.user)
		return
	}
	var lease uuid.NullUUID
	must(w.t, w.raw().QueryRow(`UPDATE outbox SET lease = outbox_id WHERE outbox_id = $1 RETURNING lease`, id).Scan(&lease))
	must(w.t, w.db.Abandon(w.t.Context(), store.Delivery{ID: id, Kind: store.NoticeRelinkAsked, Lease: lease.UUID}))
	x.state = store.RelinkUndeliverable
	w.note("the holder cannot be told of the wish of %s", x.user)
}

// sameTimes takes over the database's times, which are close to the model's.
func (w *play) sameTimes(x *modelRelink) {
	var due, ends time.Time
	must(w.t, w.raw().QueryRow(`SELECT due_at, expires_at FROM relinks WHERE relink_id = $1`, x.id).Scan(&due, &ends))
	if due.Sub(x.due).Abs() > time.Minute || ends.Sub(due) != store.RelinkLife {
		w.t.Fatalf("told now, the wish of %s is due at %v, and ends at %v", x.user, due, ends)
	}
	x.due, x.ends = due, ends
}

// dueAs says whether a view has the wish's due time: none before the holder was told.
func (r *modelRelink) dueAs(at *time.Time) bool {
	return (at != nil) == r.told && (at == nil || at.Equal(r.due))
}

func (w *play) cancelRelink() {
	x := w.anyRelink()
	w.do(w.sessionOf(x.user), &deed{what: "cancel relink", path: x.path() + "/cancel", body: m{}, judge: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if s.user != x.user || x.state != store.RelinkWaiting && x.state != store.RelinkCancelled {
			w.t.Fatalf("%s cancels a relink of %s, which is %s", s, x.user, x.state)
		}
		x.state = store.RelinkCancelled
	}})
}

// objectRelink is what the holder does, or somebody who would like to be.
func (w *play) objectRelink() {
	x := w.anyRelink()
	w.do(w.sessionOf(x.former), &deed{what: "object", path: x.path() + "/object", body: m{}, judge: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		l := w.entitled(s)
		waits := x.state == store.RelinkWaiting && w.now().Before(x.ends)
		if s.user != x.former || l.human != x.human || !waits && x.state != store.RelinkObjected {
			w.t.Fatalf("%s objects to a relink of %s, which is %s and for the link of %s", s, x.user, w.stateOf(x), x.former)
		}
		x.state = store.RelinkObjected
	}})
}

// frozenByFormer notes a freeze by who held the link until it was taken over, lately and
// not by a clerk's code; once each.
func (w *play) frozenByFormer(s *modelSession) {
	taken := filtered(w.relinks, func(r *modelRelink) bool {
		return r.former == s.user && r.state == store.RelinkDone && !r.code && !r.answered && w.now().Sub(r.done) <= store.FormerHolderFreeze &&
			r.user.link != nil && r.user.link.human == r.human
	})
	if len(taken) == 0 {
		w.t.Fatalf("%s freezes without a link, and nobody has taken one over from them", s)
	}
	for _, r := range taken {
		r.answered = true
		r.user.link.account.frozen = true
		r.account.frozen = r.account.frozen || r.account.owner == r.human
		w.closeOpenOf(r.human)
		w.endSessions(r.user, nil, "frozen by the former holder")
	}
	w.endSessions(s.user, nil, "frozen")
	w.told.count("frozen by the former holder")
}

// objectToAll notes a freeze, which refuses whoever waits for the link.
func (w *play) objectToAll(holder *modelUser) {
	for _, r := range w.relinks {
		if r.former == holder && r.human == holder.link.human && r.state == store.RelinkWaiting && w.now().Before(r.ends) {
			r.state = store.RelinkObjected
			w.told.count("objected by freeze")
		}
	}
}

// readRelinks compares what either side is shown.
func (w *play) readRelinks() {
	w.do(w.anySession(), &deed{what: "read relinks", path: "/v1/relinks", judge: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		var got httpapi.RelinksReply
		must(w.t, json.Unmarshal(r.Data, &got))
		own := filtered(w.relinks, func(r *modelRelink) bool {
			return r.user == s.user && r.state != relinkErased && w.now().Sub(r.asked) < store.ObjectionLife
		})
		w.sameRelink(s, "own", got.Own, own)
		w.sameRelink(s, "against", got.Against, filtered(w.relinks, func(r *modelRelink) bool {
			return s.user.link != nil && r.former == s.user && r.human == s.user.link.human && w.stateOf(r) == store.RelinkWaiting
		}))
	}})
}

// sameRelink wants the last of those that should be there to be shown.
func (w *play) sameRelink(s *modelSession, side string, got *httpapi.RelinkView, want []*modelRelink) {
	switch {
	case got == nil && len(want) == 0:
	case got == nil || len(want) == 0:
		w.t.Fatalf("%s reads of a relink (%s): %+v, and %d are there", s, side, got, len(want))
	default:
		r := want[len(want)-1]
		if got.ID.String() != r.id || got.State != w.stateOf(r) || !got.AskedAt.Equal(r.asked) || !r.dueAs(got.DueAt) || !got.ExpiresAt.Equal(r.ends) {
			w.t.Fatalf("%s reads of a relink (%s): %+v, want %s of %s: %+v", s, side, got, w.stateOf(r), r.user, r)
		}
	}
}
