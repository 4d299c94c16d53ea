package store

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"

	"fundpass/store/pgconn"
)

// importLimit bounds one transaction of an import: it is not a citizen who waits.
const importLimit = 2 * time.Minute

// importTx is a transaction of an import.
type importTx struct {
	*pgconn.Tx
	db  *DB
	now time.Time
}

// inImportTx is inTx for an import. f must be safe to run again even after it was
// committed, see pgconn.Pool.InIdempotentTx.
//
// Imports of a centre take turns, batch by batch, because two that insert the
// same account meet each other's unfinished rows in two unique indexes, where
// ON CONFLICT answers for only one.
func (db *DB) inImportTx(ctx context.Context, f func(importTx) error) error {
	ctx, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	return db.pool.InIdempotentTx(ctx, func(tx *pgconn.Tx) error {
		now := db.clock()
		if _, err := tx.ExecContext(ctx, `
			SELECT 1 FROM centers WHERE center_id = $1 FOR NO KEY UPDATE`, db.center); err != nil {
			return err
		}
		return f(importTx{Tx: tx, db: db, now: now})
	})
}

// merge copies b into a staging table and from there into accounts and
// password_credentials. An account always has a credential, so the credentials
// that were missing count the accounts that are new. Where mergersToo is false,
// links of merged accounts wait for followMerged.
func (t importTx) merge(ctx context.Context, b *Batch, mergersToo bool) (Counts, error) {
	taken, err := t.takeable(ctx, b)
	if err != nil {
		return Counts{}, err
	}
	restricted, err := t.restrictedRows(ctx, b.restrictions)
	rows := slices.SortedFunc(slices.Values(slices.Concat(taken, restricted)), sortRows)
	if err != nil || len(rows) == 0 {
		return Counts{Refused: int64(len(b.Shortened))}, err
	}
	if err := t.stage(ctx, rows); err != nil {
		return Counts{}, err
	}
	written, err := t.writeAccounts(ctx)
	if err != nil {
		return Counts{}, err
	}
	var added int64
	if err := t.GetContext(ctx, &added, `
		WITH added AS (
			INSERT INTO password_credentials (center_id, account_id, kind, version, state, initial_rule, hash)
			SELECT $1, s.account_id, 'password', 1, s.state, s.initial_rule, s.hash
			FROM import_rows s
			ON CONFLICT (center_id, account_id, kind) DO NOTHING RETURNING 1)
		SELECT count(*) FROM added`, t.db.center); err != nil {
		return Counts{}, err
	}
	var c Counts
	if added < int64(len(rows)) { // a new account has no link
		c, err = t.followAccounts(ctx, mergersToo)
	}
	written -= int64(len(restricted)) // which are all written, and are no depositors
	c.Added, c.Updated, c.Unchanged = added, written-added, int64(len(taken))-written
	c.Refused = int64(len(b.Shortened))
	return c, err
}

// writeAccounts says how many accounts were new or changed. The join keeps an unchanged
// one from being locked, which would write it. It is no subquery: of a centre that has
// just begun PostgreSQL believes that any index will do, and for each row walked all of
// the centre's. The array has the accounts found once, by their key, where a join alone
// would read all of a table of less than about half a million. What is returned is
// counted: a distributed server reports the rows that were selected.
func (t importTx) writeAccounts(ctx context.Context) (written int64, err error) {
	err = t.GetContext(ctx, &written, `
		WITH written AS (
		INSERT INTO accounts
			(center_id, account_id, account_no_digest, person_digest, phone_digest, status, sealed, row_digest, updated_at)
		SELECT $1, s.account_id, s.account_no_digest, s.person_digest, s.phone_digest, s.status, s.sealed, s.row_digest, $2
		FROM import_rows s LEFT JOIN accounts b ON b.center_id = $1 AND b.account_id = s.account_id
			AND b.account_id = ANY (ARRAY(SELECT account_id FROM import_rows))
		WHERE s.row_digest IS DISTINCT FROM b.row_digest
		ON CONFLICT (center_id, account_id) DO UPDATE SET
			person_digest = excluded.person_digest, phone_digest = excluded.phone_digest,
			status = excluded.status, sealed = excluded.sealed, row_digest = excluded.row_digest, updated_at = excluded.updated_at
		RETURNING 1)
		SELECT count(*) FROM written`, t.db.center, t.now)
	return written, err
}

func (t importTx) affected(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// stage fills a table that only this transaction sees.
func (t importTx) stage(ctx context.Context, rows []importRow) error {
	_, err := t.ExecContext(ctx, `
		CREATE TEMPORARY TABLE import_rows (
			account_id        uuid  NOT NULL,
			account_no_digest bytea NOT NULL,
			person_digest     bytea NOT NULL,
			phone_digest      bytea,
			status            text  NOT NULL,
			sealed            bytea NOT NULL,
			row_digest        bytea NOT NULL,
			state             text  NOT NULL,
			initial_rule      text,
			hash              text
		) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	return t.CopyIn(ctx, `COPY pg_temp.import_rows FROM STDIN`, func(put func(...driver.Value) error) error {
		for i := range rows {
			if err := put(rows[i].values()...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *importRow) values() []driver.Value {
	return []driver.Value{
		r.accountID.String(), r.accountNo, r.person, orNil(r.phone), r.status, r.sealed, r.rowDigest,
		r.state, orNull(r.initialRule), orNull(r.hash),
	}
}

// orNil tells NULL from an empty value.
func orNil(b []byte) driver.Value {
	if b == nil {
		return nil
	}
	return b
}

func orNull(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}
