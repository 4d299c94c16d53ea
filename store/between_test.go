package store_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A former holder can freeze the password also after both users were moved to open_ids.
func TestFormerHolderFreezesAfterMove(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	account := importedAccount(t, db, d)
	linkedAs(t, db, byUser(1), account)
	taker := opened(t, db, byUser(2))
	transfer, err := db.RequestTransfer(t.Context(), taker, store.TransferOrder{Account: account, Proof: "certdoc", Limit: 9})
	noError(t, err)
	markNotified(t, db, &transfer)
	noError(t, db.CompleteTransfer(t.Context(), taker, transfer.ID))
	opened(t, db, both(2))
	former := opened(t, db, both(1))
	if taken, err := db.TakenOver(t.Context(), former); err != nil || taken == nil {
		t.Errorf("%+v, %v", taken, err)
	}
	noError(t, db.FreezeAsFormerHolder(t.Context(), former))
}

// Of a person's accounts an open one is chosen before an ended one, whatever the order of
// their statuses.
func TestOpenAccountBeforeEnded(t *testing.T) {
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
			t.Errorf("named account: %+v, %v", a, err)
		}
	}
}

// A transaction that waits for a row does not hold rows that come later in the order of
// locks.
func TestLocksInOrder(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, tt := range []struct {
		name, first, then string
		do                func(db *store.DB, d store.Depositor, s store.Session, n store.Delivery) error
	}{
		{"an attempt under a key, and Erase", `SELECT 1 FROM lockouts WHERE center_id = 'test' FOR UPDATE`, `SELECT 1 FROM idempotency_records WHERE center_id = 'test' FOR UPDATE NOWAIT`,
			func(db *store.DB, d store.Depositor, _ store.Session, _ store.Delivery) error {
				_, err := db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(d)})
				return err
			}},
		{"Erase, and a reset code", `SELECT 1 FROM links WHERE center_id = 'test' FOR UPDATE`, `SELECT 1 FROM reset_codes WHERE center_id = 'test' FOR UPDATE NOWAIT`,
			func(db *store.DB, _ store.Depositor, s store.Session, _ store.Delivery) error {
				_, err := db.OpenResetWithCode(ctx, s, store.Account{ID: s.Link.AccountID}, "0000000001")
				return err
			}},
		{"Erase, and a notice that was delivered", `SELECT 1 FROM message_subscriptions WHERE center_id = 'test' FOR UPDATE`, `SELECT 1 FROM outbox WHERE center_id = 'test' FOR UPDATE NOWAIT`,
			func(db *store.DB, _ store.Depositor, _ store.Session, n store.Delivery) error {
				return db.Outbox().Delivered(ctx, n)
			}},
		{"Erase, and a notice that was not", `SELECT 1 FROM message_subscriptions WHERE center_id = 'test' FOR UPDATE`, `SELECT 1 FROM outbox WHERE center_id = 'test' FOR UPDATE NOWAIT`,
			func(db *store.DB, _ store.Depositor, _ store.Session, n store.Delivery) error {
				return db.Outbox().Abandon(ctx, n)
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, storetest.DSN(t)) // its centre is called test
			d := createPersonRows(t, db, 1)
			s, err := db.Session(ctx, []byte("d1"))
			noError(t, err)
			n := noticeTo(t, db, s)
			hold, err := storetest.ProbeOf(db).Beginx()
			noError(t, err)
			defer hold.Rollback()
			_, err = hold.Exec(tt.first)
			noError(t, err)
			var all sync.WaitGroup
			all.Go(func() {
				if err := tt.do(db, d, s, n); err != nil {
					t.Error(err)
				}
			})
			awaitWaiting(t, db, 1, hold)
			if _, err := hold.Exec(tt.then); err != nil {
				t.Errorf("a later row is locked: %v", err)
			}
			noError(t, hold.Rollback())
			all.Wait()
		})
	}
}

// noticeTo returns a claimed notice to the session's user.
func noticeTo(t *testing.T, db *store.DB, s store.Session) store.Delivery {
	t.Helper()
	due, _, err := db.Outbox().Due(t.Context(), 100)
	noError(t, err)
	for _, d := range due {
		n, err := db.Outbox().Notice(d)
		noError(t, err)
		if bytes.Equal(db.IdentityDigest(n.Identity), s.IdentityDigest) {
			return d
		}
	}
	t.Fatal("no notice to the user")
	return store.Delivery{}
}

// A former holder's freeze and a move of both users lock the transfer before the link.
func TestMoveLocksInOrder(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	d := depositor(1)
	importAll(t, db, d)
	account := importedAccount(t, db, d)
	linkedAs(t, db, byUser(1), account)
	taker := opened(t, db, byUser(2))
	transfer, err := db.RequestTransfer(t.Context(), taker, store.TransferOrder{Account: account, Proof: "certdoc", Limit: 9})
	noError(t, err)
	markNotified(t, db, &transfer)
	noError(t, db.CompleteTransfer(t.Context(), taker, transfer.ID))
	other := depositor(2)
	importAll(t, db, other)
	linkedAs(t, db, byUser(3), importedAccount(t, db, other))
	hold, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer hold.Rollback()
	_, err = hold.Exec(`SELECT 1 FROM link_transfers WHERE center_id = 'test' FOR UPDATE`)
	noError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := db.Roster().MoveToOpenID(context.Background(), []store.Identity{both(1), both(3)}, false); err != nil {
			t.Error(err)
		}
	})
	awaitWaiting(t, db, 1, hold)
	if _, err := hold.Exec(`SELECT 1 FROM links WHERE center_id = 'test' FOR UPDATE NOWAIT`); err != nil {
		t.Errorf("a later row is locked: %v", err)
	}
	noError(t, hold.Rollback())
	all.Wait()
}
