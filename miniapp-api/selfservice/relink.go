package selfservice

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// relinksADay is how often on a day a person's link may be asked for, and a user may ask:
// each tells the holder.
const relinksADay = 3

// A Relink says whether a user who is proven to be a person takes over the link
// that another user has to that person. The zero value does not: only with a
// clerk's code, which takes it over at once.
type Relink struct {
	Offered bool
	Window  time.Duration // for the holder to object, from when the notice to them was taken
}

// takesOver reports whether this may take over somebody's link. A password alone never
// does: whoever has it could take the account from its owner.
func (s *Service) takesOver(found candidate) bool {
	return found.codeID != uuid.Nil || s.relink.Offered && found.by != ProofNone
}

// alreadyLinked answers whoever is proven to be a person that another user is linked to.
func (s *Service) alreadyLinked(ctx context.Context, c Caller, found candidate) (store.Account, error) {
	switch {
	case c.Link != nil, !s.takesOver(found): // to another account of the same person, or to somebody else
		return store.Account{}, ErrAlreadyLinked
	case !found.takeOver:
		return store.Account{}, ErrAlreadyLinked.relinkOffered()
	}
	order := store.RelinkOrder{Account: found.account, Proof: string(found.by), Window: s.relink.Window, Face: found.face, Limit: relinksADay}
	if found.codeID != uuid.Nil {
		order.Proof = store.RelinkByClerk
	}
	r, err := s.db.AskRelink(ctx, c.Session, order)
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // another one waits, or the link ended a moment ago
		return store.Account{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrObjected):
		return store.Account{}, ErrRelinkRefused
	case errors.Is(err, store.ErrLimit):
		return store.Account{}, ErrRelinkLimit.WithRetryAfter(untilMidnight(s.db.Now()))
	case errors.Is(err, store.ErrBlocked):
		return store.Account{}, ErrAccountClosed
	case errors.Is(err, store.ErrGone):
		return store.Account{}, ErrLinkGone
	case err != nil:
		return store.Account{}, err
	}
	return s.takeOver(ctx, c, r)
}

// takeOver finishes a relink that is due, and tells when one will be that is not.
func (s *Service) takeOver(ctx context.Context, c Caller, r store.Relink) (store.Account, error) {
	if now := s.db.Now(); r.DueAt == nil || now.Before(*r.DueAt) {
		return store.Account{}, ErrRelinkWaiting.waiting(r, now)
	}
	err := s.db.FinishRelink(ctx, c.Session, r.ID)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrRelinkGone
	case errors.Is(err, store.ErrConflict):
		return store.Account{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrBlocked):
		return store.Account{}, ErrAccountClosed
	case err != nil:
		return store.Account{}, err
	}
	return s.db.LinkedAccount(ctx, r.AccountID)
}

// Relinks are what a caller may know of wishes to take links over.
type Relinks struct {
	Own     *store.Relink // the latest the caller asked for, in the last 30 days
	Against *store.Relink // the one that waits for the caller's link
	Taken   *store.Relink // the one by which the caller's link was taken over lately
}

// Relinks returns what the caller asked for, and who asks for their link.
func (s *Service) Relinks(ctx context.Context, c Caller) (all Relinks, err error) {
	all.Own, all.Against, err = s.db.Relinks(ctx, c.Session)
	if err != nil || c.Link != nil {
		return all, err
	}
	all.Taken, err = s.db.TakenOver(ctx, c.Session)
	return all, err
}

// ConfirmRelink takes the link over once nobody objected in time.
func (s *Service) ConfirmRelink(ctx context.Context, c Caller, id uuid.UUID) (store.Account, error) {
	r, err := s.db.Relink(ctx, c.Session, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrRelinkGone
	case err != nil:
		return store.Account{}, err
	case c.IsRetry && r.State == store.RelinkDone && c.Link != nil && c.Link.AccountID == r.AccountID:
		return s.LinkedAccount(ctx, c) // it happened, and the answer was lost
	case r.State == store.RelinkObjected:
		return store.Account{}, ErrRelinkRefused
	case r.State == store.RelinkUndeliverable:
		return store.Account{}, ErrTransferUndeliverable
	case r.State != store.RelinkWaiting:
		return store.Account{}, ErrRelinkGone
	case c.Link != nil:
		return store.Account{}, ErrAlreadyLinked
	}
	return s.takeOverAgreed(ctx, c, r)
}

// takeOverAgreed is takeOver for a wish of an earlier request: the citizen may have
// withdrawn their consent since.
func (s *Service) takeOverAgreed(ctx context.Context, c Caller, r store.Relink) (store.Account, error) {
	agreed, err := s.agreed(ctx, c)
	if err != nil {
		return store.Account{}, err
	}
	if err := agreed.needs(ctx, PurposeLink); err != nil {
		return store.Account{}, err
	}
	return s.takeOver(ctx, c, r)
}

// ObjectRelink is the holder's 拒绝改绑. Like the freeze it asks for no password.
func (s *Service) ObjectRelink(ctx context.Context, c Caller, id uuid.UUID) (store.Relink, error) {
	r, err := s.db.ObjectRelink(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		err = ErrRelinkGone
	}
	return r, err
}

// CancelRelink takes the caller's own wish back.
func (s *Service) CancelRelink(ctx context.Context, c Caller, id uuid.UUID) (store.Relink, error) {
	r, err := s.db.CancelRelink(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		err = ErrRelinkGone
	}
	return r, err
}

// relinkOffered says that the same link with relink set would take the other one over.
func (e *Error) relinkOffered() *Error {
	c := *e
	c.TransferOffered = true
	return &c
}

// toldWithin is how soon a holder who can be told mostly has been.
const toldWithin = 5 * time.Second

// waiting tells who asked until when the holder may object, or that they are being told.
func (e *Error) waiting(r store.Relink, now time.Time) *Error {
	c := *e
	c.Transfer = &r
	if r.DueAt == nil {
		c.RetryAfter = int(max(toldWithin, time.Duration(r.Window)*time.Second).Seconds())
	} else {
		c.RetryAfter = int(math.Ceil(r.DueAt.Sub(now).Seconds()))
	}
	return &c
}
