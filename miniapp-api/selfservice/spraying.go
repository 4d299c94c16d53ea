package selfservice

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"fundpass/store"
)

// SprayingLimits are whose limit of attempts at many people can refuse one.
var SprayingLimits = []string{store.SprayingUser, store.SprayingAddress, store.SprayingGlobal}

// sprayCounts count what each limit refused.
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

// unverifiedSource is the caller as somebody not proven to be the person. The limits
// are the policy's.
func (s *Service) unverifiedSource(c Caller) *store.UnverifiedSource {
	l := s.policy.Spraying
	return &store.UnverifiedSource{User: c.IdentityDigest, Address: c.Network,
		Limits: store.Spraying{PerUser: l.PerUser, PerAddress: l.PerAddress, PerMinute: l.PerMinute}}
}

// checkSpraying counts an attempt that one limit of spraying refused, and says what to
// answer. nil is the answer that every refused link gets: who tries many people
// is told nothing. Where the provider's word on the document is not accepted, nobody is
// proven before their attempt: what others did is in an honest citizen's way, who
// is told to come back.
func (s *Service) checkSpraying(ctx context.Context, c Caller, r store.Refusal) error {
	if r.By == "" {
		return nil
	}
	s.sprayed.of(r.By).Add(1)
	if r.First { // one line a user or address and day: the request's own line has the address
		s.log.LogAttrs(ctx, slog.LevelWarn, "spraying", slog.String("by", r.By), slog.String("request_id", c.RequestID),
			slog.Time("until", r.Until))
	}
	if slices.Contains(s.accepted.union(), ProofCertdoc) || r.By == store.SprayingUser {
		return nil
	}
	return ErrTooManyRequests.WithRetryAfter(int(r.Until.Sub(s.db.Now())/time.Second) + 1)
}
