package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// lockSubject returns the keys of a person's rows and locks the rows against concurrent
// writers. It locks in the order of other transactions, so that none deadlock: link proofs,
// transfers, accounts (FinishLink, CompleteTransfer, imports), links (Freeze, RemoveLink,
// FinishChange) and sessions (AddLink). Erase locks the rest in the order of erasables. If
// a row was written before the locks were held, lockSubject returns pgconn.ErrRetry.
func (db *DB) lockSubject(ctx context.Context, tx *sqlx.Tx, accounts []Account) (subjectRefs, error) {
	before, t := subjectRefsOf(accounts), subjectRefsOf(accounts)
	if err := db.resolve(ctx, tx, &before); err != nil {
		return t, err
	}
	persons, ids, identities := byteas(before.persons...), uuids(before.accounts), byteas(before.identities...)
	for _, rows := range []struct {
		lock string
		by   []any
	}{
		{`SELECT 1 FROM link_proofs
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY proof_id FOR UPDATE`, []any{persons, ids, identities}},
		{`SELECT 1 FROM link_transfers
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY transfer_id FOR UPDATE`, []any{persons, ids, identities}},
		{`SELECT 1 FROM accounts
			WHERE center_id = $1 AND account_id = ANY ($2::uuid[])
			ORDER BY account_id FOR NO KEY UPDATE`, []any{ids}}, // concurrent inserts may refer to the account
		{`SELECT 1 FROM links
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY identity_digest FOR UPDATE`, []any{persons, ids, identities}},
		{`SELECT 1 FROM sessions
			WHERE center_id = $1 AND identity_digest = ANY ($2)
			ORDER BY token_digest FOR UPDATE`, []any{identities}},
	} {
		var held []int
		if err := tx.SelectContext(ctx, &held, rows.lock, append([]any{db.center}, rows.by...)...); err != nil {
			return t, err
		}
	}
	if err := db.resolve(ctx, tx, &t); err != nil {
		return t, err
	}
	if !t.within(before) {
		return t, pgconn.ErrRetry
	}
	return t, nil
}
