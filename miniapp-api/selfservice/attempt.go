package selfservice

import (
	"context"
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

// settle resets the attempts where this one leads to a link. An attempt to which a proof is
// missing stays charged until the caller is proven.
func (c *check) settle(ctx context.Context, o outcome) error {
	if o == outcomeAccepted {
		return c.pass(ctx)
	}
	return c.fail(ctx, o == outcomeNeedsProof)
}
