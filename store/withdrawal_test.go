package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A withdrawal ends the steps of a link even if they were begun by a process whose clock is
// ahead.
func TestWithdrawalEndsStepsOfClocksAhead(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	ahead := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return time.Now().Add(time.Minute) }))
	importAll(t, one, depositor(1, hashed), depositor(2, hashed))
	for n := 1; n <= 2; n++ {
		a := importedAccount(t, one, depositor(n))
		s := linkedAs(t, one, byUser(n), a)
		if n == 1 {
			_, err := ahead.OpenChange(t.Context(), s, a, []byte("old print"))
			noError(t, err)
		} else {
			r := store.Reset{ID: uuid.New(), Kind: store.ResetByFace, CertifyID: uuid.NewString()}
			_, err := ahead.OpenReset(t.Context(), s, a, r)
			noError(t, err)
		}
		did, err := one.Inbox().WithdrawAuthorisation(t.Context(), store.Cancellation{Channel: store.ChannelAlipay, Identity: byUser(n), At: time.Now()})
		if err != nil || !did {
			t.Error(did, err)
		}
	}
	noLinkNorStep(t, one)
}

// noLinkNorStep checks that there is no link and nothing open without one.
func noLinkNorStep(t *testing.T, db *store.DB) {
	t.Helper()
	for _, left := range column(t, db, `
		SELECT 'a link' FROM links
		UNION ALL SELECT 'a change' FROM changes WHERE state = 'open'
		UNION ALL SELECT 'a reset' FROM resets WHERE state IN ('started', 'passed')`) {
		t.Errorf("%s not ended", left)
	}
}

// A withdrawal that finds a concurrent link ends a change that was opened for it.
func TestWithdrawalEndsStepsOfConcurrentLink(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	importAll(t, db, depositor(1))
	a, s, other := importedAccount(t, db, depositor(1)), opened(t, db, both(1)), opened(t, db, both(1))
	link, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer link.Rollback()
	_, err = link.Exec(`LOCK TABLE outbox IN SHARE MODE`) // the link's last step
	noError(t, err)
	withdrawal, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer withdrawal.Rollback()
	_, err = withdrawal.Exec(`SELECT 1 FROM sessions WHERE center_id = 'test' AND token_digest = $1 FOR SHARE`, other.TokenDigest)
	noError(t, err)

	var linked, withdrawn sync.WaitGroup
	linked.Go(func() {
		if err := db.AddLink(context.Background(), s, a, nil); err != nil {
			t.Error(err)
		}
	})
	awaitWaiting(t, db, 1, link)
	withdrawn.Go(func() {
		_, err := db.Inbox().WithdrawAuthorisation(context.Background(), store.Cancellation{Channel: store.ChannelAlipay, Identity: both(1), At: time.Now()})
		if err != nil {
			t.Error(err)
		}
	})
	awaitWaiting(t, db, 2, link, withdrawal)
	noError(t, link.Commit())
	linked.Wait()
	_, err = db.OpenChange(t.Context(), reload(t, db, s), a, []byte("old print"))
	noError(t, err)
	noError(t, withdrawal.Commit())
	withdrawn.Wait()
	noLinkNorStep(t, db)
}
