package miniapp

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"fundpass/store"
)

// network is what counts as one address: IPv6 gives every customer a /64.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// stranger is the visitor as somebody not proven to be the person. The limits
// are the policy's.
func (s *Server) stranger(v visit) *store.Stranger {
	l := s.policy.Spraying
	return &store.Stranger{User: v.IdentityDigest, Address: v.Network,
		Limits: store.Spraying{PerUser: l.PerUser, PerAddress: l.PerAddress, PerMinute: l.PerMinute}}
}

// sprayed counts a guess that one limit of spraying refused, and says what to
// answer. nil is the answer that every refused link gets: who tries many people
// is told nothing. Where Alipay's word on the document is not accepted, nobody is
// proven before they guess: what others did stands in an honest visitor's way, who
// is told to come back.
func (s *Server) sprayed(ctx context.Context, v visit, r store.Refusal) error {
	if r.By == "" {
		return nil
	}
	s.metrics.sprayed.WithLabelValues(r.By).Inc()
	if r.First { // one line a user or address and day: the request's own line has the address
		s.log.LogAttrs(ctx, slog.LevelWarn, "spraying", slog.String("by", r.By), slog.String("request_id", v.RequestID),
			slog.Time("until", r.Until))
	}
	if slices.Contains(s.accepted.union(), ProofCertdoc) || r.By == store.SprayingUser {
		return nil
	}
	return ErrTooManyRequests.retryAfter(int(r.Until.Sub(s.db.Now())/time.Second) + 1)
}
