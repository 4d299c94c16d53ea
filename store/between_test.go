package store_test

import (
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Whoever held the link until it was taken over freezes all the same when Alipay calls
// them, and who took it over, by an open_id since.
func TestA4FormerHolderFreezesAfterMove(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	account := importedAccount(t, db, d)
	linkedAs(t, db, byUser(1), account)
	taker := opened(t, db, byUser(2))
	wish, err := db.AskRelink(t.Context(), taker, store.RelinkOrder{Account: account, Proof: "certdoc", Limit: 9})
	noError(t, err)
	told(t, db, &wish)
	noError(t, db.FinishRelink(t.Context(), taker, wish.ID))
	opened(t, db, both(2))
	former := opened(t, db, both(1))
	if taken, err := db.TakenOver(t.Context(), former); err != nil || taken == nil {
		t.Errorf("%+v, %v", taken, err)
	}
	noError(t, db.FreezeAsFormerHolder(t.Context(), former))
}

// Of a person's accounts an open one is meant before one that has ended, whatever their
// numbers in the standard.
func TestA7OpenAccountBeforeEnded(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for n, status := range []string{store.StatusFrozen, store.StatusUnknown} {
		d := depositor(10 * n)
		d.Status = store.StatusClosed
		open := secondAccount(d, 10*n+1, status)
		importAll(t, db, d, open)
		person := db.PersonDigest(d.DocumentKey)
		if a, err := db.RecoverableAccount(t.Context(), person, ""); err != nil || a.Status != status {
			t.Errorf("%s: %+v, %v", status, a, err)
		}
		if a, err := db.RecoverableAccount(t.Context(), person, d.Person.AccountNo); err != nil || a.Status != store.StatusClosed {
			t.Errorf("the one that is named: %+v, %v", a, err)
		}
	}
}
