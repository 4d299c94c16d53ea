package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// lockSubject returns the keys of a person's rows and locks them against concurrent writers.
// The locks are in the order of everybody else, so that no two wait for each other:
// pending links, transfers, accounts (FinishLink, CompleteTransfer, an import), links (Freeze,
// an unlink, a change) and sessions (whoever links). The rest follows in the order of
// erasables. What was written until the locks were held leads to a second run.
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
			ORDER BY account_id FOR NO KEY UPDATE`, []any{ids}}, // rows that refer to it may be on their way
		{`SELECT 1 FROM links
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY identity_digest FOR UPDATE`, []any{persons, ids, identities}}, // of all providers
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
