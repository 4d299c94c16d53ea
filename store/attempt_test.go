package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// wrongGuess takes a guess and says at once that it was wrong.
func wrongGuess(ctx context.Context, db *store.DB, g store.Guess) (store.Attempt, error) {
	a, err := db.TakeGuess(ctx, g)
	if err != nil {
		return a, err
	}
	return db.FailAttempt(ctx, g, a, false)
}

// reserved is how many guesses wait for their verdicts, and counted how many were wrong.
func reserved(t testing.TB, db *store.DB, person []byte) (reserved, counted int) {
	t.Helper()
	noError(t, storetest.ProbeOf(db).QueryRow(`SELECT coalesce(sum(cardinality(pending)), 0), coalesce(sum(used), 0) FROM guess_budgets
		WHERE person_digest = $1`, person).Scan(&reserved, &counted))
	return reserved, counted
}

// A1: of guesses at once whose callers hang up at any moment, over two processes, no more
// are looked at than the budget has, and the rest of it is there when the leases have ended.
func TestA1CutGuessesKeepTheBudget(t *testing.T) {
	t.Parallel()
	dsn, clock := storetest.DSN(t), new(movedClock)
	handles := []*store.DB{storetest.Open(t, dsn, storetest.WithNow(clock.Now)), storetest.Open(t, dsn, storetest.WithNow(clock.Now))}
	g := store.Guess{PersonDigest: []byte("victim"), Lane: store.PublicLane, Budget: rounds}
	var looked atomic.Int32
	guess := func(ctx context.Context, db *store.DB) error {
		a, err := db.TakeGuess(ctx, g)
		if err != nil {
			return err
		}
		if a.Admitted {
			looked.Add(1)
		}
		_, err = db.FailAttempt(context.WithoutCancel(ctx), g, a, false)
		return err
	}
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			ctx, stop := context.WithTimeout(context.Background(), time.Duration(rand.IntN(60))*time.Millisecond)
			defer stop()
			guess(ctx, handles[i%2]) // an error is the caller's end
		})
	}
	wg.Wait()
	if n := looked.Load(); n > 3 {
		t.Fatalf("%d guesses were looked at in a round of 3", n)
	}
	for i, db := range handles { // Close waits for commits that go on without their callers
		noError(t, db.Close())
		handles[i] = storetest.Open(t, dsn, storetest.WithNow(clock.Now))
	}
	clock.add(store.AttemptLease)
	for looked.Load() < 3 {
		before := looked.Load()
		noError(t, guess(t.Context(), handles[0]))
		if looked.Load() == before {
			t.Fatalf("locked after %d guesses that were looked at, want 3", before)
		}
	}
	noError(t, guess(t.Context(), handles[1]))
	if n := looked.Load(); n != 3 {
		t.Errorf("%d guesses were looked at, want 3", n)
	}
}

// A1: while a guess waits for its verdict it counts; a process that dies gives it back;
// and its verdict, if it comes all the same, is nobody's to know.
func TestA1LapsedGuessIsGivenBack(t *testing.T) {
	t.Parallel()
	clock := new(movedClock)
	db := storetest.New(t, storetest.WithNow(clock.Now))
	g := store.Guess{PersonDigest: []byte("person"), Lane: store.PublicLane, Budget: rounds}
	var dead []store.Attempt
	for range 3 {
		a, err := db.TakeGuess(t.Context(), g)
		noError(t, err)
		dead = append(dead, a)
	}
	for range 2 {
		if a, err := db.TakeGuess(t.Context(), g); err != nil || a.Admitted || !a.Crowded || a.LockedUntil != nil || a.Remaining != 3 {
			t.Fatalf("beside three that wait: %+v %v", a, err)
		}
	}
	clock.add(store.AttemptLease)
	for _, a := range dead {
		if _, err := db.FailAttempt(t.Context(), g, a, false); !errors.Is(err, store.ErrLapsed) {
			t.Errorf("a wrong one that came too late: %v", err)
		}
		if err := db.PassAttempt(t.Context(), g, a); !errors.Is(err, store.ErrLapsed) {
			t.Errorf("a right one that came too late: %v", err)
		}
	}
	a, err := wrongGuess(t.Context(), db, g)
	if err != nil || !a.Admitted || a.Remaining != 2 {
		t.Errorf("after the leases: %+v %v", a, err)
	}
	if _, err := db.FailAttempt(t.Context(), g, a, false); !errors.Is(err, store.ErrLapsed) {
		t.Errorf("a second verdict: %v", err)
	}
	if waits, counted := reserved(t, db, g.PersonDigest); waits != 0 || counted != 1 {
		t.Errorf("%d wait and %d are counted, want none and one", waits, counted)
	}
}

