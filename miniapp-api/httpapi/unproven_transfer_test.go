package httpapi_test

import (
	"database/sql"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A modelTransfer is the request of a user, proven to be a human, for another user's link.
type modelTransfer struct {
	id                   string
	user, former         *modelUser
	account              *modelAccount // the account whose password or code was right
	human                *human
	version              int
	code                 bool // replaced the password
	requested, due, ends time.Time
	told                 bool // when the holder was notified; start of due and ends
	done                 time.Time
	answered             bool   // frozen by the former holder
	state                string // as stored: see stateOf for the effective one
}

func (r *modelTransfer) path() string { return "/v1/link-transfers/" + r.id }

// transferErased is the state of a transfer whose row is deleted.
const transferErased = "erased"

// transferOptions is how a user requests a link that another user has.
type transferOptions struct{ transfer, code, face bool }

// wantsTransfer reports whether a form for the account sets transfer.
func (w *model) wantsTransfer(a *modelAccount) bool {
	if w.holderOf(a.owner) != nil {
		return !w.slip(4)
	}
	return w.slip(8)
}

// stateOf returns the effective state of a transfer at the current time.
func (w *model) stateOf(r *modelTransfer) string {
	switch {
	case r.state != store.TransferWaiting:
		return r.state
	case !w.now().Before(r.ends):
		return store.TransferExpired
	case r.former.link == nil || r.former.link.human != r.human || r.account.version != r.version || r.account.frozen && !r.code:
		return store.TransferCancelled
	}
	return store.TransferWaiting
}

func (w *model) waitingTransfers() []*modelTransfer {
	return filtered(w.transfers, func(r *modelTransfer) bool { return w.stateOf(r) == store.TransferWaiting })
}

// anyTransfer returns usually a waiting transfer.
func (w *model) anyTransfer() *modelTransfer {
	if waiting := w.waitingTransfers(); len(waiting) > 0 && !w.slip(5) {
		return pick(w, "transfer", waiting)
	}
	return pickLate(w, "transfer", w.transfers)
}

// requestTransfer sends the form of a user whose human another user is linked to.
func (w *model) requestTransfer() {
	if !w.centre.transfer.Offered && !slices.ContainsFunc(w.accounts, func(a *modelAccount) bool { return a.code != "" }) {
		w.rt.Skip("only with a code")
	}
	s := w.preferred(func(u *modelUser) bool { return u.link == nil && w.holderOf(u.human) != nil })
	w.do(s, w.linkForm(s, w.anyOf(s.user.human)))
}

// latestTransfer reads a user's latest transfer from the table.
func (w *model) latestTransfer(u *modelUser) *modelTransfer {
	r := &modelTransfer{user: u, state: store.TransferWaiting}
	var digest []byte
	var due sql.NullTime
	must(w.t, w.raw().QueryRow(`SELECT transfer_id, account_no_digest, requested_at, due_at, expires_at
		FROM link_transfers JOIN accounts USING (center_id, account_id) WHERE identity_digest = $1 ORDER BY requested_at DESC LIMIT 1`,
		w.identity(u)).Scan(&r.id, &digest, &r.requested, &due, &r.ends))
	r.due, r.told = due.Time, due.Valid
	r.account = w.byDigest(digest)
	r.version = r.account.version
	return r
}

// checkWaiting returns the transfer that a TRANSFER_WAITING names.
func (w *model) checkWaiting(s *modelSession, r reply) *modelTransfer {
	told, _ := r.transferOf(w.t)
	x := w.latestTransfer(s.user)
	if s.user.link != nil || told.ID.String() != x.id || !x.dueAs(told.DueAt) || !w.agreed(s.user, selfservice.PurposeLink) {
		w.t.Fatalf("%s gets %+v, want %+v", s, told, x)
	}
	return x
}

// requested finds the latest transfer of a session's user, who has just been proven, or
// records it.
func (w *model) requested(s *modelSession, how transferOptions) *modelTransfer {
	x := w.latestTransfer(s.user)
	if !how.transfer {
		w.t.Fatalf("%s did not request the link of another user", s)
	}
	if i := slices.IndexFunc(w.transfers, func(r *modelTransfer) bool { return r.id == x.id }); i >= 0 {
		if r := w.transfers[i]; r.user != s.user || w.stateOf(r) != store.TransferWaiting {
			w.t.Fatalf("%s continues with a transfer of %s that is %s", s, r.user, w.stateOf(r))
		}
		return w.transfers[i]
	}
	x.human, x.former, x.code = x.account.owner, w.holderOf(x.account.owner), how.code
	w.mayRequest(x, how)
	for _, r := range w.transfers { // closed for it
		if state := w.stateOf(r); r.state == store.TransferWaiting && (r.user == x.user || r.human == x.human && state != store.TransferWaiting) {
			r.state = store.TransferCancelled
		}
	}
	w.note("  %s requests the link of %s to %s", x.user, x.former, x.human)
	w.transfers = append(w.transfers, x)
	return x
}

// mayRequest fails the history if a request is against the rules.
func (w *model) mayRequest(x *modelTransfer, how transferOptions) {
	proof := slices.Contains(w.accepted(x.account), selfservice.ProofNone)
	switch {
	case x.former == nil || x.former == x.user:
		w.t.Fatalf("%s requests the link of an account without one", x.user)
	case !how.code && (proof || !w.centre.transfer.Offered):
		w.t.Fatalf("%s requests a link by a password alone, or where that is not offered", x.user)
	case !how.code && w.rejected(x):
		w.t.Fatalf("%s requests again after the holder has rejected a transfer", x.user)
	case x.told != how.code || how.code && !x.due.Equal(x.requested):
		w.t.Fatalf("%s requests a transfer, and it is due at %v before the holder was notified", x.user, x.due)
	}
	for _, r := range w.transfers {
		if r.human == x.human && r.user != x.user && w.stateOf(r) == store.TransferWaiting {
			w.t.Fatalf("%s requests a transfer while %s is waiting", x.user, r.user)
		}
	}
}

// linkedBy records a link that an answer reported, or a transfer if another user had it.
func (w *model) linkedBy(s *modelSession, a *modelAccount, how transferOptions) {
	if w.holderOf(a.owner) == nil {
		w.linked(s.user, a)
		return
	}
	r := w.requested(s, how)
	if r.account != a {
		w.t.Fatalf("%s requests %s and gets %s", s, r.account, a)
	}
	w.tookOver(s, r)
	switch {
	case how.code:
		w.told.count("taken over by code")
	case how.face:
		w.told.count("taken over by face")
	}
}

// tookOver records a completed transfer. It proves the requester to be the account's holder; it
// was due and not rejected.
func (w *model) tookOver(s *modelSession, r *modelTransfer) {
	if r.user != s.user || w.stateOf(r) != store.TransferWaiting || !r.told || w.now().Before(r.due) || r.human != r.account.owner {
		w.t.Fatalf("%s takes over by a transfer of %s, which is %s and due in %v, of %s and now %s", s, r.user, w.stateOf(r), r.due.Sub(w.now()),
			r.human, r.account.owner)
	}
	w.closeOpenOf(r.human)
	w.endLink(r.former, "taken over")
	r.state, r.done = store.TransferDone, w.now()
	w.linked(r.user, r.account)
}

func (w *model) confirmTransfer() { w.confirmTransferOf(w.anyTransfer()) }

func (w *model) confirmTransferOf(x *modelTransfer) {
	w.do(w.sessionOf(x.user), &deed{what: "confirm transfer, of " + x.user.label, path: x.path() + "/confirm", body: m{}, check: func(s *modelSession, r reply) {
		u, state := s.user, w.stateOf(x)
		switch r.Code {
		case "OK":
			if u.link == nil {
				w.tookOver(s, x)
			} else if u != x.user || state != store.TransferDone || u.link.account != x.account {
				w.t.Fatalf("%s gets a transfer of %s, which is %s", s, x.user, state)
			}
			w.entitled(s)
			w.shows(u, u.link.account, r)
		case "TRANSFER_WAITING":
			if u != x.user || state != store.TransferWaiting {
				w.t.Fatalf("%s gets TRANSFER_WAITING for the transfer of %s, which is %s", s, x.user, state)
			}
		case "TRANSFER_UNDELIVERABLE":
			if u != x.user || state != store.TransferUndeliverable {
				w.t.Fatalf("%s gets TRANSFER_UNDELIVERABLE, but the transfer of %s is %s", s, x.user, state)
			}
		case "TRANSFER_REJECTED":
			if u != x.user || state != store.TransferRejected {
				w.t.Fatalf("%s is refused a transfer of %s, which is %s", s, x.user, state)
			}
		}
	}})
}

// awaitTransfer advances the clock past a window and usually continues. The holder may change
// the password meanwhile.
func (w *model) awaitTransfer() {
	x := pickLate(w, "waiting transfer", w.waitingTransfers())
	if !x.told && !w.slip(6) {
		w.notifyHolder(x, !w.slip(8))
	}
	if w.stateOf(x) != store.TransferWaiting {
		return
	}
	if w.slip(5) {
		w.plainly(func() { w.changePassword(x.former) })
	}
	if !x.told {
		w.clock.Advance(w.centre.transfer.Window + time.Hour)
		w.note("the holder was not told, %v after it was requested", w.now().Sub(x.requested).Round(time.Minute))
		w.confirmTransferOf(x)
		return
	}
	due := x.due.Add(time.Minute)
	until := []time.Time{due, due, due, due, due, due, x.due.Add(-time.Hour), x.ends.Add(time.Minute), x.requested.Add(store.RejectionLife)}[w.evenly(9)]
	w.clock.Advance(max(0, until.Sub(w.now())))
	w.note("%v after a transfer was due", w.now().Sub(x.due).Round(time.Minute))
	if !w.slip(3) {
		w.confirmTransferOf(x)
	}
}

// notifyHolder acts as the mailer, whose message Alipay accepts or refuses.
func (w *model) notifyHolder(x *modelTransfer, taken bool) {
	id := uuid.MustParse(x.id)
	if taken {
		must(w.t, w.db.Outbox().Delivered(w.t.Context(), store.Delivery{ID: id, Kind: store.NoticeTransferRequested}))
		x.told, x.due = true, w.now().Add(w.centre.transfer.Window)
		x.ends = x.due.Add(store.TransferLife)
		w.sameTimes(x)
		w.note("the holder is told of the transfer of %s", x.user)
		return
	}
	var lease uuid.NullUUID
	must(w.t, w.raw().QueryRow(`UPDATE outbox SET lease = outbox_id WHERE outbox_id = $1 RETURNING lease`, id).Scan(&lease))
	must(w.t, w.db.Outbox().Abandon(w.t.Context(), store.Delivery{ID: id, Kind: store.NoticeTransferRequested, Lease: lease.UUID}))
	x.state = store.TransferUndeliverable
	w.note("the holder cannot be told of the transfer of %s", x.user)
}

// sameTimes copies the database's times, which are close to the model's.
func (w *model) sameTimes(x *modelTransfer) {
	var due, ends time.Time
	must(w.t, w.raw().QueryRow(`SELECT due_at, expires_at FROM link_transfers WHERE transfer_id = $1`, x.id).Scan(&due, &ends))
	if due.Sub(x.due).Abs() > time.Minute || ends.Sub(due) != store.TransferLife {
		w.t.Fatalf("after the notice the transfer of %s is due at %v and ends at %v", x.user, due, ends)
	}
	x.due, x.ends = due, ends
}

// dueAs reports whether a view has the transfer's due time, or none before the holder was
// notified.
func (r *modelTransfer) dueAs(at *time.Time) bool {
	return (at != nil) == r.told && (at == nil || at.Equal(r.due))
}
