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
	// checkMargin is what must be left of a request's time when its attempt is charged.
	// Whoever waits for a place until less is left has been charged nothing and is told so.
	checkMargin = time.Second

	// usualVerdictTime is how long a verdict may take to store. With the longest hash and the
	// rest of a request it is well within store.AttemptLease.
	usualVerdictTime = 2 * time.Second
)

// A check is one attempt from its charge to its verdict. In between nothing ends it:
// neither a caller that hangs up nor the end of the request's time.
type check struct {
	store.Attempt
	request store.AttemptRequest
	service *Service
	slot    *passwd.Slot
	passed  bool
}

// beginCheck takes a place to hash in and then charges the attempt, so that load is shed
// before. The caller ends the check.
func (s *Service) beginCheck(ctx context.Context, caller Caller, req store.AttemptRequest) (*check, error) {
	latest := time.Now().Add(usualTime - checkMargin)
	if end, ok := ctx.Deadline(); ok {
		latest = end.Add(-checkMargin)
	}
	waiting, stop := context.WithDeadline(ctx, latest)
	defer stop()
	slot, err := s.hasher.Reserve(waiting, hashesFor(caller))
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

// end gives the place back, where that has not been done.
func (c *check) end() { c.slot.Release() }

// try looks at the password. An attempt that was not admitted, an unknown person and an
// initial password, of which no hash exists, cost one hash like everything else. The
// place is kept for a hash that has to be replaced, not for what the database has to do.
func (c *check) try(ctx context.Context, password passwd.Secret) (right, upgrade bool, err error) {
	right, upgrade, err = c.service.rightPassword(context.WithoutCancel(ctx), c.slot, c.Attempt, password)
	if !upgrade {
		c.slot.Release()
	}
	return right, upgrade, err
}

// fail counts the attempt as failed; right says that the password was right and something
// else is missing. No verdict is told before.
func (c *check) fail(ctx context.Context, right bool) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.service.verdictTime)
	defer stop()
	failed, err := c.service.db.FailAttempt(ctx, c.request, c.Attempt, right)
	if err == nil {
		c.Attempt = failed
	}
	return err
}

// pass resets the attempts, this one and those before it.
func (c *check) pass(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.service.verdictTime)
	defer stop()
	return c.service.db.PassAttempt(ctx, c.request, c.Attempt)
}

// pending returns the attempt for the transaction of what the password is for, or nil if
// there was no attempt. Unless that transaction rolls back, it has passed the attempt.
func (c *check) pending() *store.Passed {
	if c == nil {
		return nil
	}
	return &store.Passed{Request: c.request, Attempt: c.Attempt}
}

// settled notes how that transaction ended. An unknown outcome counts as passed: if the
// transaction is lost, the attempt lapses and costs nothing.
func (c *check) settled(err error) {
	if c != nil {
		c.passed = err == nil || errors.Is(err, store.ErrUnknownOutcome)
	}
}

// passAfter passes an attempt that no transaction has passed: a right password is right
// whatever becomes of what it was for. It returns err, or else what kept the attempt.
func (c *check) passAfter(ctx context.Context, err error) error {
	if c == nil || c.passed {
		return err
	}
	return cmp.Or(err, c.pass(ctx))
}
