package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// tiers locks after 3 failed attempts for a minute, after 2 more for an hour, then for
// good.
var tiers = store.LockoutPolicy{
	Attempts: []int{3, 2, 2},
	Until: func(now time.Time) []time.Time {
		return []time.Time{now.Add(time.Minute), now.Add(time.Hour), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	},
}

// Of 100 concurrent attempts at each of many persons, over two processes, exactly as many
// as the policy allows are admitted, and none during the lock.
func TestBurstOfAttempts(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	handles := []*store.DB{storetest.Open(t, dsn), storetest.Open(t, dsn)}
	const tries = 100
	people := testenv.Rounds(8, 100)
	five := store.LockoutPolicy{Attempts: []int{5}, Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}
	admitted := make([]atomic.Int32, people)
	gate := make(chan struct{}, tries)
	var wg sync.WaitGroup
	for i := range people * tries {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			person := i / tries
			a, err := failedAttempt(context.Background(), handles[i%2], store.AttemptRequest{
				PersonDigest: fmt.Appendf(nil, "person %d", person), Scope: store.PublicScope, Policy: five})
			if err != nil {
				t.Error(err)
			}
			if a.Admitted {
				admitted[person].Add(1)
			}
		})
	}
	wg.Wait()
	for person := range people {
		if got := admitted[person].Load(); got != 5 {
			t.Errorf("person %d: %d attempts admitted, want 5", person, got)
		}
		a, err := failedAttempt(t.Context(), handles[person%2], store.AttemptRequest{
			PersonDigest: fmt.Appendf(nil, "person %d", person), Scope: store.PublicScope, Policy: five})
		if err != nil || a.Admitted {
			t.Errorf("person %d, locked: %+v %v", person, a, err)
		}
	}
}

// A policy of one attempt a tier locks after the first one, and a policy with fewer tiers
// than a counter has reached still locks.
func TestOddPolicies(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	one := store.LockoutPolicy{Attempts: []int{1}, Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}
	req := store.AttemptRequest{PersonDigest: []byte("p"), Scope: store.PublicScope, Policy: one}
	for i, want := range []bool{true, false, false} {
		if a, err := failedAttempt(t.Context(), db, req); err != nil || a.Admitted != want || a.Remaining != 0 {
			t.Errorf("attempt %d: %+v %v", i, a, err)
		}
	}
	if left := tiers.Remaining(4, 0, nil, time.Now()); left != 1 { // failed under a milder policy
		t.Errorf("%d left, want 1", left)
	}
	short := time.Millisecond
	many := store.LockoutPolicy{Attempts: []int{1, 1, 1, 1}, Until: func(now time.Time) []time.Time {
		return []time.Time{now.Add(short), now.Add(short), now.Add(short), now.Add(short)}
	}}
	req = store.AttemptRequest{PersonDigest: []byte("q"), Scope: store.PublicScope, Policy: many}
	for range 4 {
		if _, err := failedAttempt(t.Context(), db, req); err != nil {
			t.Fatal(err)
		}
		now = now.Add(short)
	}
	req.Policy = one
	for i, want := range []bool{true, false} {
		if a, err := failedAttempt(t.Context(), db, req); err != nil || a.Admitted != want {
			t.Errorf("with fewer tiers, attempt %d: %+v %v", i, a, err)
		}
	}
}
