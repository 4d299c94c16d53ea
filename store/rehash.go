package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// RehashBatch is the number of hashes that Hashes returns at most.
const RehashBatch = 1000

// A StoredHash is a password's hash as read.
type StoredHash struct {
	AccountID uuid.UUID `db:"account_id"`
	Version   int64     `db:"version"`
	Hash      string    `db:"hash"`
}

// A NewHash replaces the hash of the same password.
type NewHash struct {
	Old  StoredHash
	Hash string
}

// Hashes returns the centre's next RehashBatch hashes after an account id, in the order of
// ids. The zero id precedes all others.
func (db Operations) Hashes(ctx context.Context, after uuid.UUID) ([]StoredHash, error) {
	var all []StoredHash
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT account_id, version, hash FROM password_credentials
			WHERE center_id = $1 AND kind = 'password' AND account_id > $2 AND hash IS NOT NULL
			ORDER BY account_id LIMIT $3`,
			db.center, after, RehashBatch)
	})
	return all, err
}

// countStep is the number of hashes that one statement counts.
const countStep = 100_000

// CountHashes returns the number of the centre's hashes. It counts in steps, because no
// statement may read all of them.
func (db Operations) CountHashes(ctx context.Context) (int64, error) {
	return db.countHashes(ctx, countStep)
}

// countHashes counts in steps of most hashes. It takes the maximum of texts, which sort
// like ids, because PostgreSQL 17 has no max(uuid).
func (db Operations) countHashes(ctx context.Context, most int64) (total int64, err error) {
	for after := (uuid.UUID{}); ; {
		var step struct {
			Rows int64         `db:"rows"`
			Last uuid.NullUUID `db:"last"`
		}
		err := db.read(ctx, func(q sqlx.QueryerContext) error {
			return sqlx.GetContext(ctx, q, &step, `
				SELECT count(*) AS rows, max(account_id::text)::uuid AS last FROM (
					SELECT account_id FROM password_credentials
					WHERE center_id = $1 AND kind = 'password' AND account_id > $2 AND hash IS NOT NULL
					ORDER BY account_id LIMIT $3) p`,
				db.center, after, most)
		})
		if total += step.Rows; err != nil || step.Rows < most {
			return total, err
		}
		after = step.Last.UUID
	}
}

// ReplaceHashes replaces hashes in one transaction and returns how many it replaced. A hash
// that has changed since it was read is not replaced. The password's version stays, so an
// open change goes on. Calling it twice is safe.
func (db Operations) ReplaceHashes(ctx context.Context, all []NewHash) (int64, error) {
	ids, versions := make([]string, len(all)), make([]int64, len(all))
	before, after := make([]string, len(all)), make([]string, len(all))
	for i, n := range all {
		ids[i], versions[i], before[i], after[i] = n.Old.AccountID.String(), n.Old.Version, n.Old.Hash, n.Hash
	}
	// The kind is a column of the join, not a literal; see isPassword.
	kinds := slices.Repeat([]string{"password"}, len(all))
	var replaced int64
	err := db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		res, err := tx.ExecContext(ctx, `
			UPDATE password_credentials c SET hash = n.after
			FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[]) AS n (account_id, kind, version, before, after)
			WHERE c.center_id = $1 AND c.account_id = n.account_id AND c.kind = n.kind AND c.version = n.version AND c.hash = n.before`,
			db.center, pq.Array(ids), pq.Array(kinds), pq.Array(versions), pq.Array(before), pq.Array(after))
		if err != nil {
			return err
		}
		replaced, err = res.RowsAffected()
		return err
	})
	return replaced, err
}

// CostliestHashes returns the centre's costliest hash of each kind of slow legacy digest
// (see passwd.SlowKinds), and none for a kind without hashes. It reads one index entry for
// each kind.
func (db *DB) CostliestHashes(ctx context.Context, kinds []string) ([]string, error) {
	var hashes []string
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		hashes = nil
		// The conditions are written as in the index, so that the planner uses it.
		return sqlx.SelectContext(ctx, q, &hashes, `
			SELECT c.hash FROM unnest($2::text[]) AS d (digest), LATERAL (
				SELECT hash FROM password_credentials
				WHERE center_id = $1 AND kind = 'password' AND (hash LIKE '%,pre=bcrypt:%' OR hash LIKE '%,pre=pbkdf2-%')
					AND substring(hash FROM ',pre=(bcrypt|pbkdf2-[a-z0-9]+):') = d.digest
				ORDER BY (substring(hash FROM ',pre=[a-z0-9-]+:([0-9]{1,9})')::integer) DESC LIMIT 1) c`,
			db.center, pq.Array(kinds))
	})
	return hashes, err
}
