package store_test

import (
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// markNotified marks the notice to the holder of the link as delivered.
func markNotified(t testing.TB, db *store.DB, transfer *store.Transfer) {
	t.Helper()
	noError(t, db.Outbox().Delivered(t.Context(), store.Delivery{ID: transfer.ID, Kind: store.NoticeTransferRequested}))
}

// A transfer is due one window after the notification of the holder, not after the request.
func TestWindowBeginsWithDelivery(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, cipher := storetest.DSN(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return now }))
	for n, window := range []time.Duration{0, time.Hour} {
		d := depositor(n)
		importAll(t, db, d)
		account := importedAccount(t, db, d)
		linkedAs(t, db, byUser(10*n), account)
		requester := opened(t, db, byUser(10*n+1))
		request := func() store.Transfer {
			t.Helper()
			transfer, err := db.RequestTransfer(t.Context(), requester, store.TransferOrder{Account: account, Proof: "certdoc", Window: window, Limit: 9})
			noError(t, err)
			return transfer
		}
		transfer := request()
		finish := func(want error) {
			t.Helper()
			if err := db.CompleteTransfer(t.Context(), requester, transfer.ID); !errors.Is(err, want) {
				t.Errorf("window %v: %v, want %v", window, err, want)
			}
		}
		now = now.Add(time.Hour + window)
		requester = opened(t, db, byUser(10*n+1))
		finish(store.ErrGone)
		if again := request(); again.ID != transfer.ID || again.DueAt != nil {
			t.Errorf("requested again: %+v", again)
		}
		for range 2 { // the second notice changes nothing
			markNotified(t, db, &transfer)
			if window > 0 {
				now = now.Add(window - time.Microsecond)
				finish(store.ErrGone)
				now = now.Add(time.Microsecond)
				window = 0
			}
		}
		requester = opened(t, db, byUser(10*n+1))
		holder := opened(t, db, byUser(10*n))
		if _, against, err := db.Transfers(t.Context(), holder); err != nil || against == nil || !against.ExpiresAt.Equal(against.DueAt.Add(store.TransferLife)) {
			t.Errorf("%+v, %v", against, err)
		}
		finish(nil)
	}
}

// A holder who cannot be notified keeps the link: the transfer ends, and the requester is
// notified and can request another one.
func TestUndeliverableEndsTheTransfer(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, cipher := storetest.DSN(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return now }))
	for n, fail := range []func(){
		func() {
			due, _, err := db.Outbox().Due(t.Context(), 100)
			noError(t, err)
			for _, d := range due {
				noError(t, db.Outbox().Abandon(t.Context(), d))
			}
		},
		func() { // not delivered within NoticeLife
			now = now.Add(store.NoticeLife)
			_, expired, err := db.Outbox().Due(t.Context(), 100)
			if noError(t, err); expired == 0 {
				t.Error("notice not given up")
			}
		},
	} {
		d := depositor(n)
		importAll(t, db, d)
		account := importedAccount(t, db, d)
		linkedAs(t, db, byUser(10*n), account)
		requester := opened(t, db, byUser(10*n+1))
		order := store.TransferOrder{Account: account, Proof: "certdoc", Limit: 9}
		transfer, err := db.RequestTransfer(t.Context(), requester, order)
		noError(t, err)
		fail()
		markNotified(t, db, &transfer) // a late delivery has no effect
		if own, _, err := db.Transfers(t.Context(), requester); err != nil || own.State != store.TransferUndeliverable || own.DueAt != nil {
			t.Errorf("%+v, %v", own, err)
		}
		if err := db.CompleteTransfer(t.Context(), requester, transfer.ID); !errors.Is(err, store.ErrGone) {
			t.Error(err)
		}
		now = now.Add(3 * time.Minute) // beyond any claim
		due, _, err := db.Outbox().Due(t.Context(), 100)
		noError(t, err)
		if len(due) != 1 || due[0].Kind != store.NoticeTransferUndeliverable {
			t.Errorf("%+v", due)
		}
		for _, d := range due {
			noError(t, db.Outbox().Delivered(t.Context(), d))
		}
		next, err := db.RequestTransfer(t.Context(), opened(t, db, byUser(10*n+1)), order)
		if err != nil || next.ID == transfer.ID {
			t.Errorf("%+v, %v", next, err)
		}
		markNotified(t, db, &next)
	}
}

