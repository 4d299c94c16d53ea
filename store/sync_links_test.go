package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A link of somebody who no longer holds the account, as an earlier version may have left
// it, is ended by the file that says what the database holds already.
func TestSyncEndsLinksOfOthers(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ds := depositors(0, 2)
	importAll(t, db, ds...)
	account := importedAccount(t, db, ds[0])
	linkedSession(t, db, "somebody", account)
	storetest.ProbeOf(db).MustExec(`UPDATE links SET person_digest = $2 WHERE account_id = $1`,
		account.ID, []byte("of the former holder"))
	plan, got := compareFile(t, db, ds)
	if d := cmp.Diff([]store.Difference{{Line: 2, Status: store.StatusNormal, Same: true}}, got); d != "" {
		t.Error(d)
	}
	if plan != (store.Plan{Links: 1, LinksEnded: 1}) {
		t.Errorf("got %+v", plan)
	}
	if c := importAll(t, db, ds...); c != (store.Counts{Unchanged: 2, LinksEnded: 1}) {
		t.Errorf("got %+v", c)
	}
}
