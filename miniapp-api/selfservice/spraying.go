package selfservice

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"fundpass/store"
)

// SprayingLimits are the limits of attempts at many people, as Sprayed takes them.
var SprayingLimits = []string{store.SprayingUser, store.SprayingAddress, store.SprayingGlobal}

// A sprayGuard limits the attempts of unverified callers at many people, and counts the refusals
// of each limit.
type sprayGuard struct {
	limits  store.Spraying
	certdoc bool // the centre can verify a caller before their attempt
	log     *slog.Logger

	user, address, global atomic.Uint64
}

func (g *sprayGuard) refusals(limit string) *atomic.Uint64 {
	switch limit {
	case store.SprayingUser:
		return &g.user
	case store.SprayingAddress:
		return &g.address
	}
	return &g.global
}

// Sprayed returns how many attempts a limit has refused since the start.
func (s *Service) Sprayed(limit string) uint64 { return s.spraying.refusals(limit).Load() }

// source returns the caller, who is not verified as the person, with the limits.
func (g *sprayGuard) source(c Caller) *store.UnverifiedSource {
	return &store.UnverifiedSource{User: c.user(), Address: c.Network, Limits: g.limits}
}

// check counts an attempt that a limit refused. It returns nil if the caller must get the
// ordinary refusal, which reveals nothing to someone who tries many people. It returns
// ErrTooManyRequests if the limit is not the user's own, and certdoc is not accepted or the
// caller has no provider: nobody is verified before their attempt then, so other people's
// attempts can refuse an honest citizen, who should retry later.
func (g *sprayGuard) check(ctx context.Context, c Caller, r store.Refusal, now time.Time) error {
	if r.By == "" {
		return nil
	}
	g.refusals(r.By).Add(1)
	if r.First { // one line per user or address and day; the request's line has the address
		g.log.LogAttrs(ctx, slog.LevelWarn, "spraying", slog.String("by", r.By), slog.String("request_id", c.RequestID),
			slog.Time("until", r.Until))
	}
	if g.certdoc && c.IdentityDigest != nil || r.By == store.SprayingUser {
		return nil
	}
	return ErrTooManyRequests.WithRetryAfter(int(r.Until.Sub(now)/time.Second) + 1)
}
