package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A credential of another kind does not affect the password and is not changed with it. An
// erasure deletes both.
func TestAnotherKindOfCredentialIsApart(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), t.Context()
	d := depositor(1, hashed)
	importAll(t, db, d)
	account := importedAccount(t, db, d)
	pin := func() []string {
		return column(t, db, `SELECT concat(version, ' ', state, ' ', hash, ' ', changed_at) FROM password_credentials WHERE account_id = $1 AND kind = 'phone_pin'
			UNION ALL SELECT concat(version, ' ', hash) FROM password_history WHERE account_id = $1 AND kind = 'phone_pin' ORDER BY 1`, account.ID)
	}
	probe := storetest.ProbeOf(db)
	probe.MustExec(`INSERT INTO password_credentials (center_id, account_id, kind, version, state, hash)
		SELECT center_id, account_id, 'phone_pin', 1, 'frozen', '$argon2id$pin,pre=bcrypt:31:' FROM accounts WHERE account_id = $1`, account.ID)
	probe.MustExec(`INSERT INTO password_history (center_id, account_id, kind, version, hash, set_at)
		SELECT center_id, account_id, 'phone_pin', 1, 'earlier pin', updated_at FROM accounts WHERE account_id = $1`, account.ID)
	before := pin()

	s := linkedAs(t, db, byOpen(1), account)
	if s.Link.Password.State != store.PasswordSet {
		t.Errorf("password is %s", s.Link.Password.State)
	}
	noError(t, db.UpgradeHash(ctx, account, "upgraded"))
	change, err := db.OpenChange(ctx, s, account, []byte("old"))
	noError(t, err)
	_, err = db.FinishChange(ctx, s, change.ID, store.NewPassword{Hash: "changed", Fingerprint: []byte("new")})
	noError(t, err)
	account.Version++
	reset, err := db.OpenReset(ctx, s, account, store.Reset{ID: uuid.New(), Kind: store.ResetByFace, CertifyID: "certify"})
	noError(t, err)
	noError(t, db.PassReset(ctx, s, reset))
	_, err = db.FinishReset(ctx, s, reset.ID, store.NewPassword{Hash: "reset", Fingerprint: []byte("newer")})
	noError(t, err)
	account.Version++
	if used, hashes, err := db.PasswordUsed(ctx, account, nil, 9); used || len(hashes) != 1 || hashes[0] != "changed" || err != nil {
		t.Errorf("earlier passwords: %q, %v", hashes, err)
	}
	if costly, err := db.CostliestHashes(ctx, []string{"bcrypt"}); len(costly) != 0 || err != nil {
		t.Errorf("costly passwords: %q, %v", costly, err)
	}
	if n, err := db.Operations().CountHashes(ctx); n != 1 || err != nil {
		t.Errorf("%d passwords, %v", n, err)
	}
	importAll(t, db, d)
	noError(t, db.Freeze(ctx, s))
	if diff := cmp.Diff(before, pin()); diff != "" || importedAccount(t, db, d).Version != account.Version {
		t.Errorf("other kind:\n%s", diff)
	}
	_, err = db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(d), Accounts: true})
	noError(t, err)
	if left := pin(); len(left) > 0 {
		t.Errorf("left after an erasure: %q", left)
	}
}
