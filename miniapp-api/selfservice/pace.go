package selfservice

import (
	"context"
	"sync/atomic"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const (
	// paceMargin is how much longer than in a quiet moment a hash may take.
	paceMargin = 2

	// longestPace leaves a request time for everything else.
	longestPace = usualTime / 2
)

// A pace is how long a refused guess at a stranger's password takes at least.
// It is zero unless the centre still keeps bcrypt or PBKDF2 digests of an old
// system, which take a multiple of what a dummy hash does: then everybody waits
// as long as the costliest of them takes, holding no place of the pool, and the
// time of a refusal does not tell at whose account such a digest lies.
type pace struct{ least atomic.Int64 } // nanoseconds

// saw takes note of a digest that took longer than all so far.
func (p *pace) saw(attempt store.Attempt, took time.Duration) {
	if !attempt.Admitted || attempt.Account == nil || !passwd.SlowHash(attempt.Account.Hash) {
		return
	}
	next := int64(min(took, longestPace))
	for {
		old := p.least.Load()
		if next <= old || p.least.CompareAndSwap(old, next) {
			return
		}
	}
}

// await ends the shortest time of a refusal whose password was looked at since begun.
func (p *pace) await(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(time.Until(begun.Add(time.Duration(p.least.Load())))):
	case <-ctx.Done():
	}
}

// RefusalFloor returns how long a refused link takes at least.
func (s *Service) RefusalFloor() time.Duration { return time.Duration(s.pace.least.Load()) }

// KeepPace looks for the costliest legacy digest that is left and times it; from
// then on refusals of a link take no less than twice that. Once none is left they
// are as quick as a dummy hash again. To be called at the start and every few
// minutes: a roster may bring new ones. It is safe while requests are served.
func (s *Service) KeepPace(ctx context.Context) error {
	hashes, err := s.db.CostliestHashes(ctx, passwd.SlowKinds())
	if err != nil {
		return err
	}
	var least time.Duration
	for _, hash := range hashes {
		took, err := s.timeHash(ctx, hash)
		if err != nil {
			return err
		}
		least = max(least, paceMargin*took)
	}
	s.pace.least.Store(int64(min(least, longestPace)))
	return nil
}

// timeHash is how long a wrong guess at a hash takes, once it has its place.
func (s *Service) timeHash(ctx context.Context, hash string) (time.Duration, error) {
	slot, err := s.hasher.Reserve(ctx, passwd.Caller{})
	if err != nil {
		return 0, err
	}
	defer slot.Release()
	begun := time.Now()
	_, _, err = slot.Verify(ctx, hash, passwd.NewSecret("nobody's password"))
	return time.Since(begun), err
}
