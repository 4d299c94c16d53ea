package store_test

import (
	"context"
	"errors"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// requestOf returns the record of a request by the session's user under a fixed key.
func requestOf(s store.Session) *store.IdempotencyRecord {
	return &store.IdempotencyRecord{Scope: s.IdentityDigest, Session: s.TokenDigest, KeyDigest: []byte("key"), RequestDigest: []byte("request")}
}

// If a user is moved while a request runs, the run still updates its record, and the next
// run need not wait for the lease.
func TestMovedUnderRunningRequest(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	first := store.Answer{Status: 200, Body: []byte("first")}
	for n, tt := range []struct {
		name   string
		end    func(context.Context, *store.IdempotencyRecord) error
		again  bool
		answer bool
	}{
		{"nothing done", db.IdempotencyRecords().Release, false, false},
		{"outcome unknown", db.IdempotencyRecords().MarkUnknown, true, false},
		{"answered", func(ctx context.Context, r *store.IdempotencyRecord) error {
			return db.IdempotencyRecords().Complete(ctx, r, first)
		}, false, true},
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
			begins(t, db, run, false)
			moves(t, db, both(n))
			noError(t, tt.end(t.Context(), run))

			next := requestOf(reload(t, db, s))
			if tt.answer {
				if a, err := db.IdempotencyRecords().Begin(t.Context(), next); err != nil || a == nil || string(a.Body) != "first" {
					t.Errorf("%s: %v, %v", tt.name, a, err)
				}
				continue
			}
			begins(t, db, next, tt.again)
			noError(t, tt.end(t.Context(), run)) // another run has taken over
			if _, err := db.IdempotencyRecords().Begin(t.Context(), requestOf(reload(t, db, s))); !errors.Is(err, store.ErrRunning) {
				t.Errorf("%s: a former run ended the next run: %v", tt.name, err)
			}
		}
	}
}

func begins(t *testing.T, db *store.DB, r *store.IdempotencyRecord, again bool) {
	t.Helper()
	if a, err := db.IdempotencyRecords().Begin(t.Context(), r); err != nil || a != nil || r.IsRetry != again {
		t.Errorf("begin: %v, retry %v, %v", a, r.IsRetry, err)
	}
}

// A verdict is stored in the request's record even if the user was moved since.
func TestMovedUnderVerdict(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, hashed))
	a, s := importedAccount(t, db, depositor(1)), opened(t, db, byUser(1))
	run := requestOf(s)
	begins(t, db, run, false)
	req := store.AttemptRequest{PersonDigest: a.PersonDigest, Scope: store.PublicScope, Policy: tiers, Record: run}
	taken, err := db.ReserveAttempt(t.Context(), req)
	noError(t, err)
	moves(t, db, both(1))
	_, err = db.FailAttempt(t.Context(), req, taken, false)
	noError(t, err)
	noError(t, db.IdempotencyRecords().Release(t.Context(), run))

	req.Record = requestOf(reload(t, db, s))
	begins(t, db, req.Record, true)
	taken, err = db.ReserveAttempt(t.Context(), req)
	noError(t, err)
	if attempts := list(t, storetest.ProbeOf(db), `SELECT attempts FROM lockouts`); taken.Admitted || attempts[0] != "1" {
		t.Errorf("admitted %v, attempts %v", taken.Admitted, attempts)
	}
}
