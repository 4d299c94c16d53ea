package httpapi_test

import (
	"encoding/json"
	"slices"

	"fundpass/miniapp-api/httpapi"
	"fundpass/store"
)

// rejected reports whether a holder has recently rejected a transfer to the human.
func (w *model) rejected(x *modelTransfer) bool {
	return slices.ContainsFunc(w.transfers, func(r *modelTransfer) bool {
		return r.human == x.human && r.state == store.TransferRejected && w.now().Sub(r.requested) < store.RejectionLife
	})
}

func (w *model) cancelTransfer() {
	x := w.anyTransfer()
	w.do(w.sessionOf(x.user), &deed{what: "cancel transfer", path: x.path() + "/cancel", body: m{}, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if s.user != x.user || x.state != store.TransferWaiting && x.state != store.TransferCancelled {
			w.t.Fatalf("%s cancels a transfer of %s, which is %s", s, x.user, x.state)
		}
		x.state = store.TransferCancelled
	}})
}

// rejectTransfer rejects a transfer, usually as the holder.
func (w *model) rejectTransfer() {
	x := w.anyTransfer()
	w.do(w.sessionOf(x.former), &deed{what: "reject", path: x.path() + "/reject", body: m{}, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		l := w.entitled(s)
		waits := x.state == store.TransferWaiting && w.now().Before(x.ends)
		if s.user != x.former || l.human != x.human || !waits && x.state != store.TransferRejected {
			w.t.Fatalf("%s rejects a transfer of %s, which is %s and of the link of %s", s, x.user, w.stateOf(x), x.former)
		}
		x.state = store.TransferRejected
	}})
}

// frozenByFormer records a freeze by the former holder of a recent transfer that was not by
// reset code; it is possible once.
func (w *model) frozenByFormer(s *modelSession) {
	taken := filtered(w.transfers, func(r *modelTransfer) bool {
		return r.former == s.user && r.state == store.TransferDone && !r.code && !r.answered && w.now().Sub(r.done) <= store.FormerHolderFreeze &&
			r.user.link != nil && r.user.link.human == r.human
	})
	if len(taken) == 0 {
		w.t.Fatalf("%s freezes without a link, and no link was taken over from them", s)
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

// rejectAll records a freeze, which rejects the waiting transfer of the link.
func (w *model) rejectAll(holder *modelUser) {
	for _, r := range w.transfers {
		if r.former == holder && r.human == holder.link.human && r.state == store.TransferWaiting && w.now().Before(r.ends) {
			r.state = store.TransferRejected
			w.told.count("rejected by freeze")
		}
	}
}

// readTransfers compares the transfers shown to requester and holder.
func (w *model) readTransfers() {
	w.do(w.anySession(), &deed{what: "read transfers", path: "/v1/link-transfers", check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		var got httpapi.TransfersReply
		must(w.t, json.Unmarshal(r.Data, &got))
		own := filtered(w.transfers, func(r *modelTransfer) bool {
			return r.user == s.user && r.state != transferErased && w.now().Sub(r.requested) < store.RejectionLife
		})
		w.sameTransfer(s, "own", got.Own, own)
		w.sameTransfer(s, "against", got.Against, filtered(w.transfers, func(r *modelTransfer) bool {
			return s.user.link != nil && r.former == s.user && r.human == s.user.link.human && w.stateOf(r) == store.TransferWaiting
		}))
	}})
}

// sameTransfer checks that the latest expected transfer is shown.
func (w *model) sameTransfer(s *modelSession, side string, got *httpapi.TransferView, want []*modelTransfer) {
	switch {
	case got == nil && len(want) == 0:
	case got == nil || len(want) == 0:
		w.t.Fatalf("%s reads of a transfer (%s): %+v, and %d are there", s, side, got, len(want))
	default:
		r := want[len(want)-1]
		if got.ID.String() != r.id || got.State != w.stateOf(r) || !got.RequestedAt.Equal(r.requested) || !r.dueAs(got.DueAt) || !got.ExpiresAt.Equal(r.ends) {
			w.t.Fatalf("%s reads of a transfer (%s): %+v, want %s of %s: %+v", s, side, got, w.stateOf(r), r.user, r)
		}
	}
}
