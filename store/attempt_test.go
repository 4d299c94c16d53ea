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

// failedAttempt reserves an attempt and counts it as failed at once.
func failedAttempt(ctx context.Context, db *store.DB, req store.AttemptRequest) (store.Attempt, error) {
	a, err := db.ReserveAttempt(ctx, req)
	if err != nil {
		return a, err
	}
	return db.FailAttempt(ctx, req, a, false)
}

// reserved returns the numbers of pending and of failed attempts at a person.
func reserved(t testing.TB, db *store.DB, person []byte) (reserved, counted int) {
	t.Helper()
	noError(t, storetest.ProbeOf(db).QueryRow(`SELECT coalesce(sum(cardinality(pending)), 0), coalesce(sum(attempts), 0) FROM lockouts
		WHERE person_digest = $1`, person).Scan(&reserved, &counted))
	return reserved, counted
}

// Concurrent attempts over two processes, whose callers disconnect at any moment, are
// admitted up to the limit of the policy. The remaining ones are available when the leases
// have ended.
func TestCutAttemptsKeepTheLimit(t *testing.T) {
	t.Parallel()
	dsn, clock := storetest.DSN(t), new(movedClock)
	handles := []*store.DB{storetest.Open(t, dsn, storetest.WithNow(clock.Now)), storetest.Open(t, dsn, storetest.WithNow(clock.Now))}
	req := store.AttemptRequest{PersonDigest: []byte("victim"), Scope: store.PublicScope, Policy: tiers}
	var looked atomic.Int32
	fail := func(ctx context.Context, db *store.DB) error {
		a, err := db.ReserveAttempt(ctx, req)
		if err != nil {
			return err
		}
		if a.Admitted {
			looked.Add(1)
		}
		_, err = db.FailAttempt(context.WithoutCancel(ctx), req, a, false)
		return err
	}
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			ctx, stop := context.WithTimeout(context.Background(), time.Duration(rand.IntN(60))*time.Millisecond)
			defer stop()
			fail(ctx, handles[i%2]) // the error is that of the ended context
		})
	}
	wg.Wait()
	if n := looked.Load(); n > 3 {
		t.Fatalf("%d attempts admitted in a tier of 3", n)
	}
	for i, db := range handles { // Close waits for commits that outlive their callers
		noError(t, db.Close())
		handles[i] = storetest.Open(t, dsn, storetest.WithNow(clock.Now))
	}
	clock.add(store.AttemptLease)
	for looked.Load() < 3 {
		before := looked.Load()
		noError(t, fail(t.Context(), handles[0]))
		if looked.Load() == before {
			t.Fatalf("locked after %d admitted attempts, want 3", before)
		}
	}
	noError(t, fail(t.Context(), handles[1]))
	if n := looked.Load(); n != 3 {
		t.Errorf("%d attempts admitted, want 3", n)
	}
}

// A pending attempt counts against the limit. It is released when its lease ends, and a
// later verdict is refused.
func TestLapsedAttemptIsReleased(t *testing.T) {
	t.Parallel()
	clock := new(movedClock)
	db := storetest.New(t, storetest.WithNow(clock.Now))
	req := store.AttemptRequest{PersonDigest: []byte("person"), Scope: store.PublicScope, Policy: tiers}
	var dead []store.Attempt
	for range 3 {
		a, err := db.ReserveAttempt(t.Context(), req)
		noError(t, err)
		dead = append(dead, a)
	}
	for range 2 {
		if a, err := db.ReserveAttempt(t.Context(), req); err != nil || a.Admitted || !a.Crowded || a.LockedUntil != nil || a.Remaining != 3 {
			t.Fatalf("with three pending: %+v %v", a, err)
		}
	}
	clock.add(store.AttemptLease)
	for _, a := range dead {
		if _, err := db.FailAttempt(t.Context(), req, a, false); !errors.Is(err, store.ErrLapsed) {
			t.Errorf("late failed attempt: %v", err)
		}
		if err := db.PassAttempt(t.Context(), req, a); !errors.Is(err, store.ErrLapsed) {
			t.Errorf("late passed attempt: %v", err)
		}
	}
	a, err := failedAttempt(t.Context(), db, req)
	if err != nil || !a.Admitted || a.Remaining != 2 {
		t.Errorf("after the leases: %+v %v", a, err)
	}
	if _, err := db.FailAttempt(t.Context(), req, a, false); !errors.Is(err, store.ErrLapsed) {
		t.Errorf("second verdict: %v", err)
	}
	if waits, counted := reserved(t, db, req.PersonDigest); waits != 0 || counted != 1 {
		t.Errorf("%d attempts pending and %d failed, want 0 and 1", waits, counted)
	}
}

