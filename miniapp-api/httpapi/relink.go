package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// A relinkView is a relink as either side sees it. Who asked and who holds the link is
// not told: the one may be a thief, and the other is not theirs to know.
type relinkView struct {
	ID        uuid.UUID  `json:"id"`
	State     string     `json:"state"`
	AskedAt   time.Time  `json:"asked_at"`
	DueAt     *time.Time `json:"due_at"`     // from here on who asked may finish it; null: the holder was not told yet
	ExpiresAt time.Time  `json:"expires_at"` // and until here
}

func viewOfRelink(r *store.Relink) *relinkView {
	if r == nil {
		return nil
	}
	return &relinkView{r.ID, r.State, r.AskedAt, r.DueAt, r.ExpiresAt}
}

type relinksReply struct {
	Own     *relinkView `json:"own"`     // the latest this Alipay user asked for, in the last 30 days
	Against *relinkView `json:"against"` // the one that waits for this user's link
	Taken   *takenView  `json:"taken"`   // the one by which this user's link was taken over lately
}

// A takenView is a takeover that the former holder may answer by a freeze.
type takenView struct {
	ID          uuid.UUID `json:"id"`
	DoneAt      time.Time `json:"done_at"`
	FreezeUntil time.Time `json:"freeze_until"` // POST /v1/freeze works till then, once
}

func (s *Server) showRelinks(ctx context.Context, r Request, _ none) (relinksReply, error) {
	all, err := s.service.Relinks(ctx, r.Caller)
	reply := relinksReply{Own: viewOfRelink(all.Own), Against: viewOfRelink(all.Against)}
	if err == nil && all.Taken != nil {
		reply.Taken = &takenView{all.Taken.ID, *all.Taken.ClosedAt, all.Taken.ClosedAt.Add(store.FormerHolderFreeze)}
	}
	return reply, err
}

func (s *Server) confirmRelink(ctx context.Context, r Request, _ none) (linkReply, error) {
	account, err := s.service.ConfirmRelink(ctx, r.Caller, r.ID)
	return linkReplyOf(account), err
}

type relinkStateReply struct {
	ID    uuid.UUID `json:"id"`
	State string    `json:"state"`
}

func (s *Server) objectRelink(ctx context.Context, r Request, _ none) (relinkStateReply, error) {
	relink, err := s.service.ObjectRelink(ctx, r.Caller, r.ID)
	return relinkStateReply{relink.ID, relink.State}, err
}

func (s *Server) cancelRelink(ctx context.Context, r Request, _ none) (relinkStateReply, error) {
	relink, err := s.service.CancelRelink(ctx, r.Caller, r.ID)
	return relinkStateReply{relink.ID, relink.State}, err
}
