package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// T4: of a burst of guesses, over two processes, exactly the budget is let through.
func TestBurstOfGuesses(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	handles := []*store.DB{storetest.Open(t, dsn), storetest.Open(t, dsn)}
	for person := range 5 {
		var admitted atomic.Int32
		g := store.Guess{PersonDigest: fmt.Appendf(nil, "person %d", person), Lane: store.PublicLane, Budget: rounds}
		gate := make(chan struct{}, 100)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				a, err := handles[i%2].TakeGuess(context.Background(), g)
				if err != nil {
					t.Error(err)
				}
				if a.Admitted {
					admitted.Add(1)
				}
			})
		}
		wg.Wait()
		if got := admitted.Load(); got != 3 {
			t.Errorf("person %d: %d guesses were admitted, want 3", person, got)
		}
	}
}

// A lock is the budget as a person would write it down: the model.
type lock struct {
	used, round int
	until       time.Time
}

// guess is one guess at the time now; it returns whether the password is looked at.
func (l *lock) guess(now time.Time) bool {
	if l.until.After(now) {
		return false
	}
	l.until = time.Time{}
	l.used++
	if l.used == rounds.Guesses[l.round] {
		l.until = rounds.Until(now)[l.round]
		l.used, l.round = 0, min(l.round+1, len(rounds.Guesses)-1)
	}
	return true
}

// The statement in the database and the model agree over random histories of
// guesses in two lanes and of time passing.
func TestLockModel(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	person := 0
	rapid.Check(t, func(t *rapid.T) {
		person++
		digest := fmt.Appendf(nil, "model %d", person)
		lanes := map[string]*lock{"public": {}, "owner": {}}
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"public", "public", "owner", "owner", "second", "minute", "hour"}), 1, 40).Draw(t, "steps")
		for _, step := range steps {
			switch step {
			case "second":
				now = now.Add(time.Second)
			case "minute":
				now = now.Add(time.Minute)
			case "hour":
				now = now.Add(time.Hour)
			default:
				l := lanes[step]
				want := l.guess(now)
				a, err := db.TakeGuess(context.Background(), store.Guess{PersonDigest: digest, Lane: []byte(step), Budget: rounds})
				if err != nil {
					t.Fatal(err)
				}
				if a.Admitted != want || a.Remaining != rounds.Remaining(l.used, l.round, &l.until, now) {
					t.Fatalf("%s: admitted %v with %d left, model %v %+v", step, a.Admitted, a.Remaining, want, *l)
				}
				if locked := a.LockedUntil != nil && a.LockedUntil.After(now); locked != l.until.After(now) || locked && !a.LockedUntil.Equal(l.until) {
					t.Fatalf("%s: locked until %v, model %v", step, a.LockedUntil, l.until)
				}
			}
		}
	})
}

// A budget of one guess a round locks at the first one, and a policy with
// fewer rounds than a person already used up still locks.
func TestOddBudgets(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	one := store.Budget{Guesses: []int{1}, Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}
	g := store.Guess{PersonDigest: []byte("p"), Lane: store.PublicLane, Budget: one}
	for i, want := range []bool{true, false, false} {
		if a, err := db.TakeGuess(t.Context(), g); err != nil || a.Admitted != want || a.Remaining != 0 {
			t.Errorf("guess %d: %+v %v", i, a, err)
		}
	}
	short := time.Millisecond
	many := store.Budget{Guesses: []int{1, 1, 1, 1}, Until: func(now time.Time) []time.Time {
		return []time.Time{now.Add(short), now.Add(short), now.Add(short), now.Add(short)}
	}}
	g = store.Guess{PersonDigest: []byte("q"), Lane: store.PublicLane, Budget: many}
	for range 4 {
		if _, err := db.TakeGuess(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	g.Budget = one
	for i, want := range []bool{true, false} {
		if a, err := db.TakeGuess(t.Context(), g); err != nil || a.Admitted != want {
			t.Errorf("after the policy shrank, guess %d: %+v %v", i, a, err)
		}
	}
}
