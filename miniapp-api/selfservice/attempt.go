package selfservice

import (
	"context"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const (
	// checkMargin is what must be left of a request's time when its guess is charged.
	// Whoever waits for a place until less is left has been charged nothing and is told so.
	checkMargin = time.Second

	// usualVerdictTime is how long a verdict may take to store. With the longest hash and the
	// rest of a request it is well within store.AttemptLease.
	usualVerdictTime = 2 * time.Second
)

// A check is one guess from its charge to its verdict. In between nothing ends it:
// neither a caller that hangs up nor the end of the request's time.
type check struct {
	store.Attempt
	guess   store.Guess
	service *Service
	slot    *passwd.Slot
}

// beginCheck takes a place to hash in and then charges the guess: load is shed before.
// The caller ends the check.
func (s *Service) beginCheck(ctx context.Context, caller Caller, g store.Guess) (*check, error) {
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
	c := &check{guess: g, service: s, slot: slot}
	charging, stop := context.WithDeadline(context.WithoutCancel(ctx), latest)
	defer stop()
	if c.Attempt, err = s.db.TakeGuess(charging, g); err != nil {
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

// fail makes the guess a wrong one, or a right one that something is missing to. Nobody
// learns a verdict before.
func (c *check) fail(ctx context.Context, right bool) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.service.verdictTime)
	defer stop()
	failed, err := c.service.db.FailAttempt(ctx, c.guess, c.Attempt, right)
	if err == nil {
		c.Attempt = failed
	}
	return err
}

// pass gives the guess back, and those before it.
func (c *check) pass(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.service.verdictTime)
	defer stop()
	return c.service.db.PassAttempt(ctx, c.guess, c.Attempt)
}

// settle gives an attempt back that leads to a link. One that a proof is missing to stays
// charged until that proves the caller.
func (c *check) settle(ctx context.Context, o outcome) error {
	if o == outcomeAccepted {
		return c.pass(ctx)
	}
	return c.fail(ctx, o == outcomeNeedsProof)
}
