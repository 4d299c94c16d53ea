package store_test

import (
	"errors"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// zeros gives a depositor's account another number of zeros in front.
func zeros(number string) func(*store.Depositor) {
	return func(d *store.Depositor) { d.Person.AccountNo = number }
}

// A new account is not taken where its person has it already but for zeros in front;
// one that is there is brought up to date whatever stands beside it.
func TestNoSecondAccountWithoutItsZeros(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	whole, short := depositor(1, zeros("000012345678")), depositor(1, zeros("12345678"))
	other := depositor(2, zeros("12345678"))
	if c := importAll(t, db, whole); c != (store.Counts{Added: 1}) {
		t.Fatalf("%+v", c)
	}
	if c := importAll(t, db, short); c != (store.Counts{Refused: 1}) {
		t.Errorf("lost zeros: %+v", c)
	}
	renamed(&whole)
	if c := importAll(t, db, depositor(1, zeros("0012345678")), whole, depositor(3)); c != (store.Counts{Added: 1, Updated: 1, Refused: 1}) {
		t.Errorf("beside the account: %+v", c)
	}
	if c := importAll(t, db, other); c != (store.Counts{Added: 1}) {
		t.Errorf("of another person: %+v", c)
	}
	if c := importAll(t, db, depositor(4, zeros("0007")), depositor(4, zeros("7")), depositor(4, zeros("70"))); c != (store.Counts{Added: 2, Refused: 1}) {
		t.Errorf("in one batch: %+v", c)
	}
	if a := importedAccount(t, db, depositor(4, zeros("0007"))); a.Person.AccountNo != "0007" {
		t.Errorf("the first does not count: %s", a.Person.AccountNo)
	}
	lengths, err := db.Roster().AccountNoLengths(t.Context())
	if err != nil || len(lengths) != 4 || lengths[0] != 2 || lengths[3] != 12 {
		t.Errorf("lengths %v, %v", lengths, err)
	}
}

// Where a second account came in before, both are brought up to date.
func TestAccountsThatAreThere(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	whole, short := depositor(1, zeros("0012")), depositor(2, zeros("12"))
	importAll(t, db, whole, short)
	short.Person, short.DocumentKey = whole.Person, whole.DocumentKey // now of one person
	short.Person.AccountNo = "12"
	if c := importAll(t, db, short); c != (store.Counts{Updated: 1}) {
		t.Errorf("%+v", c)
	}
	if c := importAll(t, db, whole, short); c != (store.Counts{Unchanged: 2}) {
		t.Errorf("%+v", c)
	}
}

// A restriction changes the status of an account that is there, and nothing else, so
// that the line it came from is unchanged once it is corrected.
func TestRestriction(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	file := []byte("restriction")
	begin := func(statuses ...store.Restriction) store.Progress {
		t.Helper()
		p, err := db.Roster().BeginImport(t.Context(), file, nil)
		noError(t, err)
		b, err := db.Roster().SealBatch(nil)
		noError(t, err)
		b.Restrict(statuses)
		p, err = db.Roster().ImportStep(t.Context(), store.ImportStep{File: file, From: p.Lines, Lines: p.Lines + 1, Refused: 1, Batch: b})
		noError(t, err)
		return p
	}
	frozen := store.Restriction{Line: 2, AccountNo: d.Person.AccountNo, Status: store.StatusFrozen}
	if p := begin(frozen, store.Restriction{Line: 3, AccountNo: "nobody", Status: store.StatusClosed}); p.Counts != (store.Counts{Refused: 1}) {
		t.Errorf("%+v", p)
	}
	if a := importedAccount(t, db, d); a.Status != store.StatusFrozen || a.Person != d.Person || a.InitialRule != d.InitialRule {
		t.Errorf("%+v", a)
	}
	before := rowsOnDisk(t, db)
	begin(frozen)
	d.Status = store.StatusFrozen
	if c := importAll(t, db, d); c != (store.Counts{Unchanged: 1}) || rowsOnDisk(t, db)[0] != before[0] {
		t.Errorf("written again: %+v", c)
	}
}

// An import that was cut into pieces has merged accounts followed at its end, once.
func TestMergersFollowAtTheEnd(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	linkedSession(t, db, "somebody", importedAccount(t, db, d))
	file, second := []byte("mergers"), secondAccount(d, 2, store.StatusNormal)
	d.Status = store.StatusMerged
	_, err := db.Roster().BeginImport(t.Context(), file, nil)
	noError(t, err)
	for i, d := range []store.Depositor{d, second} {
		b, err := db.Roster().SealBatch([]store.Depositor{d})
		noError(t, err)
		p, err := db.Roster().ImportStep(t.Context(), store.ImportStep{File: file, From: int64(i), Lines: int64(i + 1), Batch: b})
		if err != nil || p.LinksMoved+p.LinksEnded != 0 {
			t.Fatalf("piece %d: %+v, %v", i, p, err)
		}
	}
	for range 2 {
		p, err := db.Roster().FinishImport(t.Context(), file, 2)
		if err != nil || p.LinksMoved != 1 || p.LinksEnded != 0 {
			t.Errorf("%+v, %v", p, err)
		}
	}
	session, err := db.Session(t.Context(), []byte("token of somebody"))
	noError(t, err)
	if a, err := db.LinkedAccount(t.Context(), session.Link.AccountID); err != nil || a.Person.AccountNo != second.Person.AccountNo {
		t.Errorf("linked to %s, %v", a.Person.AccountNo, err)
	}
	if _, err := db.Roster().FinishImport(t.Context(), file, 3); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
}