// A1: a guess that is right, of somebody else, does not give back those that still wait.
func TestA1RightGuessLeavesOthersWaiting(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	g := store.Guess{PersonDigest: []byte("person"), Lane: store.PublicLane, Budget: rounds}
	_, err := wrongGuess(t.Context(), db, g)
	noError(t, err)
	first, err := db.TakeGuess(t.Context(), g)
	noError(t, err)
	second, err := db.TakeGuess(t.Context(), g)
	noError(t, err)
	noError(t, db.PassAttempt(t.Context(), g, second))
	if waits, counted := reserved(t, db, g.PersonDigest); waits != 1 || counted != 0 {
		t.Errorf("%d wait and %d are counted, want one and none", waits, counted)
	}
	if a, err := db.FailAttempt(t.Context(), g, first, false); err != nil || a.Remaining != 2 {
		t.Errorf("%+v %v", a, err)
	}
}

// A1: a wrong guess is counted and told although its event cannot be written; where it
// can, both stand in one transaction.
func TestA1VerdictStandsWithoutItsEvent(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	importAll(t, db, depositor(1, hashed))
	account := importedAccount(t, db, depositor(1, hashed))
	g := store.Guess{PersonDigest: account.PersonDigest, Lane: []byte("owner"), AccountID: account.ID, Budget: rounds}
	_, err := wrongGuess(t.Context(), db, g)
	noError(t, err)
	tx, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer tx.Rollback()
	_, err = tx.Exec(`LOCK TABLE events`)
	noError(t, err)
	if a, err := wrongGuess(t.Context(), db, g); err != nil || a.Remaining != 1 {
		t.Errorf("while events are locked: %+v %v", a, err)
	}
	noError(t, tx.Rollback())
	a, err := wrongGuess(t.Context(), db, g)
	if err != nil || a.LockedUntil == nil {
		t.Errorf("the third: %+v %v", a, err)
	}
	events, err := db.Events(t.Context(), account.ID, 10)
	if err != nil || len(events) != 2 || events[0].Kind != store.EventPasswordLocked || events[1].Kind != store.EventPasswordWrong {
		t.Errorf("events: %+v %v", events, err)
	}
}

// A1: a start of a verification whose process dies is given back, one that Alipay opened
// is counted once.
func TestA1LapsedStartIsGivenBack(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	charge := func() (store.Start, error) { return o.db.ChargeReset(t.Context(), o.session, 2) }
	for range 2 {
		_, err := charge()
		noError(t, err)
	}
	if _, err := charge(); !errors.Is(err, store.ErrLimit) {
		t.Fatalf("beside two that wait: %v", err)
	}
	o.now.add(store.AttemptLease)
	start, err := charge()
	noError(t, err)
	_, err = o.db.OpenReset(t.Context(), o.session, o.account, store.Reset{ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: "c-1", Start: start})
	noError(t, err)
	noError(t, o.db.RefundStart(t.Context(), start)) // gives nothing back twice
	_, err = charge()
	noError(t, err)
	if _, err := charge(); !errors.Is(err, store.ErrLimit) {
		t.Errorf("one counted and one waiting: %v", err)
	}
}
