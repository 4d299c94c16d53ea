package store_test

import (
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A change that expired long before its confirm is finished does not replace the password.
func TestFinishChangeInTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	importAll(t, db, depositor(1))
	a := importedAccount(t, db, depositor(1))
	s := linkedSession(t, db, "somebody", a)
	c, err := db.OpenChange(t.Context(), s, a, []byte("old"))
	noError(t, err)
	now = now.Add(store.ChangeLife + store.ConfirmGrace)
	if _, err := db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "made-up", Fingerprint: []byte("new")}); !errors.Is(err, store.ErrGone) {
		t.Errorf("got %v", err)
	}
	if got := importedAccount(t, db, depositor(1)); got.Version != a.Version {
		t.Errorf("the password is of version %d", got.Version)
	}
}
