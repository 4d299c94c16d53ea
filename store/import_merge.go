package store

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"

	"github.com/lib/pq"

	"fundpass/store/pgconn"
)

// importLimit bounds one transaction of an import: it is not a citizen who waits.
const importLimit = 2 * time.Minute

// An importTx is a transaction of an import.
type importTx struct {
	*pgconn.Tx
	db  *DB
	now time.Time
}

// inImportTx is inTx for an import. f must be safe to run again even after it was
// committed, see pgconn.Pool.InIdempotentTx.
//
// Imports of a centre take turns, batch by batch, so an account that is new to one of
// them stays new until it commits.
func (db Roster) inImportTx(ctx context.Context, f func(importTx) error) error {
	ctx, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	return db.pool.InIdempotentTx(ctx, func(tx *pgconn.Tx) error {
		now := db.clock()
		// The connection keeps its plans, and PostgreSQL those of its checks of foreign keys: one
		// made for an empty centre would read the whole centre for every batch, or for every row.
		// force_custom_plan would plan such a check for every row.
		if _, err := tx.ExecContext(ctx, `DISCARD PLANS`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			SELECT 1 FROM centers WHERE center_id = $1 FOR NO KEY UPDATE`, db.center); err != nil {
			return err
		}
		return f(importTx{Tx: tx, db: db.DB, now: now})
	})
}

// merge brings b into accounts and password_credentials. New accounts are copied in;
// nobody else adds any, because imports take turns. Where mergersToo is false, links of
// merged accounts wait for followMerged.
func (t importTx) merge(ctx context.Context, b *Batch, mergersToo bool) (Counts, error) {
	added, held, err := t.divide(ctx, b.rows)
	if err != nil {
		return Counts{}, err
	}
	shortened := len(b.rows) - len(added) - len(held)
	b.Incomplete = shortened > 0
	restricted, err := t.restrictedRows(ctx, b.restrictions)
	if err != nil {
		return Counts{}, err
	}
	if err := t.add(ctx, added); err != nil {
		return Counts{}, err
	}
	c, err := t.update(ctx, slices.Concat(held, restricted), mergersToo)
	c.Updated -= int64(len(restricted)) // all of which are written, and none is a depositor
	c.Added, c.Unchanged, c.Refused = int64(len(added)), int64(len(held))-c.Updated, int64(shortened)
	return c, err
}

// add copies new accounts and their passwords in.
func (t importTx) add(ctx context.Context, rows []*importRow) error {
	if len(rows) == 0 {
		return nil
	}
	center, now := driver.Value(t.db.center), driver.Value(string(pq.FormatTimestamp(t.now)))
	err := t.copyRows(ctx, `
		COPY accounts (center_id, account_id, account_no_digest, person_digest, phone_digest, status, sealed, row_digest, updated_at)
		FROM STDIN`, rows, func(r *importRow) []driver.Value {
		return []driver.Value{
			center, r.accountID.String(), r.accountNo, r.person, orNil(r.phone), r.status, r.sealed, r.rowDigest, now,
		}
	})
	if err != nil {
		return err
	}
	return t.copyRows(ctx, `
		COPY password_credentials (center_id, account_id, kind, version, state, initial_rule, hash) FROM STDIN`,
		rows, func(r *importRow) []driver.Value {
			return []driver.Value{center, r.accountID.String(), "password", int64(1), r.state, orNull(r.initialRule), orNull(r.hash)}
		})
}

// update brings accounts that the database holds up to date, and has their links follow.
func (t importTx) update(ctx context.Context, rows []*importRow, mergersToo bool) (Counts, error) {
	if len(rows) == 0 {
		return Counts{}, nil
	}
	slices.SortFunc(rows, sortRows)
	if err := t.stage(ctx, rows); err != nil {
		return Counts{}, err
	}
	written, err := t.writeAccounts(ctx)
	if err != nil {
		return Counts{}, err
	}
	c, err := t.followAccounts(ctx, mergersToo)
	c.Updated = written
	return c, err
}

// writeAccounts updates the accounts that changed and returns how many. The array finds them
// once, by their key, where a join alone would read all of a table of less than about half a
// million rows. It is an UPDATE, for which a distributed server copies the batch to the shard:
// for an INSERT with ON CONFLICT it copies all accounts of the centre to the coordinator. What
// is returned is counted, because a distributed server reports the rows that were selected.
func (t importTx) writeAccounts(ctx context.Context) (written int64, err error) {
	err = t.GetContext(ctx, &written, `
		WITH written AS (
		UPDATE accounts b SET
			person_digest = s.person_digest, phone_digest = s.phone_digest, status = s.status,
			sealed = s.sealed, row_digest = s.row_digest, updated_at = $2
		FROM import_rows s
		WHERE b.center_id = $1 AND b.account_id = s.account_id AND b.account_id = ANY (ARRAY(SELECT account_id FROM import_rows))
			AND s.row_digest IS DISTINCT FROM b.row_digest
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
func (t importTx) stage(ctx context.Context, rows []*importRow) error {
	_, err := t.ExecContext(ctx, `
		CREATE TEMPORARY TABLE import_rows (
			account_id        uuid  NOT NULL,
			account_no_digest bytea NOT NULL,
			person_digest     bytea NOT NULL,
			phone_digest      bytea,
			status            text  NOT NULL,
			sealed            bytea NOT NULL,
			row_digest        bytea NOT NULL
		) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	return t.copyRows(ctx, `COPY pg_temp.import_rows FROM STDIN`, rows, func(r *importRow) []driver.Value {
		return []driver.Value{r.accountID.String(), r.accountNo, r.person, orNil(r.phone), r.status, r.sealed, r.rowDigest}
	})
}

// copyRows copies the values of each row.
func (t importTx) copyRows(ctx context.Context, statement string, rows []*importRow, values func(*importRow) []driver.Value) error {
	return t.CopyIn(ctx, statement, func(put func(...driver.Value) error) error {
		for _, r := range rows {
			if err := put(values(r)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// orNil returns NULL for nil, unlike for an empty value.
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
