package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A comparison says what its differences change, and how many of the accounts are linked.
func TestCompareKinds(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositors(0, 6)...)
	linkedSession(t, db, "somebody", importedAccount(t, db, depositor(4)))
	inStatus := func(status string) func(*store.Depositor) {
		return func(d *store.Depositor) { d.Status = status }
	}
	file := []store.Depositor{
		depositor(0), depositor(1, renamed), depositor(2, inStatus(store.StatusFrozen)), depositor(3, inStatus(store.StatusClosed), renamed),
		depositor(4, inStatus(store.StatusClosed)), depositor(9),
		depositor(5, renamed), depositor(5, inStatus(store.StatusMoved)), // the last line counts
	}
	var got []store.ChangeKind
	_, err := db.Roster().Compare(t.Context(), store.Comparison{
		Lines: func(put func(store.Listed) error) error {
			for i, d := range file {
				l, err := db.Roster().List(int64(i+2), d)
				if err := errors.Join(err, put(l)); err != nil {
					return err
				}
			}
			return nil
		},
		Changed: func(store.Difference) error { return nil },
		Kinds:   func(all []store.ChangeKind) { got = all },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.ChangeKind{
		{Kind: store.StatusMoved, Accounts: 1}, {Kind: store.StatusClosed, Accounts: 2, Linked: 1}, {Kind: store.StatusFrozen, Accounts: 1},
		{Kind: store.KindDetails, Accounts: 1}, {Kind: store.KindNew, Accounts: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The record of one account holds what was done to all accounts of its holder, and nothing else.
func TestOperatorActionsOn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositors(0, 2)...)
	for i, reason := range []string{"the first one", "the other one"} {
		if _, err := db.Operations().Unlock(t.Context(), store.OperatorRequest{AccountNo: depositor(i).Person.AccountNo, Operator: "li", Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	since := db.Now().AddDate(0, 0, -1)
	all, err := db.Operations().OperatorActionsOn(t.Context(), depositor(1).Person.AccountNo, since)
	if err != nil || len(all) != 1 || all[0].Reason != "the other one" {
		t.Errorf("got %v, %v", all, err)
	}
	if all, err := db.Operations().OperatorActionsOn(t.Context(), depositor(9).Person.AccountNo, since); err != nil || len(all) != 0 {
		t.Errorf("of nobody: %v, %v", all, err)
	}
}
