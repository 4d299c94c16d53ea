package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A recovery can be finished in time, by the session that began it, unless the account or its
// password has changed. It ends every lock of the person and cancels their open change.
func TestFinishRecoveryGuards(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	exec := func(query string) func(*store.Session, store.Account) {
		return func(_ *store.Session, a store.Account) { storetest.ProbeOf(db).MustExec(query, a.ID) }
	}
	for n, tt := range []struct {
		name string
		wait time.Duration
		do   func(*store.Session, store.Account)
		want error
	}{
		{"at the last moment", store.LinkProofLife - time.Microsecond, nil, nil},
		{"late", store.LinkProofLife, nil, store.ErrGone},
		{"another session of the user", 0, func(s *store.Session, _ store.Account) { *s = opened(t, db, byUser(1)) }, store.ErrGone},
		{"another user", 0, func(s *store.Session, _ store.Account) { *s = opened(t, db, byUser(90)) }, store.ErrGone},
		{"its session has ended", 0, func(s *store.Session, _ store.Account) { noError(t, db.EndSession(t.Context(), s.TokenDigest)) }, store.ErrGone},
		{"another password", 0, exec(`UPDATE password_credentials SET version = version + 1 WHERE account_id = $1`), store.ErrGone},
		{"frozen by the centre", 0, exec(`UPDATE accounts SET status = '06' WHERE account_id = $1`), store.ErrBlocked},
		{"closed", 0, exec(`UPDATE accounts SET status = '05' WHERE account_id = $1`), store.ErrBlocked},
		{"linked meanwhile", 0, func(_ *store.Session, a store.Account) { linkedAs(t, db, byUser(91), a) }, store.ErrConflict},
		{"linked by the user", 0, func(s *store.Session, a store.Account) { noError(t, db.AddLink(t.Context(), *s, a, nil)) }, store.ErrConflict},
	} {
		importAll(t, db, depositor(n))
		a := importedAccount(t, db, depositor(n))
		left := linkedAs(t, db, byUser(92), a)
		change, err := db.OpenChange(t.Context(), left, a, []byte("old"))
		noError(t, err)
		storetest.ProbeOf(db).MustExec(`DELETE FROM links WHERE account_id = $1`, a.ID) // and leaves it open
		s := opened(t, db, byUser(1))
		start, err := db.ChargeRecovery(t.Context(), s, a.PersonDigest, 99)
		noError(t, err)
		r, err := db.OpenRecovery(t.Context(), s, store.Recovery{
			ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: uuid.NewString(), PersonDigest: a.PersonDigest,
			AccountID: uuid.NullUUID{UUID: a.ID, Valid: true}, CredentialVersion: a.Version, Start: start,
		})
		noError(t, err)
		storetest.ProbeOf(db).MustExec(`UPDATE lockouts SET locked_until = 'infinity' WHERE person_digest = $1`, a.PersonDigest) // of importedAccount
		if tt.do != nil {
			tt.do(&s, a)
		}
		now = now.Add(tt.wait)
		if _, err := db.FinishRecovery(t.Context(), s, a, r.ID, store.NewPassword{Hash: "made-up", Fingerprint: []byte("new")}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		locks := len(column(t, db, `SELECT scope::text FROM lockouts WHERE person_digest = $1 AND locked_until IS NOT NULL`, a.PersonDigest))
		if (locks == 0) != (tt.want == nil) {
			t.Errorf("%s: %d locks", tt.name, locks)
		}
		if state := column(t, db, `SELECT state FROM changes WHERE change_id = $1`, change.ID)[0]; (state == store.ChangeCancelled) != (tt.want == nil) {
			t.Errorf("%s: the change that was left open is %s", tt.name, state)
		}
		storetest.ProbeOf(db).MustExec(`DELETE FROM links WHERE account_id = $1`, a.ID)
	}
}
