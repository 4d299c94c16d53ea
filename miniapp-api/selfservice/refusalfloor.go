package selfservice

import (
	"context"
	"sync/atomic"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const (
	// floorMargin is how much longer than in a quiet moment a hash may take.
	floorMargin = 2

	// longestFloor leaves a request time for everything else.
	longestFloor = usualTime / 2
)

// A refusalFloor is the least time that the refusal of a failed attempt takes.
// It is zero unless the centre still keeps bcrypt or PBKDF2 digests of an old
// system, which take a multiple of what a dummy hash does. Then every refusal takes
// as long as the costliest of them, without a place of the pool, so that the
// time of a refusal does not tell which accounts have such a digest.
type refusalFloor struct{ least atomic.Int64 } // nanoseconds

// observe raises the floor to the time of a digest that took longer than all so far.
func (f *refusalFloor) observe(attempt store.Attempt, took time.Duration) {
	if !attempt.Admitted || attempt.Account == nil || !passwd.SlowHash(attempt.Account.Hash) {
		return
	}
	next := int64(min(took, longestFloor))
	for {
		old := f.least.Load()
		if next <= old || f.least.CompareAndSwap(old, next) {
			return
		}
	}
}

// await waits until a refusal whose password was looked at since begun has taken the least time.
func (f *refusalFloor) await(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(time.Until(begun.Add(time.Duration(f.least.Load())))):
	case <-ctx.Done():
	}
}

// RefusalFloor returns how long a refused link takes at least.
func (s *Service) RefusalFloor() time.Duration { return time.Duration(s.floor.least.Load()) }

// UpdateRefusalFloor times the costliest legacy digest that is left; from then on
// refusals of a link take no less than twice that. Once none is left they are as quick
// as a dummy hash again. It is called at the start and every few minutes, because a
// roster may bring new digests. It is safe while requests are served.
func (s *Service) UpdateRefusalFloor(ctx context.Context) error {
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
		least = max(least, floorMargin*took)
	}
	s.floor.least.Store(int64(min(least, longestFloor)))
	return nil
}

// timeHash returns how long a failed attempt at a hash takes, without the wait for a place.
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
