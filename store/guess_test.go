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

// rounds is a lock of 3 guesses then a minute, 2 then an hour, then for good.
var rounds = store.Budget{
	Guesses: []int{3, 2, 2},
	Until: func(now time.Time) []time.Time {
		return []time.Time{now.Add(time.Minute), now.Add(time.Hour), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	},
}

// T4: of 100 guesses at once at each of many people, over two processes, exactly
// the budget is let through, and while it is locked none is.
func TestBurstOfGuesses(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	handles := []*store.DB{storetest.Open(t, dsn), storetest.Open(t, dsn)}
	const guesses = 100
	people := testenv.Rounds(8, 100)
	five := store.Budget{Guesses: []int{5}, Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}
	admitted := make([]atomic.Int32, people)
	gate := make(chan struct{}, guesses)
	var wg sync.WaitGroup
	for i := range people * guesses {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			person := i / guesses
			a, err := wrongGuess(context.Background(), handles[i%2], store.Guess{
				PersonDigest: fmt.Appendf(nil, "person %d", person), Lane: store.PublicLane, Budget: five})
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
			t.Errorf("person %d: %d guesses were admitted, want 5", person, got)
		}
		a, err := wrongGuess(t.Context(), handles[person%2], store.Guess{
			PersonDigest: fmt.Appendf(nil, "person %d", person), Lane: store.PublicLane, Budget: five})
		if err != nil || a.Admitted {
			t.Errorf("person %d, locked: %+v %v", person, a, err)
		}
	}
}

// A budget of one guess a round locks at the first one, and a policy with
// fewer rounds than a person already used up still locks.
func TestOddBudgets(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	one := store.Budget{Guesses: []int{1}, Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}
	g := store.Guess{PersonDigest: []byte("p"), Lane: store.PublicLane, Budget: one}
	for i, want := range []bool{true, false, false} {
		if a, err := wrongGuess(t.Context(), db, g); err != nil || a.Admitted != want || a.Remaining != 0 {
			t.Errorf("guess %d: %+v %v", i, a, err)
		}
	}
	if left := rounds.Remaining(4, 0, nil, time.Now()); left != 1 { // used under a milder policy
		t.Errorf("%d left, want the one that would be let through", left)
	}
	short := time.Millisecond
	many := store.Budget{Guesses: []int{1, 1, 1, 1}, Until: func(now time.Time) []time.Time {
		return []time.Time{now.Add(short), now.Add(short), now.Add(short), now.Add(short)}
	}}
	g = store.Guess{PersonDigest: []byte("q"), Lane: store.PublicLane, Budget: many}
	for range 4 {
		if _, err := wrongGuess(t.Context(), db, g); err != nil {
			t.Fatal(err)
		}
		now = now.Add(short)
	}
	g.Budget = one
	for i, want := range []bool{true, false} {
		if a, err := wrongGuess(t.Context(), db, g); err != nil || a.Admitted != want {
			t.Errorf("after the policy shrank, guess %d: %+v %v", i, a, err)
		}
	}
}
