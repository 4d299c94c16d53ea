package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A code is stored as a keyed digest and ends when the next is issued. Its tries are counted
// whatever becomes of the reset.
func TestResetCode(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	if _, err := o.db.AccountByNumber(ctx, "nobody's"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown number: %v", err)
	}
	a, err := o.db.AccountByNumber(ctx, o.account.Person.AccountNo)
	noError(t, err)
	try := func(code string) error { _, err := o.db.OpenResetWithCode(ctx, o.session, a, code); return err }
	if err := try("1"); !errors.Is(err, store.ErrCode) {
		t.Errorf("no code issued: %v", err)
	}
	for _, code := range []string{"1111111111", "2222222222"} {
		until, err := o.db.Operations().IssueResetCode(ctx, a, code, "0017")
		noError(t, err)
		if d := until.Sub(o.now.Now()); d < store.ResetCodeLife-time.Minute || d > store.ResetCodeLife {
			t.Errorf("good for %v", d)
		}
	}
	for _, code := range []string{"1111111111", "3", "4", "5"} {
		if err := try(code); !errors.Is(err, store.ErrCode) {
			t.Errorf("wrong: %v", err)
		}
	}
	noError(t, try("2222222222")) // the fifth
	r, err := o.db.Operations().IssueResetCode(ctx, a, "6666666666", "0017")
	noError(t, err)
	o.now.add(r.Sub(o.now.Now()))
	if err := try("6666666666"); !errors.Is(err, store.ErrCode) {
		t.Errorf("expired: %v", err)
	}
	db := storetest.ProbeOf(o.db)
	var digests [][]byte
	noError(t, db.Select(&digests, `SELECT code_digest FROM reset_codes`))
	for _, d := range digests {
		if len(d) != 32 || bytes.Contains(d, []byte("2222")) {
			t.Errorf("digest of %d bytes", len(d))
		}
	}
}
