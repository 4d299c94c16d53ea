package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A new password and a freeze end the sessions of the person with all providers and on all
// channels, except the session that sets the password. Nobody else's session ends.
func TestSessionsOfAllProvidersEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do    func(t *testing.T, db *store.DB, s store.Session, a store.Account) (store.Finished, error)
		stays bool // the session
	}{
		"change": {func(t *testing.T, db *store.DB, s store.Session, a store.Account) (store.Finished, error) {
			noError(t, db.AddLink(t.Context(), s, a, nil))
			s = reload(t, db, s)
			c, err := db.OpenChange(t.Context(), s, a, []byte("old"))
			noError(t, err)
			return db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new")})
		}, true},
		"reset": {func(t *testing.T, db *store.DB, s store.Session, a store.Account) (store.Finished, error) {
			noError(t, db.AddLink(t.Context(), s, a, nil))
			s = reload(t, db, s)
			r, err := db.OpenReset(t.Context(), s, a, store.Reset{ID: uuid.New(), Kind: store.ResetByFace, CertifyID: uuid.NewString()})
			noError(t, err)
			noError(t, db.PassReset(t.Context(), s, r))
			return db.FinishReset(t.Context(), s, r.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new")})
		}, true},
		"recovery": {func(t *testing.T, db *store.DB, s store.Session, a store.Account) (store.Finished, error) {
			start, err := db.ChargeRecovery(t.Context(), s, a.PersonDigest, 9)
			noError(t, err)
			r, err := db.OpenRecovery(t.Context(), s, store.Recovery{
				ID: uuid.New(), Kind: store.ResetByFace, CertifyID: uuid.NewString(), PersonDigest: a.PersonDigest,
				AccountID: uuid.NullUUID{UUID: a.ID, Valid: true}, CredentialVersion: a.Version, Start: start,
			})
			noError(t, err)
			return db.FinishRecovery(t.Context(), s, a, r.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new")})
		}, true},
		"freeze": {func(t *testing.T, db *store.DB, s store.Session, a store.Account) (store.Finished, error) {
			noError(t, db.AddLink(t.Context(), s, a, nil))
			return store.Finished{SessionsEnded: 3}, db.Freeze(t.Context(), reload(t, db, s))
		}, false},
		"freeze by the former holder": {func(t *testing.T, db *store.DB, s store.Session, a store.Account) (store.Finished, error) {
			noError(t, db.AddLink(t.Context(), s, a, nil))
			taker := opened(t, db, byOpen(3))
			transfer, err := db.RequestTransfer(t.Context(), taker, store.TransferOrder{Account: a, Proof: "certdoc", Limit: 9})
			noError(t, err)
			markNotified(t, db, &transfer)
			noError(t, db.CompleteTransfer(t.Context(), taker, transfer.ID)) // ends the holder's sessions
			return store.Finished{SessionsEnded: 3}, db.FreezeAsFormerHolder(t.Context(), opened(t, db, byOpen(1)))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			importAll(t, db, depositors(0, 2)...)
			account := importedAccount(t, db, depositor(0))
			s := opened(t, db, byOpen(1))
			ended := []store.Session{
				opened(t, db, byOpen(1)), linkedAs(t, db, otherProvider(1), account), sessionOn(t, db, "another", otherProvider(1)),
			}
			stranger := linkedAs(t, db, otherProvider(2), importedAccount(t, db, depositor(1)))
			done, err := tt.do(t, db, s, account)
			noError(t, err)
			if done.SessionsEnded != len(ended) {
				t.Errorf("%d sessions ended, want %d", done.SessionsEnded, len(ended))
			}
			for _, e := range ended {
				if _, err := db.Session(t.Context(), e.TokenDigest); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("a session with %s on %s: %v", e.Provider, e.Channel, err)
				}
			}
			if again := reload(t, db, stranger); again.Link == nil {
				t.Error("somebody else's link has ended")
			}
			if _, err := db.Session(t.Context(), s.TokenDigest); (err == nil) != tt.stays {
				t.Errorf("the session itself: %v", err)
			}
		})
	}
}
