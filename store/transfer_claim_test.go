package store_test

import (
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Abandon of the notice to the holder ends the transfer only with the claim of the notice,
// and not after its delivery.
func TestTransferEndsByItsClaimAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	importAll(t, db, depositor(1))
	account := importedAccount(t, db, depositor(1))
	linkedAs(t, db, byUser(1), account)
	requester := opened(t, db, byUser(2))
	_, err := db.RequestTransfer(t.Context(), requester, store.TransferOrder{Account: account, Proof: "certdoc", Window: time.Hour, Limit: 9})
	noError(t, err)
	claim := func() store.Delivery {
		t.Helper()
		due, _, err := db.Outbox().Due(t.Context(), 100)
		noError(t, err)
		for _, d := range due {
			if d.Kind == store.NoticeTransferRequested {
				return d
			}
		}
		t.Fatalf("%+v", due)
		return store.Delivery{}
	}
	first := claim()
	now = now.Add(3 * time.Minute) // beyond any claim
	second := claim()
	checkWaiting := func(name string) {
		t.Helper()
		if own, _, err := db.Transfers(t.Context(), requester); err != nil || own.State != store.TransferWaiting {
			t.Errorf("%s: %+v, %v", name, own, err)
		}
	}
	noError(t, db.Outbox().Abandon(t.Context(), first))
	checkWaiting("given up without the claim")
	noError(t, db.Outbox().Delivered(t.Context(), first))
	noError(t, db.Outbox().Abandon(t.Context(), second))
	checkWaiting("given up after the delivery")
}
