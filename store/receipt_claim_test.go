package store_test

import (
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

func receiptOf(request string) *store.Receipt {
	return &store.Receipt{Scope: []byte("scope"), KeyDigest: []byte("key"), RequestDigest: []byte(request)}
}

// A run that ended without an answer is taken over by the same request alone.
func TestClaimIsOfTheSameRequest(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	first := receiptOf("one")
	_, err := db.Claim(t.Context(), first)
	noError(t, err)
	noError(t, db.Suspend(t.Context(), first))
	if _, err := db.Claim(t.Context(), receiptOf("another")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another request: %v", err)
	}
	again := receiptOf("one")
	if _, err := db.Claim(t.Context(), again); err != nil || !again.Again {
		t.Errorf("again %v, %v", again.Again, err)
	}
}

// A run whose claim was taken over charges no guess: the one that goes on has its own.
func TestTakenOverRunChargesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	first, second := receiptOf("one"), receiptOf("one")
	_, err := db.Claim(t.Context(), first)
	noError(t, err)
	now = now.Add(time.Minute) // beyond any claim
	_, err = db.Claim(t.Context(), second)
	noError(t, err)
	person := []byte("somebody")
	if _, err := db.TakeGuess(t.Context(), store.Guess{PersonDigest: person, Lane: store.PublicLane, Budget: rounds, Receipt: first}); !errors.Is(err, store.ErrRunning) {
		t.Errorf("got %v", err)
	}
	if waiting, counted := reserved(t, db, person); waiting+counted != 0 {
		t.Errorf("%d guesses wait, %d are counted", waiting, counted)
	}
}

// A run that gives up with a guess charged leaves it to the next one, which charges no other.
func TestGivenUpGuessIsTakenOver(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	person := []byte("somebody")
	for range 2 {
		r := receiptOf("one")
		_, err := db.Claim(t.Context(), r)
		noError(t, err)
		_, err = db.TakeGuess(t.Context(), store.Guess{PersonDigest: person, Lane: store.PublicLane, Budget: rounds, Receipt: r})
		noError(t, err)
		noError(t, db.GiveUp(t.Context(), r))
	}
	if waiting, counted := reserved(t, db, person); waiting != 1 || counted != 0 {
		t.Errorf("%d guesses wait, %d are counted", waiting, counted)
	}
}
