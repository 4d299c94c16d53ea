package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

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
	if d := cmp.Diff([]store.Difference{{Line: 2, Same: true}}, got); d != "" {
		t.Error(d)
	}
	if plan != (store.Plan{Links: 1, LinksEnded: 1}) {
		t.Errorf("got %+v", plan)
	}
	if c := importAll(t, db, ds...); c != (store.Counts{Unchanged: 2, LinksEnded: 1}) {
		t.Errorf("got %+v", c)
	}
}

// A link that waits for the end of an import that was broken off is foreseen, and moves at
// the end of the next sync, whatever its file holds.
func TestSyncFollowsMergersThatWait(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d, other := depositor(1), depositor(3)
	importAll(t, db, d, secondAccount(d, 2, store.StatusNormal), other)
	linkedSession(t, db, "somebody", importedAccount(t, db, d))
	d.Status = store.StatusMerged
	broken, next, run := []byte("broken off"), []byte("next"), uuid.New()
	_, err := db.Roster().BeginImport(t.Context(), broken, nil)
	noError(t, err)
	b, err := db.Roster().SealBatch([]store.Depositor{d})
	noError(t, err)
	_, err = db.Roster().ImportStep(t.Context(), store.ImportStep{File: broken, Lines: 2, Batch: b})
	noError(t, err)

	plan, differences := compareFile(t, db, []store.Depositor{other})
	if want := (store.Plan{Links: 1, LinksMoved: 1, Missing: 2, MissingLinked: 1}); plan != want || len(differences) > 0 {
		t.Errorf("got %+v, %+v", plan, differences)
	}
	_, err = db.Roster().BeginImport(t.Context(), next, &run)
	noError(t, err)
	p, err := db.Roster().FinishImport(t.Context(), next, 0)
	noError(t, err)
	if p.Counts != (store.Counts{LinksMoved: 1}) {
		t.Errorf("got %+v", p)
	}
}
