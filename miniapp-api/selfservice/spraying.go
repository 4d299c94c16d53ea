package selfservice

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"fundpass/store"
)

// SprayingLimits are the limits of attempts at many people, as Sprayed takes them.
var SprayingLimits = []string{store.SprayingUser, store.SprayingAddress, store.SprayingGlobal}

// A sprayCounts counts the refusals of each limit.
type sprayCounts struct{ user, address, global atomic.Uint64 }

func (n *sprayCounts) of(limit string) *atomic.Uint64 {
	switch limit {
	case store.SprayingUser:
		return &n.user
	case store.SprayingAddress:
		return &n.address
	}
	return &n.global
}

// Sprayed returns how many attempts a limit has refused since the start.
func (s *Service) Sprayed(limit string) uint64 { return s.sprayed.of(limit).Load() }

// unverifiedSource returns the caller, who is not verified as the person, with the policy's
// limits.
func (s *Service) unverifiedSource(c Caller) *store.UnverifiedSource {
	l := s.policy.Spraying
	return &store.UnverifiedSource{User: c.IdentityDigest, Address: c.Network,
		Limits: store.Spraying{PerUser: l.PerUser, PerAddress: l.PerAddress, PerMinute: l.PerMinute}}
}

// checkSpraying counts an attempt that a spraying limit refused. It returns nil if the caller
// must get the ordinary refusal, which reveals nothing to someone who tries many people. It
// returns ErrTooManyRequests if certdoc is not accepted and the limit is not the user's own:
// nobody is verified before their attempt then, so other people's attempts can refuse an honest
// citizen, who should retry later.
func (s *Service) checkSpraying(ctx context.Context, c Caller, r store.Refusal) error {
	if r.By == "" {
		return nil
	}
	s.sprayed.of(r.By).Add(1)
	if r.First { // one line per user or address and day; the request's line has the address
		s.log.LogAttrs(ctx, slog.LevelWarn, "spraying", slog.String("by", r.By), slog.String("request_id", c.RequestID),
			slog.Time("until", r.Until))
	}
	if slices.Contains(s.accepted.union(), ProofCertdoc) || r.By == store.SprayingUser {
		return nil
	}
	return ErrTooManyRequests.WithRetryAfter(int(r.Until.Sub(s.db.Now())/time.Second) + 1)
}
