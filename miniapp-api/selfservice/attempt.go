package selfservice

import (
	"cmp"
	"context"
	"errors"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const (
	// checkMargin is the time a request must have left when its attempt is charged. A request
	// that waits longer for a hashing slot is refused before it is charged.
	checkMargin = time.Second

	// defaultVerdictTime is how long storing a verdict may take. Together with the longest hash
	// and the rest of a request it stays below store.AttemptLease.
	defaultVerdictTime = 2 * time.Second
)

// A check is one attempt from its charge to its verdict. In between it ignores cancellation and
// the request's deadline, so that no charged attempt remains without a verdict.
type check struct {
	store.Attempt
	request store.AttemptRequest
	service *Service
	slot    *passwd.Slot
	passed  bool
}

// beginCheck reserves a hashing slot and then charges the attempt. This order refuses requests
// under overload before they cost an attempt. The caller must call end.
func (s *Service) beginCheck(ctx context.Context, caller Caller, req store.AttemptRequest) (*check, error) {
	latest := time.Now().Add(defaultRequestTime - checkMargin)
	if end, ok := ctx.Deadline(); ok {
		latest = end.Add(-checkMargin)
	}
	waiting, stop := context.WithDeadline(ctx, latest)
	defer stop()
	slot, err := s.hasher.Reserve(waiting, hashCaller(caller))
	if err != nil {
		return nil, err
	}
	if !slot.Detach() {
		return nil, waiting.Err()
	}
	c := &check{request: req, service: s, slot: slot}
	charging, stop := context.WithDeadline(context.WithoutCancel(ctx), latest)
	defer stop()
	if c.Attempt, err = s.db.ReserveAttempt(charging, req); err != nil {
		slot.Release()
		return nil, err
	}
	return c, nil
}

// end releases the slot. It may be called more than once.
func (c *check) end() { c.slot.Release() }

// verify checks the password. It computes one hash even for an attempt that was not admitted,
// for an unknown person and for an initial password. It keeps the slot only if upgrade is true,
// because the stored hash is then replaced.
func (c *check) verify(ctx context.Context, password passwd.Secret) (right, upgrade bool, err error) {
	right, upgrade, err = rightPassword(context.WithoutCancel(ctx), c.slot, c.Attempt, password)
	if !upgrade {
		c.slot.Release()
	}
	return right, upgrade, err
}

// fail stores that the attempt failed. right means that the password was right but a proof is
// missing. The verdict is stored before the caller replies.
func (c *check) fail(ctx context.Context, right bool) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.service.verdictTime)
	defer stop()
	failed, err := c.service.db.FailAttempt(ctx, c.request, c.Attempt, right)
	if err == nil {
		c.Attempt = failed
	}
	return err
}

// pass resets the failed attempts, including this one.
func (c *check) pass(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.service.verdictTime)
	defer stop()
	return c.service.db.PassAttempt(ctx, c.request, c.Attempt)
}

// pending returns the attempt for the transaction that the password authorises, or nil if there
// was no attempt. That transaction passes the attempt unless it rolls back.
func (c *check) pending() *store.Passed {
	if c == nil {
		return nil
	}
	return &store.Passed{Request: c.request, Attempt: c.Attempt}
}

// setPassed records how that transaction ended. An unknown outcome counts as passed: if the
// transaction was rolled back, the attempt lapses and costs nothing.
func (c *check) setPassed(err error) {
	if c != nil {
		c.passed = err == nil || errors.Is(err, store.ErrUnknownOutcome)
	}
}

// passAfter passes an attempt that no transaction has passed, because a right password must not
// count as failed if a later step fails. It returns err, or else the error of passing.
func (c *check) passAfter(ctx context.Context, err error) error {
	if c == nil || c.passed {
		return err
	}
	return cmp.Or(err, c.pass(ctx))
}

// lockoutError returns an error only to a caller who is verified as the person:
// ErrPasswordLocked if the account is locked, or ErrBusy if concurrent attempts of theirs are
// pending. Any other caller gets nil, and so learns nothing about the account.
func (c *check) lockoutError(verified bool) error {
	if verified && c.Crowded {
		return ErrBusy.WithRetryAfter(1)
	}
	if !verified || c.Account == nil || c.LockedUntil == nil {
		return nil
	}
	return ErrPasswordLocked.withLock(*c.LockedUntil, c.service.db.Now())
}
