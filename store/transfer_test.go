package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// CompleteTransfer decides by its own statements, whatever a caller has read before.
func TestCompleteTransferGuards(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return now }))
	for n, tt := range []struct {
		name string
		wait time.Duration
		do   func(*transferRace)
		want error
	}{
		{"a moment early", time.Hour - time.Microsecond, nil, store.ErrGone},
		{"due", time.Hour, nil, nil},
		{"at the last moment", time.Hour + store.TransferLife - time.Microsecond, nil, nil},
		{"late", time.Hour + store.TransferLife, nil, store.ErrGone},
		{"frozen by the centre", time.Hour, func(c *transferRace) {
			c.exec(`UPDATE password_credentials SET state = 'frozen' WHERE account_id = $1`, c.account.ID)
		}, store.ErrGone},
		{"another password", time.Hour, func(c *transferRace) {
			c.exec(`UPDATE password_credentials SET version = version + 1 WHERE account_id = $1`, c.account.ID)
		}, store.ErrGone},
		{"the holder has unlinked", time.Hour, func(c *transferRace) { noError(t, db.RemoveLink(t.Context(), c.holder)) }, store.ErrGone},
		{"another user", time.Hour, func(c *transferRace) { c.requester = c.signIn(db, "another user") }, store.ErrGone},
		{"its session has ended", time.Hour, func(c *transferRace) { noError(t, db.EndSession(t.Context(), c.requester.TokenDigest)) }, store.ErrGone},
	} {
		c := newTransferRace(t, db, db, n)
		_, err := db.CancelTransfer(t.Context(), c.requester, c.transfer.ID)
		noError(t, err)
		c.transfer, err = db.RequestTransfer(t.Context(), c.requester, store.TransferOrder{Account: c.account, Proof: "certdoc", Window: time.Hour, Limit: 9})
		noError(t, err)
		markNotified(t, db, &c.transfer)
		if tt.do != nil {
			tt.do(c)
		}
		now = now.Add(tt.wait)
		if err := db.CompleteTransfer(t.Context(), c.requester, c.transfer.ID); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err := db.CompleteTransfer(t.Context(), c.requester, c.transfer.ID); !errors.Is(err, store.ErrGone) {
			t.Errorf("%s, again: %v", tt.name, err)
		}
	}
}

func (c *transferRace) exec(query string, args ...any) {
	c.t.Helper()
	_, err := storetest.ProbeOf(c.one).Exec(query, args...)
	noError(c.t, err)
}

// Only the present holder of the link can reject a transfer, not the holder at the time of
// the request.
func TestOnlyTheHolderRejects(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newTransferRace(t, db, db, 1)
	noError(t, db.RemoveLink(t.Context(), c.holder))
	linkedSession(t, db, "the next holder", c.account)
	transfer, err := db.RequestTransfer(t.Context(), c.requester, store.TransferOrder{Account: c.account, Proof: "certdoc", Window: time.Hour, Limit: 9})
	noError(t, err)
	if _, err := db.RejectTransfer(t.Context(), c.holder, transfer.ID); !errors.Is(err, store.ErrGone) {
		t.Errorf("a former holder rejected: %v", err)
	}
}

// A repeated request, which finds its face used up, returns the transfer that the first one
// requested, and completes it once it is due. Without that transfer a used face requests nothing.
func TestRequestTransferIsRepeated(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, cipher := storetest.DSN(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return now }))
	importAll(t, db, depositor(1))
	account := importedAccount(t, db, depositor(1))
	linkedAs(t, db, byUser(1), account)
	requester := opened(t, db, byUser(2))
	face := func(certify string) *store.LinkProof {
		t.Helper()
		p, err := db.OpenLinkProof(t.Context(), requester, account, store.LinkProof{ID: uuid.New(), Scope: store.PublicScope, Kind: store.ResetByFace, CertifyID: certify})
		noError(t, err)
		return &p
	}
	request := func(face *store.LinkProof) (store.Transfer, error) {
		return db.RequestTransfer(t.Context(), requester, store.TransferOrder{Account: account, Proof: "face", Window: time.Minute, Face: face, Limit: 9})
	}
	replaced, used := face("one"), face("two")
	if _, err := request(replaced); !errors.Is(err, store.ErrGone) {
		t.Errorf("a replaced face: %v", err)
	}
	first, err := request(used)
	noError(t, err)
	again, err := request(used)
	if noError(t, err); again.ID != first.ID || again.State != store.TransferWaiting {
		t.Errorf("requested %v, again %v, %s", first.ID, again.ID, again.State)
	}
	_, err = db.CancelTransfer(t.Context(), requester, first.ID)
	noError(t, err)
	if _, err := request(used); !errors.Is(err, store.ErrGone) {
		t.Errorf("a face of a cancelled transfer: %v", err)
	}
	last := face("three")
	second, err := request(last)
	noError(t, err)
	markNotified(t, db, &second)
	now = now.Add(time.Minute)
	done, err := request(last)
	if noError(t, err); done.ID != second.ID || done.State != store.TransferDone || reload(t, db, requester).Link == nil {
		t.Errorf("due: %+v", done)
	}
}

// Clerks transfer the link of one person to many users at once. The link ends with one of them;
// the others are told that another transfer came first, or that the link has moved on.
func TestClerksTransferOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1))
	account := importedAccount(t, db, depositor(1))
	linkedAs(t, db, byUser(1), account)
	const users = 8
	results := make(chan error, users)
	for n := range users {
		requester := opened(t, db, byUser(2+n))
		go func() {
			_, err := db.RequestTransfer(context.Background(), requester, store.TransferOrder{Account: account, Proof: store.TransferByClerk, Limit: 99})
			results <- err
		}()
	}
	won := 0
	for range users {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound):
			t.Error(err)
		}
	}
	if links := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM links WHERE account_id = $1`, account.ID)[0]; won == 0 || links != "1" {
		t.Errorf("%d transfers, %s links", won, links)
	}
}
