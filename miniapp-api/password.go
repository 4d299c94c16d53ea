package miniapp

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// rightPassword checks the password of an attempt. An attempt that was not
// admitted, an unknown person and an initial password, of which no hash
// exists, cost one hash like everything else.
func (s *Server) rightPassword(ctx context.Context, slot *passwd.Slot, attempt store.Attempt, password passwd.Secret) (right, upgrade bool, err error) {
	if !attempt.Admitted || attempt.Account == nil {
		return false, false, slot.Dummy(ctx, password)
	}
	a := *attempt.Account
	if a.InitialRule != "" {
		return passwd.IsInitial(a.InitialRule, subject(a), password), false, slot.Dummy(ctx, password)
	}
	return slot.Verify(ctx, a.Hash, password)
}

// settlePassword replaces a hash of yesterday's kind, and marks a password that
// everybody could derive from the person's data as one to be changed.
func (s *Server) settlePassword(ctx context.Context, slot *passwd.Slot, g rightGuess) (store.Account, error) {
	if g.upgrade {
		hash, err := slot.Hash(ctx, g.password)
		if err != nil {
			return store.Account{}, err
		}
		if err := s.db.UpgradeHash(ctx, g.account, hash); err != nil {
			return store.Account{}, err
		}
	}
	if g.account.State == store.PasswordSet && s.derived(g.account, g.password) {
		g.account.State = store.PasswordMustChange
		return g.account, s.db.MustChange(ctx, g.account)
	}
	return g.account, nil
}

// A rightGuess is a right password of an account.
type rightGuess struct {
	account  store.Account
	password passwd.Secret
	upgrade  bool
}

// derived reports whether one of the city's rules gives this password.
func (s *Server) derived(a store.Account, password passwd.Secret) bool {
	return slices.ContainsFunc(s.policy.InitialRules, func(rule string) bool {
		return passwd.IsInitial(rule, subject(a), password)
	})
}

// ownerGuess takes one guess of the linked owner, in the owner's lane. also is
// what must be right beside the password.
func (s *Server) ownerGuess(ctx context.Context, v visit, password passwd.Secret, also func(store.Account) bool) (store.Account, error) {
	c, err := s.beginCheck(ctx, v, store.Guess{PersonDigest: v.Link.PersonDigest, Lane: v.IdentityDigest,
		AccountID: v.Link.AccountID, Budget: s.budget(), Receipt: v.receipt})
	if err != nil {
		return store.Account{}, err
	}
	defer c.end()
	switch {
	case c.Account == nil:
		return store.Account{}, ErrNotLinked
	case c.Crowded: // they may be right ones
		return store.Account{}, ErrBusy.retryAfter(1)
	}
	right, upgrade, err := c.try(ctx, password)
	if err != nil {
		return store.Account{}, err
	}
	if !right || !also(*c.Account) {
		return store.Account{}, s.wrong(ctx, c)
	}
	if err := c.pass(ctx); err != nil {
		return store.Account{}, err
	}
	return s.settlePassword(ctx, c.slot, rightGuess{*c.Account, password, upgrade})
}

// wrong tells the owner how many guesses are left, or until when there is none.
func (s *Server) wrong(ctx context.Context, c *check) error {
	if c.Admitted {
		if err := c.fail(ctx, false); err != nil {
			return err
		}
	}
	if c.LockedUntil != nil {
		return ErrPasswordLocked.lockedUntil(*c.LockedUntil, s.db.Now())
	}
	return ErrOldPasswordWrong.withRemaining(c.Remaining)
}

// budget is the policy's lock as the store understands it.
func (s *Server) budget() store.Budget {
	return store.Budget{Guesses: s.policy.Lock.Guesses(), Until: s.policy.Lock.Until}
}

func subject(a store.Account) passwd.Subject {
	return passwd.Subject{
		IDType: a.Person.IDType, IDNumber: a.Person.IDNumber, Name: a.Person.Name,
		Phone: a.Person.Phone, AccountNo: a.Person.AccountNo,
	}
}

type passwordReply struct {
	State       string              `json:"state"`
	ChangedAt   *time.Time          `json:"changed_at"`
	Remaining   int                 `json:"remaining_attempts"`
	LockedUntil *time.Time          `json:"locked_until"`
	Rules       []passwd.PublicRule `json:"rules"`
	Channels    []passwd.Channel    `json:"channels"`
	Reset       bool                `json:"reset_offered"` // by identity verification; a clerk's code always works

	OpenChange *openStepView `json:"open_change"` // null: none
	OpenReset  *openStepView `json:"open_reset"`  // null: none
}

// An openStepView is a change or reset that is not finished, as the owner sees it. Its
// id is for who began it.
type openStepView struct {
	ID        *uuid.UUID `json:"id"` // null: begun elsewhere
	OpenedAt  time.Time  `json:"opened_at"`
	Channel   string     `json:"channel"`
	ExpiresAt time.Time  `json:"expires_at"`
}

func viewOfStep(step *store.OpenStep) *openStepView {
	if step == nil {
		return nil
	}
	view := &openStepView{nil, step.OpenedAt, step.Channel, step.ExpiresAt}
	if step.Own {
		view.ID = &step.ID
	}
	return view
}

// showPassword is the first page of 我的密码: state, guesses left, rules.
func (s *Server) showPassword(ctx context.Context, v visit, _ none) (passwordReply, error) {
	p, now := v.Link.Password, s.db.Now()
	holder, err := s.db.Holder(*v.Link)
	if err != nil {
		return passwordReply{}, err
	}
	change, reset, err := s.db.OpenSteps(ctx, v.Session)
	if err != nil {
		return passwordReply{}, err
	}
	_, err = s.verification(holder)
	reply := passwordReply{
		State:     passwordState(p.State, p.Account),
		ChangedAt: p.ChangedAt,
		Remaining: s.budget().Remaining(p.Used, p.Round, p.LockedUntil, now),
		Rules:     s.rules,
		Channels:  append([]passwd.Channel{}, s.policy.Channels...), // a list, never null
		Reset:     err == nil,

		OpenChange: viewOfStep(change), OpenReset: viewOfStep(reset),
	}
	if p.LockedUntil != nil && p.LockedUntil.After(now) {
		reply.LockedUntil = p.LockedUntil
		if reply.State != store.PasswordFrozen {
			reply.State = "locked"
		}
	}
	return reply, nil
}

// passwordState is frozen, too, when the centre froze the account.
func passwordState(state, status string) string {
	if status == store.StatusFrozen {
		return store.PasswordFrozen
	}
	return state
}
