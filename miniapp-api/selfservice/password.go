package selfservice

import (
	"context"
	"slices"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// rightPassword checks the password of an attempt. It computes one hash even for an attempt
// that was not admitted, an unknown person or an initial password, of which no hash exists.
func rightPassword(ctx context.Context, slot *passwd.Slot, attempt store.Attempt, password passwd.Secret) (right, upgrade bool, err error) {
	if !attempt.Admitted || attempt.Account == nil {
		return false, false, slot.Dummy(ctx, password)
	}
	a := *attempt.Account
	if a.InitialRule != "" {
		return passwd.IsInitial(a.InitialRule, subject(a), password), false, slot.Dummy(ctx, password)
	}
	return slot.Verify(ctx, a.Hash, password)
}

// updateCredential replaces an outdated hash, and marks a password that can be derived from the
// person's data as one that must be changed. It returns the updated account.
func (s *Service) updateCredential(ctx context.Context, slot *passwd.Slot, a store.Account, password passwd.Secret, upgrade bool) (store.Account, error) {
	if upgrade {
		hash, err := slot.Hash(ctx, password)
		if err != nil {
			return store.Account{}, err
		}
		if err := s.db.UpgradeHash(ctx, a, hash); err != nil {
			return store.Account{}, err
		}
	}
	if state := effectiveState(s.policy, a, password); state != a.State {
		a.State = state
		return a, s.db.MustChange(ctx, a)
	}
	return a, nil
}

// isDerivable reports whether one of the centre's initial-password rules yields this password.
func isDerivable(policy *passwd.Policy, a store.Account, password passwd.Secret) bool {
	return slices.ContainsFunc(policy.InitialRules, func(rule string) bool {
		return passwd.IsInitial(rule, subject(a), password)
	})
}

// ownerAttempt makes one attempt of the linked owner, in the owner's scope, and returns the
// account. The password must be right and also must return true.
func (s *Service) ownerAttempt(ctx context.Context, c Caller, password passwd.Secret, also func(store.Account) bool) (store.Account, error) {
	attempt, err := s.beginCheck(ctx, c, store.AttemptRequest{PersonDigest: c.Link.PersonDigest, Scope: store.OwnerScope,
		AccountID: c.Link.AccountID, Channel: c.Session.Channel, Policy: lockoutPolicy(s.policy), Record: c.Record})
	if err != nil {
		return store.Account{}, err
	}
	defer attempt.end()
	switch {
	case attempt.Account == nil:
		return store.Account{}, ErrNotLinked
	case attempt.Crowded: // pending attempts may succeed
		return store.Account{}, ErrBusy.WithRetryAfter(1)
	}
	right, upgrade, err := attempt.verify(ctx, password)
	if err != nil {
		return store.Account{}, err
	}
	if !right || !also(*attempt.Account) {
		return store.Account{}, attempt.wrongPassword(ctx)
	}
	if err := attempt.pass(ctx); err != nil {
		return store.Account{}, err
	}
	return s.updateCredential(ctx, attempt.slot, *attempt.Account, password, upgrade)
}

// wrongPassword stores that the owner's attempt failed and returns ErrOldPasswordWrong with the
// attempts left, or ErrPasswordLocked with the end of the lock.
func (c *check) wrongPassword(ctx context.Context) error {
	if c.Admitted {
		if err := c.fail(ctx, false); err != nil {
			return err
		}
	}
	if c.LockedUntil != nil {
		return ErrPasswordLocked.withLock(*c.LockedUntil, c.service.db.Now())
	}
	return ErrOldPasswordWrong.withRemaining(c.Remaining)
}

// lockoutPolicy converts the policy's lock to the store's form.
func lockoutPolicy(p *passwd.Policy) store.LockoutPolicy {
	return store.LockoutPolicy{Attempts: p.Lock.Attempts(), Until: p.Lock.Until}
}

func subject(a store.Account) passwd.Subject {
	return passwd.Subject{
		IDType: a.Person.IDType, IDNumber: a.Person.IDNumber, Name: a.Person.Name,
		Phone: a.Person.Phone, AccountNo: a.Person.AccountNo,
	}
}

// A PasswordStatus is what the owner sees of the password.
type PasswordStatus struct {
	State        string
	ChangedAt    *time.Time
	Remaining    int        // attempts left
	LockedUntil  *time.Time // nil if not locked
	ResetOffered bool       // by face verification; a reset code always works

	OpenChange, OpenReset *store.OpenStep // nil if there is none
}

// Password returns the state of the linked account's password, the attempts left, and the open
// change and reset.
func (s *Service) Password(ctx context.Context, c Caller) (PasswordStatus, error) {
	p, now := c.Link.Password, s.db.Now()
	holder, err := s.db.Holder(*c.Link)
	if err != nil {
		return PasswordStatus{}, err
	}
	var change, reset *store.OpenStep
	if c.Link.HasOpenStep {
		if change, reset, err = s.db.OpenSteps(ctx, c.Session); err != nil {
			return PasswordStatus{}, err
		}
	}
	_, err = s.faceKind(holder)
	status := PasswordStatus{
		State:        PasswordState(p.State, p.Account),
		ChangedAt:    p.ChangedAt,
		Remaining:    lockoutPolicy(s.policy).Remaining(p.Attempts, p.Tier, p.LockedUntil, now),
		ResetOffered: err == nil,
		OpenChange:   change, OpenReset: reset,
	}
	if p.LockedUntil != nil && p.LockedUntil.After(now) {
		status.LockedUntil = p.LockedUntil
		if status.State != store.PasswordFrozen {
			status.State = "locked"
		}
	}
	return status, nil
}

// PasswordState returns the state shown to citizens: frozen if the password or the account is
// frozen.
func PasswordState(state, status string) string {
	if status == store.StatusFrozen {
		return store.PasswordFrozen
	}
	return state
}
