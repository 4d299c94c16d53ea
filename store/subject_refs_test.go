package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Only the link connects a user to a person. A user who requested it in vain, made attempts
// in a scope of their own or held it once may have proven a phone number and given
// consents: OwnData and Export do not contain such a phone, and Erase leaves a user who
// never held the link.
func TestSubjectRefsFollowTheLink(t *testing.T) {
	t.Parallel()
	request := func(t *testing.T, db *store.DB, s store.Session, a store.Account) store.Transfer {
		t.Helper()
		r, err := db.RequestTransfer(t.Context(), s, store.TransferOrder{Account: a, Proof: "certdoc", Window: time.Hour, Limit: 1})
		noError(t, err)
		return r
	}
	for name, tt := range map[string]struct {
		held bool // whether the user once held the link
		do   func(t *testing.T, db *store.DB, holder, other store.Session, a store.Account)
	}{
		"the holder has rejected": {false, func(t *testing.T, db *store.DB, holder, other store.Session, a store.Account) {
			_, err := db.RejectTransfer(t.Context(), holder, request(t, db, other, a).ID)
			noError(t, err)
		}},
		"the holder could not be notified": {false, func(t *testing.T, db *store.DB, holder, other store.Session, a store.Account) {
			transfer := request(t, db, other, a)
			due, _, err := db.Outbox().Due(t.Context(), 100)
			noError(t, err)
			for _, d := range due {
				if d.ID == transfer.ID {
					noError(t, db.Outbox().Abandon(t.Context(), d))
				}
			}
			if r, err := db.Transfer(t.Context(), other, transfer.ID); err != nil || r.State != store.TransferUndeliverable {
				t.Fatalf("transfer is %s, %v", r.State, err)
			}
		}},
		"an attempt in their own scope": {false, func(t *testing.T, db *store.DB, holder, other store.Session, a store.Account) {
			_, err := failedAttempt(t.Context(), db, store.AttemptRequest{PersonDigest: a.PersonDigest, Scope: other.IdentityDigest, AccountID: a.ID, Channel: store.ChannelAlipay, Policy: tiers})
			noError(t, err)
		}},
		"held it once": {true, func(t *testing.T, db *store.DB, holder, other store.Session, a store.Account) {
			noError(t, db.RemoveLink(t.Context(), holder))
			noError(t, db.AddLink(t.Context(), other, a, nil))
			noError(t, db.RemoveLink(t.Context(), reload(t, db, other)))
			noError(t, db.AddLink(t.Context(), holder, a, nil))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, storetest.DSN(t)) // the test claims every notice
			ctx := t.Context()
			d := depositor(1, hashed)
			importAll(t, db, d)
			account := importedAccount(t, db, d)
			holder, other := linkedAs(t, db, both(1), account), opened(t, db, both(2))
			noError(t, db.BindPhone(ctx, holder, store.PhoneProof{Payload: []byte("theirs"), Mobile: "13100000001"}))
			tt.do(t, db, holder, other, account)
			visit := opened(t, db, both(2)) // may belong to another person
			noError(t, db.BindPhone(ctx, visit, store.PhoneProof{Payload: []byte(uuid.NewString()), Mobile: "13200000002"}))
			noError(t, db.GiveConsents(ctx, visit, []store.Consent{{Purpose: "phone", Version: "1", How: store.ConsentAsked}}))

			own, err := db.OwnData(ctx, reload(t, db, holder))
			noError(t, err)
			data, err := db.Operations().Export(ctx, operatorRequest(d))
			noError(t, err)
			for what, shown := range map[string]store.PersonData{"their own data": own, "the export": data} {
				if len(shown.Sessions) != 1 || shown.Sessions[0].Phone != "13100000001" {
					t.Errorf("%s: sessions %+v", what, shown.Sessions)
				}
				if n := len(shown.Consents); !tt.held && n != 0 {
					t.Errorf("%s: %d consents of another user", what, n)
				}
			}
			_, err = db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(d)})
			noError(t, err)
			if _, err := db.Session(ctx, holder.TokenDigest); err == nil {
				t.Error("holder's session not erased")
			}
			if _, err := db.Session(ctx, visit.TokenDigest); (err == nil) == tt.held {
				t.Errorf("other user's session after the erasure: %v", err)
			}
			if consents, err := db.Consents(ctx, visit); err != nil || (len(consents) == 1) == tt.held {
				t.Errorf("other user's consents after the erasure: %v, %v", consents, err)
			}
		})
	}
}
