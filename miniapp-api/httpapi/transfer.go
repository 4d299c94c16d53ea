package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// A transferView is a transfer as the requester and the holder see it. It identifies neither to
// the other, because the requester may be a thief.
type transferView struct {
	ID          uuid.UUID  `json:"id"`
	State       string     `json:"state"`
	RequestedAt time.Time  `json:"requested_at"`
	DueAt       *time.Time `json:"due_at"`     // when the requester can confirm it; null until the holder is notified
	ExpiresAt   time.Time  `json:"expires_at"` // end of the time to confirm
}

func viewOfTransfer(r *store.Transfer) *transferView {
	if r == nil {
		return nil
	}
	return &transferView{r.ID, r.State, r.RequestedAt, r.DueAt, r.ExpiresAt}
}

type transfersReply struct {
	Own     *transferView `json:"own"`     // the latest that this user requested in the last 30 days
	Against *transferView `json:"against"` // the one that waits for this user's link
	Taken   *takenView    `json:"taken"`   // the recent one that took this user's link
}

// A takenView is a completed transfer after which the former holder can freeze the password.
type takenView struct {
	ID          uuid.UUID `json:"id"`
	DoneAt      time.Time `json:"done_at"`
	FreezeUntil time.Time `json:"freeze_until"` // POST /v1/freeze works once until then
}

// showTransfers returns both sides of a transfer in one reply, because a page does not know on
// which side its citizen is.
func (s *Server) showTransfers(ctx context.Context, r Request, _ none) (transfersReply, error) {
	all, err := s.service.Transfers(ctx, r.Caller)
	reply := transfersReply{Own: viewOfTransfer(all.Own), Against: viewOfTransfer(all.Against)}
	if err == nil && all.Taken != nil {
		reply.Taken = &takenView{all.Taken.ID, *all.Taken.ClosedAt, all.Taken.ClosedAt.Add(store.FormerHolderFreeze)}
	}
	return reply, err
}

func (s *Server) confirmTransfer(ctx context.Context, r Request, _ none) (linkReply, error) {
	account, err := s.service.ConfirmTransfer(ctx, r.Caller, r.ID)
	return linkReplyOf(account), err
}

type transferStateReply struct {
	ID    uuid.UUID `json:"id"`
	State string    `json:"state"`
}

// rejectTransfer requires no password, like a freeze: a holder who is being robbed must be
// fast.
func (s *Server) rejectTransfer(ctx context.Context, r Request, _ none) (transferStateReply, error) {
	transfer, err := s.service.RejectTransfer(ctx, r.Caller, r.ID)
	return transferStateReply{transfer.ID, transfer.State}, err
}

func (s *Server) cancelTransfer(ctx context.Context, r Request, _ none) (transferStateReply, error) {
	transfer, err := s.service.CancelTransfer(ctx, r.Caller, r.ID)
	return transferStateReply{transfer.ID, transfer.State}, err
}