// A former holder can freeze the password once within seven days, while the requester still
// has the link, unless a clerk made the transfer.
func TestFormerHolderFreezes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, cipher := storetest.DSN(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return now }))
	for n, tt := range []struct {
		name, proof string
		wait        time.Duration
		do          func(taker store.Session)
		want        error
	}{
		{"at once", "certdoc", 0, nil, nil},
		{"at the last moment", "face", store.FormerHolderFreeze - time.Minute, nil, nil},
		{"late", "certdoc", store.FormerHolderFreeze, nil, store.ErrNotFound},
		{"by a clerk", store.TransferByClerk, 0, nil, store.ErrNotFound},
		{"the requester has unlinked", "certdoc", 0, func(s store.Session) { noError(t, db.RemoveLink(t.Context(), s)) }, store.ErrNotFound},
	} {
		d := depositor(n)
		importAll(t, db, d)
		account := importedAccount(t, db, d)
		linkedAs(t, db, byUser(10*n), account)
		taker := opened(t, db, byUser(10*n+1))
		transfer, err := db.RequestTransfer(t.Context(), taker, store.TransferOrder{Account: account, Proof: tt.proof, Limit: 9})
		noError(t, err)
		if tt.proof != store.TransferByClerk {
			markNotified(t, db, &transfer)
			noError(t, db.CompleteTransfer(t.Context(), taker, transfer.ID))
		}
		taker = reload(t, db, taker)
		if tt.do != nil {
			tt.do(taker)
		}
		now = now.Add(tt.wait)
		former := opened(t, db, byUser(10*n))
		taken, err := db.TakenOver(t.Context(), former)
		if noError(t, err); (taken != nil) != (tt.want == nil) {
			t.Errorf("%s: TakenOver returned %+v", tt.name, taken)
		}
		if err := db.FreezeAsFormerHolder(t.Context(), former); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if got := importedAccount(t, db, d).State; (got == store.PasswordFrozen) != (tt.want == nil) {
			t.Errorf("%s: password is %s", tt.name, got)
		}
		if tt.want != nil {
			continue
		}
		if _, err := db.Session(t.Context(), taker.TokenDigest); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: session of the requester not ended: %v", tt.name, err)
		}
		former = opened(t, db, byUser(10*n))
		if err := db.FreezeAsFormerHolder(t.Context(), former); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s, second freeze: %v", tt.name, err)
		}
	}
}

// A rejection applies to the person: their other users are refused as well.
func TestRejectionAppliesToThePerson(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, cipher := storetest.DSN(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return now }))
	d := depositor(1)
	importAll(t, db, d)
	account := importedAccount(t, db, d)
	holder := linkedAs(t, db, byUser(1), account)
	order := store.TransferOrder{Account: account, Proof: "certdoc", Window: time.Hour, Limit: 9}
	transfer, err := db.RequestTransfer(t.Context(), opened(t, db, byUser(2)), order)
	noError(t, err)
	_, err = db.RejectTransfer(t.Context(), holder, transfer.ID)
	noError(t, err)
	second := opened(t, db, byUser(3))
	if _, err := db.RequestTransfer(t.Context(), second, order); !errors.Is(err, store.ErrRejected) {
		t.Errorf("second user: %v", err)
	}
	byClerk := order
	byClerk.Proof = store.TransferByClerk
	if r, err := db.RequestTransfer(t.Context(), second, byClerk); err != nil || r.State != store.TransferDone {
		t.Errorf("by a clerk: %s, %v", r.State, err)
	}
	now = now.Add(store.RejectionLife)
	if _, err := db.RequestTransfer(t.Context(), opened(t, db, byUser(2)), order); err != nil {
		t.Errorf("after RejectionLife: %v", err)
	}
}