// A passed attempt does not release other pending attempts.
func TestPassedAttemptKeepsOthersPending(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	req := store.AttemptRequest{PersonDigest: []byte("person"), Scope: store.PublicScope, Policy: tiers}
	_, err := failedAttempt(t.Context(), db, req)
	noError(t, err)
	first, err := db.ReserveAttempt(t.Context(), req)
	noError(t, err)
	second, err := db.ReserveAttempt(t.Context(), req)
	noError(t, err)
	noError(t, db.PassAttempt(t.Context(), req, second))
	if waits, counted := reserved(t, db, req.PersonDigest); waits != 1 || counted != 0 {
		t.Errorf("%d attempts pending and %d failed, want 1 and 0", waits, counted)
	}
	if a, err := db.FailAttempt(t.Context(), req, first, false); err != nil || a.Remaining != 2 {
		t.Errorf("%+v %v", a, err)
	}
}

// A failed attempt is counted and reported even if its event cannot be written. Otherwise
// both are in one transaction.
func TestAttemptCountsWithoutItsEvent(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	importAll(t, db, depositor(1, hashed))
	account := importedAccount(t, db, depositor(1, hashed))
	req := store.AttemptRequest{PersonDigest: account.PersonDigest, Scope: []byte("owner"), AccountID: account.ID, Channel: store.ChannelAlipay, Policy: tiers}
	_, err := failedAttempt(t.Context(), db, req)
	noError(t, err)
	tx, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer tx.Rollback()
	_, err = tx.Exec(`LOCK TABLE events`)
	noError(t, err)
	if a, err := failedAttempt(t.Context(), db, req); err != nil || a.Remaining != 1 {
		t.Errorf("while events are locked: %+v %v", a, err)
	}
	noError(t, tx.Rollback())
	a, err := failedAttempt(t.Context(), db, req)
	if err != nil || a.LockedUntil == nil {
		t.Errorf("the third: %+v %v", a, err)
	}
	events, err := db.Events(t.Context(), account.ID, 10)
	if err != nil || len(events) != 2 || events[0].Kind != store.EventPasswordLocked || events[1].Kind != store.EventPasswordWrong {
		t.Errorf("events: %+v %v", events, err)
	}
}

// A reserved start of a verification is released when its lease ends, and a start that
// Alipay opened is counted once.
func TestLapsedStartIsReleased(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	charge := func() (store.Start, error) { return o.db.ChargeReset(t.Context(), o.session, 2) }
	for range 2 {
		_, err := charge()
		noError(t, err)
	}
	if _, err := charge(); !errors.Is(err, store.ErrLimit) {
		t.Fatalf("with two reserved: %v", err)
	}
	o.now.add(store.AttemptLease)
	start, err := charge()
	noError(t, err)
	_, err = o.db.OpenReset(t.Context(), o.session, o.account, store.Reset{ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: "c-1", Start: start})
	noError(t, err)
	noError(t, o.db.ReleaseStart(t.Context(), start)) // releases nothing a second time
	_, err = charge()
	noError(t, err)
	if _, err := charge(); !errors.Is(err, store.ErrLimit) {
		t.Errorf("with one counted and one reserved: %v", err)
	}
}
