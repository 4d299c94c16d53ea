package selfservice

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// transfersPerDay limits the transfers requested per day of a person's link and by a user. Each
// one notifies the holder.
const transfersPerDay = 3

// A TransferPolicy says whether a user who is proven to be a person can take over the link that
// another user has to that person. The zero value permits it only with a reset code, which
// transfers the link at once.
type TransferPolicy struct {
	Offered bool
	Window  time.Duration // for the holder to reject it, from the delivery of the notice
}

// permits reports whether the candidate may request the transfer of another user's link. A
// password alone is never enough: anyone who knows it could take the account from its owner.
func (p TransferPolicy) permits(found candidate) bool {
	return found.codeID != uuid.Nil || p.Offered && found.by != ProofNone
}

// alreadyLinked handles a link request for a person that another user is linked to. It returns
// ErrTransferWaiting with the due time unless the transfer is completed.
func (s *Service) alreadyLinked(ctx context.Context, c Caller, found candidate) (store.Account, error) {
	switch {
	case c.Link != nil, !s.transfer.permits(found): // the caller is linked already
		return store.Account{}, ErrAlreadyLinked
	case !found.takeOver:
		return store.Account{}, ErrAlreadyLinked.withTransferOffered()
	}
	order := store.TransferOrder{Account: found.account, Proof: string(found.by), Window: s.transfer.Window, Face: found.face, Limit: transfersPerDay}
	if found.codeID != uuid.Nil {
		order.Proof = store.TransferByClerk
	}
	r, err := s.db.RequestTransfer(ctx, c.Session, order)
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // another transfer waits, or the link ended meanwhile
		return store.Account{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrRejected):
		return store.Account{}, ErrTransferRejected
	case errors.Is(err, store.ErrLimit):
		return store.Account{}, ErrTransferLimit.WithRetryAfter(untilMidnight(s.db.Now()))
	case errors.Is(err, store.ErrBlocked):
		return store.Account{}, ErrAccountClosed
	case errors.Is(err, store.ErrGone):
		return store.Account{}, ErrLinkGone
	case err != nil:
		return store.Account{}, err
	case r.State != store.TransferDone:
		return store.Account{}, ErrTransferWaiting.withTransfer(r, s.db.Now())
	}
	return s.db.LinkedAccount(ctx, r.AccountID)
}

// Transfers are the link transfers that concern a caller.
type Transfers struct {
	Own     *store.Transfer // the latest that the caller requested in the last 30 days
	Against *store.Transfer // the one that waits for the caller's link
	Taken   *store.Transfer // the recent one that took the caller's link
}

// Transfers returns the caller's own latest transfer and those of the caller's link.
func (s *Service) Transfers(ctx context.Context, c Caller) (all Transfers, err error) {
	all.Own, all.Against, err = s.db.Transfers(ctx, c.Session)
	if err != nil || c.Link != nil {
		return all, err
	}
	all.Taken, err = s.db.TakenOver(ctx, c.Session)
	return all, err
}

// ConfirmTransfer completes a transfer that is due and was not rejected, and returns the
// account. It returns ErrTransferWaiting, ErrTransferRejected, ErrTransferUndeliverable or
// ErrTransferGone.
func (s *Service) ConfirmTransfer(ctx context.Context, c Caller, id uuid.UUID) (store.Account, error) {
	r, err := s.db.Transfer(ctx, c.Session, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrTransferGone
	case err != nil:
		return store.Account{}, err
	case c.IsRetry && r.State == store.TransferDone && c.Link != nil && c.Link.AccountID == r.AccountID:
		return s.LinkedAccount(ctx, c) // the earlier run completed it
	case r.State == store.TransferRejected:
		return store.Account{}, ErrTransferRejected
	case r.State == store.TransferUndeliverable:
		return store.Account{}, ErrTransferUndeliverable
	case r.State != store.TransferWaiting:
		return store.Account{}, ErrTransferGone
	case c.Link != nil:
		return store.Account{}, ErrAlreadyLinked
	}
	consents, err := s.consents.load(ctx, c) // which the citizen may have withdrawn since the request
	if err != nil {
		return store.Account{}, err
	}
	if err := consents.require(ctx, PurposeLink); err != nil {
		return store.Account{}, err
	}
	return s.completeTransfer(ctx, c, r)
}

// completeTransfer completes a transfer that is due; otherwise it returns ErrTransferWaiting with
// the due time.
func (s *Service) completeTransfer(ctx context.Context, c Caller, r store.Transfer) (store.Account, error) {
	if now := s.db.Now(); r.DueAt == nil || now.Before(*r.DueAt) {
		return store.Account{}, ErrTransferWaiting.withTransfer(r, now)
	}
	err := s.db.CompleteTransfer(ctx, c.Session, r.ID)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrTransferGone
	case errors.Is(err, store.ErrConflict):
		return store.Account{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrBlocked):
		return store.Account{}, ErrAccountClosed
	case err != nil:
		return store.Account{}, err
	}
	return s.db.LinkedAccount(ctx, r.AccountID)
}

// RejectTransfer rejects a transfer of the caller's own link. Like a freeze it needs no
// password.
func (s *Service) RejectTransfer(ctx context.Context, c Caller, id uuid.UUID) (store.Transfer, error) {
	r, err := s.db.RejectTransfer(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		err = ErrTransferGone
	}
	return r, err
}

// CancelTransfer cancels a transfer that the caller requested.
func (s *Service) CancelTransfer(ctx context.Context, c Caller, id uuid.UUID) (store.Transfer, error) {
	r, err := s.db.CancelTransfer(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		err = ErrTransferGone
	}
	return r, err
}

// withTransferOffered returns a copy of e which says that the same request with transfer set
// would request the other user's link.
func (e *Error) withTransferOffered() *Error {
	c := *e
	c.TransferOffered = true
	return &c
}

// usualDeliveryTime is the time within which most holders are notified.
const usualDeliveryTime = 5 * time.Second

// withTransfer returns a copy of e with the transfer r and the seconds until it is due, or,
// while the holder has not been notified, until it may be due.
func (e *Error) withTransfer(r store.Transfer, now time.Time) *Error {
	c := *e
	c.Transfer = &r
	if r.DueAt == nil {
		c.RetryAfter = int(max(usualDeliveryTime, time.Duration(r.Window)*time.Second).Seconds())
	} else {
		c.RetryAfter = int(math.Ceil(r.DueAt.Sub(now).Seconds()))
	}
	return &c
}
