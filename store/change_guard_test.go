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

// A password that was replaced after it was proven opens no change, which would keep the person's
// other channels from changing it.
func TestOpenChangeWithReplacedPassword(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, hashed))
	proven := importedAccount(t, db, depositor(1, hashed))
	noError(t, db.AddLink(t.Context(), sessionOn(t, db, "alipay", byOpen(1)), proven, nil))
	s := sessionOn(t, db, "alipay", byOpen(1))
	c, err := db.OpenChange(t.Context(), s, proven, []byte("old"))
	noError(t, err)
	_, err = db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "made-up", Fingerprint: []byte("new")})
	noError(t, err)
	if _, err := db.OpenChange(t.Context(), s, proven, []byte("old")); !errors.Is(err, store.ErrGone) {
		t.Errorf("got %v", err)
	}
	if open, _, err := db.OpenSteps(t.Context(), s); err != nil || open != nil {
		t.Errorf("open: %+v, %v", open, err)
	}
}
