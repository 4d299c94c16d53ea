package miniapp

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// relinksADay is how often on a day a person's link may be asked for, and an Alipay user
// may ask: each tells the holder.
const relinksADay = 3

// A Relink says whether an Alipay user who is proven to be a person takes over the link
// that another Alipay user has to that person. The zero value does not: only with a
// clerk's code, which takes it over at once.
type Relink struct {
	Offered bool
	Window  time.Duration // for the holder to object, from when Alipay took the notice to them
}

// A proven is an account that a visitor has shown to be theirs.
type proven struct {
	account store.Account
	by      Proof
	code    bool             // a clerk's stood for the password
	wanted  bool             // the visitor asks to take the link over
	face    *store.LinkProof // what waited for it; nil: nothing did
}

// takesOver reports whether this may take over somebody's link. A password alone never
// does: whoever has it could take the account from its owner.
func (s *Server) takesOver(p proven) bool {
	return p.code || s.relink.Offered && p.by != ProofNone
}

// alreadyLinked answers whoever is proven to be a person that another Alipay user is
// linked to.
func (s *Server) alreadyLinked(ctx context.Context, v visit, p proven) (linkReply, error) {
	switch {
	case v.Link != nil, !s.takesOver(p): // to another account of the same person, or to somebody else
		return linkReply{}, ErrAlreadyLinked
	case !p.wanted:
		return linkReply{}, ErrAlreadyLinked.relinkOffered()
	}
	order := store.RelinkOrder{Account: p.account, Proof: string(p.by), Window: s.relink.Window, Face: p.face, Limit: relinksADay}
	if p.code {
		order.Proof = store.RelinkByClerk
	}
	r, err := s.db.AskRelink(ctx, v.Session, order)
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // another one waits, or the link ended a moment ago
		return linkReply{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrObjected):
		return linkReply{}, ErrRelinkRefused
	case errors.Is(err, store.ErrLimit):
		return linkReply{}, ErrRelinkLimit.retryAfter(untilMidnight(s.db.Now()))
	case errors.Is(err, store.ErrBlocked):
		return linkReply{}, ErrAccountClosed
	case errors.Is(err, store.ErrGone):
		return linkReply{}, ErrLinkGone
	case err != nil:
		return linkReply{}, err
	}
	return s.takeOver(ctx, v, r)
}

// takeOver finishes a relink that is due, and tells when one will be that is not.
func (s *Server) takeOver(ctx context.Context, v visit, r store.Relink) (linkReply, error) {
	if now := s.db.Now(); r.DueAt == nil || now.Before(*r.DueAt) {
		return linkReply{}, ErrRelinkWaiting.waiting(r, now)
	}
	err := s.db.FinishRelink(ctx, v.Session, r.ID)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return linkReply{}, ErrRelinkGone
	case errors.Is(err, store.ErrConflict):
		return linkReply{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrBlocked):
		return linkReply{}, ErrAccountClosed
	case err != nil:
		return linkReply{}, err
	}
	return s.linkOf(ctx, r.AccountID)
}

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

// showRelinks shows what the visitor asked for, and who asks for their link.
func (s *Server) showRelinks(ctx context.Context, v visit, _ none) (relinksReply, error) {
	own, against, err := s.db.Relinks(ctx, v.Session)
	reply := relinksReply{Own: viewOfRelink(own), Against: viewOfRelink(against)}
	if err != nil || v.Link != nil {
		return reply, err
	}
	taken, err := s.db.TakenOver(ctx, v.Session)
	if err == nil && taken != nil {
		reply.Taken = &takenView{taken.ID, *taken.ClosedAt, taken.ClosedAt.Add(store.FormerHolderFreeze)}
	}
	return reply, err
}

// confirmRelink takes the link over once nobody objected in time.
func (s *Server) confirmRelink(ctx context.Context, v visit, _ none) (linkReply, error) {
	r, err := s.db.Relink(ctx, v.Session, v.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return linkReply{}, ErrRelinkGone
	case err != nil:
		return linkReply{}, err
	case v.Again && r.State == store.RelinkDone && v.Link != nil && v.Link.AccountID == r.AccountID:
		return s.showLink(ctx, v, none{}) // it happened, and the answer was lost
	case r.State == store.RelinkObjected:
		return linkReply{}, ErrRelinkRefused
	case r.State == store.RelinkUndeliverable:
		return linkReply{}, ErrTransferUndeliverable
	case r.State != store.RelinkWaiting:
		return linkReply{}, ErrRelinkGone
	case v.Link != nil:
		return linkReply{}, ErrAlreadyLinked
	}
	return s.takeOverAgreed(ctx, v, r)
}

// takeOverAgreed is takeOver for a wish of an earlier request: the citizen may have
// withdrawn their consent since.
func (s *Server) takeOverAgreed(ctx context.Context, v visit, r store.Relink) (linkReply, error) {
	agreed, err := s.agreed(ctx, v)
	if err != nil {
		return linkReply{}, err
	}
	if err := agreed.needs(ctx, PurposeLink); err != nil {
		return linkReply{}, err
	}
	return s.takeOver(ctx, v, r)
}

type relinkStateReply struct {
	ID    uuid.UUID `json:"id"`
	State string    `json:"state"`
}

// objectRelink is the holder's 拒绝改绑. Like the freeze it asks for no password.
func (s *Server) objectRelink(ctx context.Context, v visit, _ none) (relinkStateReply, error) {
	r, err := s.db.ObjectRelink(ctx, v.Session, v.ID)
	return endOfRelink(r, err)
}

// cancelRelink takes the visitor's own wish back.
func (s *Server) cancelRelink(ctx context.Context, v visit, _ none) (relinkStateReply, error) {
	r, err := s.db.CancelRelink(ctx, v.Session, v.ID)
	return endOfRelink(r, err)
}

func endOfRelink(r store.Relink, err error) (relinkStateReply, error) {
	if errors.Is(err, store.ErrGone) {
		err = ErrRelinkGone
	}
	return relinkStateReply{r.ID, r.State}, err
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
