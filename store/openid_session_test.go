package store_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A session with both identifiers moves all rows of the user_id, with or without a link.
func TestSessionMoves(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1))
	before := linkedAs(t, db, byUser(1), importedAccount(t, db, depositor(1)))
	if s := opened(t, db, byOpen(1)); s.Link != nil {
		t.Fatal("an open_id alone matched a user_id")
	}
	s := opened(t, db, both(1))
	if s.Link == nil || s.Link.AccountID != before.Link.AccountID || !reload(t, db, before).Owns(s.IdentityDigest) {
		t.Errorf("%+v", s.Link)
	}
	if s := opened(t, db, byOpen(1)); s.Link == nil {
		t.Error("no link under the open_id")
	}
	unlinked := opened(t, db, byUser(2))
	noError(t, db.WithdrawConsent(t.Context(), unlinked, "message", "1"))
	consents, err := db.Consents(t.Context(), opened(t, db, both(2)))
	if err != nil || consents["message"].WithdrawnAt == nil {
		t.Errorf("refusal lost: %+v, %v", consents, err)
	}
}

// If both identifiers are linked to different persons, each session has the link of its own
// identifier.
func TestSessionMeetsConflict(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1), depositor(2))
	user := linkedAs(t, db, byUser(1), importedAccount(t, db, depositor(1)))
	open := linkedAs(t, db, byOpen(1), importedAccount(t, db, depositor(2)))
	for range 2 {
		if s := opened(t, db, both(1)); s.Link.AccountID != open.Link.AccountID {
			t.Error("with both identifiers: not the link of the open_id")
		}
	}
	if s := opened(t, db, byUser(1)); s.Link.AccountID != user.Link.AccountID || reload(t, db, user).Link == nil {
		t.Error("link of the user_id lost")
	}
}

// A notification or list that names the old user_id finds a moved user.
func TestWithdrawalOfMoved(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1))
	s := linkedAs(t, db, byUser(1), importedAccount(t, db, depositor(1)))
	moves(t, db, both(1))
	did, err := db.Inbox().WithdrawAuthorisation(t.Context(), store.Cancellation{Channel: store.ChannelAlipay, Identity: byUser(1), At: time.Now().Add(time.Second)})
	if err != nil || !did {
		t.Fatal(did, err)
	}
	if _, err := db.Session(t.Context(), s.TokenDigest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session: %v", err)
	}
	if n := list(t, storetest.ProbeOf(db), `SELECT 'x' FROM links`); len(n) != 0 {
		t.Error("link not ended")
	}
}

// Erase finds a moved user under both digests.
func TestEraseMoved(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := createPersonRowsAs(t, db, 2, func(user string) store.Identity {
		return store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "user_id", Value: user}
	})
	id := store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "074-second", UserID: "second"}
	stale := reload(t, db, store.Session{TokenDigest: []byte("d2")})
	moves(t, db, id)
	noError(t, db.GiveConsents(t.Context(), stale, []store.Consent{{Purpose: "certdoc", Version: "1", How: store.ConsentAsked}})) // a request with a stale session
	_, err := db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: operatorRequest(d), Accounts: true})
	noError(t, err)
	whole := fmt.Sprint(allRows(t, db))
	for _, digest := range [][]byte{stale.IdentityDigest, db.IdentityDigest(id)} {
		if strings.Contains(whole, hex.EncodeToString(digest)) {
			t.Errorf("%x is still in the database", digest)
		}
	}
}

// A request with a session read before the move changes nothing, and Renamed reports why.
func TestStaleSession(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, hashed), depositor(2))
	a, other := importedAccount(t, db, depositor(1)), importedAccount(t, db, depositor(2))
	idle := opened(t, db, byUser(1))
	s := linkedAs(t, db, byUser(1), a)
	c, err := db.OpenChange(t.Context(), s, a, []byte("old print"))
	noError(t, err)
	if renamed, err := db.Renamed(t.Context(), s); renamed || err != nil {
		t.Error(renamed, err)
	}
	moves(t, db, both(1))
	before := allRows(t, db)
	_, finished := db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new print")})
	_, reopened := db.OpenChange(t.Context(), s, a, []byte("old print"))
	for _, tt := range []struct {
		name      string
		got, want error
	}{
		{"link", db.AddLink(t.Context(), idle, other, nil), store.ErrRenamed},
		{"unlink", db.RemoveLink(t.Context(), s), store.ErrNotFound},
		{"freeze", db.Freeze(t.Context(), s), store.ErrNotFound},
		{"confirm", finished, store.ErrGone},
		{"open", reopened, store.ErrNotFound},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: %v", tt.name, tt.got)
		}
	}
	if diff := cmp.Diff(before, allRows(t, db)); diff != "" {
		t.Error(diff)
	}
	if renamed, err := db.Renamed(t.Context(), s); !renamed || err != nil {
		t.Error(renamed, err)
	}
	if !bytes.Equal(reload(t, db, s).IdentityDigest, db.IdentityDigest(both(1))) {
		t.Error("not renamed after a reload")
	}
}

// If the requester of a transfer and the holder of the link are moved before the transfer
// is due, the requester can still complete it and the holder can still reject it.
func TestMoveWithTransfer(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for n, end := range []func(holder, requester store.Session, transfer store.Transfer) error{
		func(_, requester store.Session, transfer store.Transfer) error {
			return db.CompleteTransfer(t.Context(), requester, transfer.ID)
		},
		func(holder, _ store.Session, transfer store.Transfer) error {
			_, err := db.RejectTransfer(t.Context(), holder, transfer.ID)
			return err
		},
	} {
		d := depositor(n)
		importAll(t, db, d)
		a, who := importedAccount(t, db, d), 10*n
		holder, requester := linkedAs(t, db, byUser(who), a), opened(t, db, byUser(who+1))
		transfer, err := db.RequestTransfer(t.Context(), requester, store.TransferOrder{Account: a, Proof: "certdoc", Limit: 9})
		noError(t, err)
		markNotified(t, db, &transfer)
		moves(t, db, both(who), both(who+1))
		holder, requester = reload(t, db, holder), reload(t, db, requester)
		_, against, err := db.Transfers(t.Context(), holder)
		if err != nil || against == nil || against.ID != transfer.ID {
			t.Fatalf("the holder sees %+v, %v", against, err)
		}
		own, _, err := db.Transfers(t.Context(), requester)
		if err != nil || own == nil || own.ID != transfer.ID {
			t.Fatalf("the requester sees %+v, %v", own, err)
		}
		noError(t, end(holder, requester, transfer))
	}
	due, _, err := db.Outbox().Due(t.Context(), 100)
	noError(t, err)
	told := 0
	for _, d := range due {
		n, err := db.Outbox().Notice(d)
		noError(t, err)
		if n.Identity.Kind != "open_id" {
			t.Errorf("%s is addressed to a %s", d.Kind, n.Identity.Kind)
		}
		if d.Kind == store.NoticeLinkTransferred || d.Kind == store.NoticeTransferRejected {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d notices of the outcome", told)
	}
}
