package store_test

import (
	"context"
	"errors"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// requestOf is a request that the session's citizen sends under one key, again and again.
func requestOf(s store.Session) *store.Receipt {
	return &store.Receipt{Scope: s.IdentityDigest, Session: s.TokenDigest, KeyDigest: []byte("key"), RequestDigest: []byte("request")}
}

// A citizen who is moved while their request runs need not wait for the end of its lease:
// what the run leaves under its key, the next one finds at once.
func TestMovedUnderRunningRequest(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	first := store.Answer{Status: 200, Body: []byte("first")}
	for n, tt := range []struct {
		name   string
		end    func(context.Context, *store.Receipt) error
		again  bool
		answer bool
	}{
		{"nothing done", db.GiveUp, false, false},
		{"outcome unknown", db.Suspend, true, false},
		{"answered", func(ctx context.Context, r *store.Receipt) error { return db.Settle(ctx, r, first) }, false, true},
	} {
		for _, linked := range []bool{true, false} {
			n := 2*n + 1
			s := opened(t, db, byUser(n))
			if linked {
				n++
				importAll(t, db, depositor(n))
				s = linkedAs(t, db, byUser(n), importedAccount(t, db, depositor(n)))
			}
			run := requestOf(s)
			claimed(t, db, run, false)
			moves(t, db, both(n))
			noError(t, tt.end(t.Context(), run))

			next := requestOf(again(t, db, s))
			if tt.answer {
				if a, err := db.Claim(t.Context(), next); err != nil || a == nil || string(a.Body) != "first" {
					t.Errorf("%s: %v, %v", tt.name, a, err)
				}
				continue
			}
			claimed(t, db, next, tt.again)
			noError(t, tt.end(t.Context(), run)) // another run has taken over
			if _, err := db.Claim(t.Context(), requestOf(again(t, db, s))); !errors.Is(err, store.ErrRunning) {
				t.Errorf("%s: a run that has lost its claim ended the next one: %v", tt.name, err)
			}
		}
	}
}

func claimed(t *testing.T, db *store.DB, r *store.Receipt, again bool) {
	t.Helper()
	if a, err := db.Claim(t.Context(), r); err != nil || a != nil || r.Again != again {
		t.Errorf("claim: %v, again %v, %v", a, r.Again, err)
	}
}

// A stranger's verdict is noted with the request although its citizen was moved since.
func TestMovedUnderVerdict(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, hashed))
	a, s := importedAccount(t, db, depositor(1)), opened(t, db, byUser(1))
	run := requestOf(s)
	claimed(t, db, run, false)
	g := store.Guess{PersonDigest: a.PersonDigest, Lane: store.PublicLane, Budget: rounds, Receipt: run}
	taken, err := db.TakeGuess(t.Context(), g)
	noError(t, err)
	moves(t, db, both(1))
	_, err = db.FailAttempt(t.Context(), g, taken, false)
	noError(t, err)
	noError(t, db.GiveUp(t.Context(), run))

	g.Receipt = requestOf(again(t, db, s))
	claimed(t, db, g.Receipt, true)
	taken, err = db.TakeGuess(t.Context(), g)
	noError(t, err)
	if used := list(t, storetest.ProbeOf(db), `SELECT used FROM guess_budgets`); taken.Admitted || used[0] != "1" {
		t.Errorf("admitted %v, used %v", taken.Admitted, used)
	}
}
