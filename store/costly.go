package store

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

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
