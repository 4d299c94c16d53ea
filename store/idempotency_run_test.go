package store_test

import (
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

func recordOf(request string) *store.IdempotencyRecord {
	return &store.IdempotencyRecord{Scope: []byte("scope"), KeyDigest: []byte("key"), RequestDigest: []byte(request)}
}

// Begin continues a run that ended without an answer for the same request only.
func TestBeginSameRequest(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	first := recordOf("one")
	_, err := db.IdempotencyRecords().Begin(t.Context(), first)
	noError(t, err)
	noError(t, db.IdempotencyRecords().MarkUnknown(t.Context(), first))
	if _, err := db.IdempotencyRecords().Begin(t.Context(), recordOf("another")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another request: %v", err)
	}
	again := recordOf("one")
	if _, err := db.IdempotencyRecords().Begin(t.Context(), again); err != nil || !again.IsRetry {
		t.Errorf("again %v, %v", again.IsRetry, err)
	}
}

// A run that was taken over charges no attempt, because the continuing run charges its own.
func TestTakenOverRunChargesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	first, second := recordOf("one"), recordOf("one")
	_, err := db.IdempotencyRecords().Begin(t.Context(), first)
	noError(t, err)
	now = now.Add(time.Minute) // beyond any lease
	_, err = db.IdempotencyRecords().Begin(t.Context(), second)
	noError(t, err)
	person := []byte("somebody")
	if _, err := db.ReserveAttempt(t.Context(), store.AttemptRequest{PersonDigest: person, Scope: store.PublicScope, Policy: tiers, Record: first}); !errors.Is(err, store.ErrRunning) {
		t.Errorf("got %v", err)
	}
	if waiting, counted := reserved(t, db, person); waiting+counted != 0 {
		t.Errorf("%d attempts pending, %d failed", waiting, counted)
	}
}

// A run that is released with a charged attempt leaves the attempt to the next run, which
// charges no other.
func TestReleasedAttemptIsTakenOver(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	person := []byte("somebody")
	for range 2 {
		r := recordOf("one")
		_, err := db.IdempotencyRecords().Begin(t.Context(), r)
		noError(t, err)
		_, err = db.ReserveAttempt(t.Context(), store.AttemptRequest{PersonDigest: person, Scope: store.PublicScope, Policy: tiers, Record: r})
		noError(t, err)
		noError(t, db.IdempotencyRecords().Release(t.Context(), r))
	}
	if waiting, counted := reserved(t, db, person); waiting != 1 || counted != 0 {
		t.Errorf("%d attempts pending, %d failed", waiting, counted)
	}
}
