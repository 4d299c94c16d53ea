package store_test

import (
	"errors"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A run that ended without an answer is taken over by the same request alone.
func TestClaimIsOfTheSameRequest(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	receipt := func(request string) *store.Receipt {
		return &store.Receipt{Scope: []byte("scope"), KeyDigest: []byte("key"), RequestDigest: []byte(request)}
	}
	first := receipt("one")
	_, err := db.Claim(t.Context(), first)
	noError(t, err)
	noError(t, db.Suspend(t.Context(), first))
	if _, err := db.Claim(t.Context(), receipt("another")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another request: %v", err)
	}
	again := receipt("one")
	if _, err := db.Claim(t.Context(), again); err != nil || !again.Again {
		t.Errorf("again %v, %v", again.Again, err)
	}
}
