package store

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// importLimit bounds one transaction of an import: it is not a citizen who waits.
const importLimit = 2 * time.Minute

// importTx is a transaction together with its connection, which COPY needs.
type importTx struct {
	*sqlx.Tx
	db   *DB
	conn *sqlx.Conn
	now  time.Time
}

// inImportTx is inTx for an import. f must be safe to repeat even after it was
// committed: it is run again when the outcome of COMMIT is unknown.
//
// Imports of a centre take turns, batch by batch, because two that insert the
// same account meet each other's unfinished rows in two unique indexes, where
// ON CONFLICT answers for only one.
func (db *DB) inImportTx(ctx context.Context, f func(importTx) error) error {
	ctx, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	for attempt := 0; ; attempt++ {
		err := db.importAttempt(ctx, f)
		again := repeatable(err) || errors.Is(err, ErrUnknownOutcome)
		if !again || !pause(ctx, attempt) {
			return told(ctx, err)
		}
	}
}

func (db *DB) importAttempt(ctx context.Context, f func(importTx) error) error {
	return db.attempt(ctx, func(conn *sqlx.Conn, tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			SELECT 1 FROM centers WHERE center_id = $1 FOR NO KEY UPDATE`, db.center); err != nil {
			return err
		}
		return f(importTx{Tx: tx, db: db, conn: conn, now: now})
	})
}

// merge brings b into accounts and password_credentials. An account always has a
// credential, so the credentials that were missing count the accounts that are new.
// Where mergersToo is false, links of merged accounts wait for followMerged.
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
	written, added, err := t.write(ctx, rows)
	if err != nil {
		return Counts{}, err
	}
	var c Counts
	if added < int64(len(rows)) { // a new account has no link
		c, err = t.followAccounts(ctx, rows, mergersToo)
	}
	written -= int64(len(restricted)) // which are all written, and are no depositors
	c.Added, c.Updated, c.Unchanged = added, written-added, int64(len(taken))-written
	c.Refused = int64(len(b.Shortened))
	return c, err
}

// write says how many accounts were new or changed, and how many were new. The rows
// come as arrays, not by a temporary table: a distributed planner joins no such table.
func (t importTx) write(ctx context.Context, rows []importRow) (written, added int64, err error) {
	changed, err := t.changedRows(ctx, rows)
	if err != nil || len(changed) == 0 {
		return 0, 0, err
	}
	c := columnsOfRows(changed)
	written, err = t.affected(ctx, `
		INSERT INTO accounts AS a
			(center_id, account_id, account_no_digest, person_digest, phone_digest, status, sealed, row_digest, updated_at)
		SELECT $1, s.account_id, s.account_no_digest, s.person_digest, nullif(s.phone_digest, ''), s.status, s.sealed, s.row_digest, $2
		FROM unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[], $8::bytea[], $9::bytea[])
			AS s (account_id, account_no_digest, person_digest, phone_digest, status, sealed, row_digest)
		ON CONFLICT (center_id, account_id) DO UPDATE SET
			person_digest = excluded.person_digest, phone_digest = excluded.phone_digest,
			status = excluded.status, sealed = excluded.sealed, row_digest = excluded.row_digest, updated_at = excluded.updated_at
		WHERE a.row_digest <> excluded.row_digest`,
		t.db.center, t.now, c.accounts, c.accountNos, c.persons, c.phones, c.statuses, c.sealed, c.rowDigests)
	if err != nil {
		return 0, 0, err
	}
	added, err = t.affected(ctx, `
		INSERT INTO password_credentials (center_id, account_id, version, state, initial_rule, hash)
		SELECT $1, s.account_id, 1, s.state, nullif(s.initial_rule, ''), nullif(s.hash, '')
		FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS s (account_id, state, initial_rule, hash)
		ON CONFLICT (center_id, account_id) DO NOTHING`,
		t.db.center, c.accounts, c.states, c.initialRules, c.hashes)
	return written, added, err
}

// changedRows are the rows that are new or differ. An unchanged one is not even
// locked, which would write it.
func (t importTx) changedRows(ctx context.Context, rows []importRow) (changed []importRow, _ error) {
	var found []struct {
		ID     uuid.UUID `db:"account_id"`
		Digest []byte    `db:"row_digest"`
	}
	err := t.SelectContext(ctx, &found, `
		SELECT account_id, row_digest FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`,
		t.db.center, accountIDs(rows))
	held := make(map[uuid.UUID][]byte, len(found))
	for _, a := range found {
		held[a.ID] = a.Digest
	}
	for _, r := range rows {
		if digest, there := held[r.accountID]; !there || !bytes.Equal(digest, r.rowDigest) {
			changed = append(changed, r)
		}
	}
	return changed, err
}

func accountIDs(rows []importRow) pq.StringArray {
	ids := make(pq.StringArray, len(rows))
	for i, r := range rows {
		ids[i] = r.accountID.String()
	}
	return ids
}

// rowColumns are rows turned into arrays, as unnest takes them; what is not there is
// empty in them, and NULL in the tables.
type rowColumns struct {
	accountNos, persons, phones, sealed, rowDigests  pq.ByteaArray
	accounts, statuses, states, initialRules, hashes pq.StringArray
}

func columnsOfRows(rows []importRow) rowColumns {
	c := rowColumns{accounts: accountIDs(rows)}
	for _, r := range rows {
		c.accountNos, c.persons, c.phones = append(c.accountNos, r.accountNo), append(c.persons, r.person), append(c.phones, r.phone)
		c.statuses, c.sealed, c.rowDigests = append(c.statuses, r.status), append(c.sealed, r.sealed), append(c.rowDigests, r.rowDigest)
		c.states, c.initialRules, c.hashes = append(c.states, r.state), append(c.initialRules, r.initialRule), append(c.hashes, r.hash)
	}
	return c
}

func (t importTx) affected(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// copyIn runs a COPY ... FROM STDIN within the transaction that is open on c. It
// takes the rows as they come.
func (c *conn) copyIn(ctx context.Context, statement string, each func(put func(...driver.Value) error) error) error {
	ctx, release := c.begin(ctx, c.limit)
	defer release()
	s, err := c.pqConn.PrepareContext(ctx, statement)
	if err != nil {
		return c.fail(ctx, err)
	}
	defer s.Close() // after an error it brings the connection out of COPY
	err = each(func(row ...driver.Value) error {
		_, err := s.Exec(row) //nolint:staticcheck // lib/pq's COPY statement has no ExecContext
		return err
	})
	if err != nil {
		return c.fail(ctx, err)
	}
	_, err = s.Exec(nil) //nolint:staticcheck // ends the COPY and reports its errors
	return c.fail(ctx, err)
}

// orNil tells NULL from an empty value.
func orNil(b []byte) driver.Value {
	if b == nil {
		return nil
	}
	return b
}
