package selfservice

import "context"

// Suspicious reports whether a channel should ask the caller, who is not verified, for a proof
// that they are human before the next attempt: they have tried three people in vain today, or a
// tenth of a limit has been reached from their network, or half of the limit of all callers
// together in this minute. The attempts of one citizen at their own account never make them
// suspicious; the account's lock bounds those.
func (s *Service) Suspicious(ctx context.Context, c Caller) (bool, error) {
	source := s.spraying.source(c)
	user, address, all, err := s.db.SprayCounts(ctx, source)
	l := source.Limits
	return user >= suspiciousPeople || address >= max(suspiciousPeople, l.PerAddress/10) || all >= max(1, l.PerMinute/2), err
}

// suspiciousPeople is how many people a citizen may mistype or try for the family.
const suspiciousPeople = 3
