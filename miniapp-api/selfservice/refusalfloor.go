package selfservice

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const (
	// floorMargin is the factor by which a hash may take longer under load.
	floorMargin = 2

	// longestFloor leaves half of a request's time for the rest of its work.
	longestFloor = defaultRequestTime / 2
)

// A refusalFloor is the minimum time of a refused attempt. It is zero unless bcrypt or PBKDF2
// digests of an old system are left, which take several times as long as a dummy hash.
// Otherwise every refusal takes as long as the costliest of them, so that its time does not
// reveal which accounts have such a digest. The wait needs no hashing slot.
type refusalFloor struct{ least atomic.Int64 } // nanoseconds

// observe raises the floor to the time that a slow digest took, if that is longer.
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

// await waits until the minimum time has passed since begun, when the check of the password
// started.
func (f *refusalFloor) await(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(time.Until(begun.Add(time.Duration(f.least.Load())))):
	case <-ctx.Done():
	}
}

// RefusalFloor returns the minimum time of a refused link.
func (s *Service) RefusalFloor() time.Duration { return time.Duration(s.floor.least.Load()) }

// UpdateRefusalFloor times the costliest legacy digest in the database and sets the refusal
// floor to twice that, or to zero if none is left. It must be called at startup and every few
// minutes, because a roster may add digests. It is safe for concurrent use.
func (s *Service) UpdateRefusalFloor(ctx context.Context) error {
	hashes, err := s.db.CostliestHashes(ctx, passwd.SlowKinds())
	if err != nil {
		return err
	}
	var least time.Duration
	for _, hash := range hashes {
		took, err := timeHash(ctx, s.hasher, hash)
		if err != nil {
			return err
		}
		least = max(least, floorMargin*took)
	}
	s.floor.least.Store(int64(min(least, longestFloor)))
	return nil
}

// timeHash returns how long a failed verification of a hash takes, excluding the wait for a
// slot.
func timeHash(ctx context.Context, hasher *passwd.Hasher, hash string) (time.Duration, error) {
	slot, err := hasher.Reserve(ctx, passwd.Caller{})
	if err != nil {
		return 0, err
	}
	defer slot.Release()
	begun := time.Now()
	_, _, err = slot.Verify(ctx, hash, passwd.NewSecret("nobody's password"))
	return time.Since(begun), err
}

// responseQuantum is the unit to which the time of a refused link is rounded up. All refusals
// do one hash and the same statements; rounding hides the remaining difference of some hundred
// microseconds, for example whether a row was found. awaitQuantum adds a random time, because
// timers are late by a fraction of a millisecond that depends on when they were set.
const responseQuantum = 50 * time.Millisecond

// awaitQuantum waits until the time since begun is a multiple of responseQuantum, plus a random
// time.
func awaitQuantum(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(responseQuantum - time.Since(begun)%responseQuantum + rand.N(responseQuantum/2)):
	case <-ctx.Done():
	}
}
