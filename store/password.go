package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// UpgradeHash replaces the stored form of an unchanged password. A password
// changed in the meantime is left alone. Calling it twice is safe.
func (db *DB) UpgradeHash(ctx context.Context, a Account, hash string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE password_credentials SET hash = $4
			WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND hash IS NOT NULL`,
			db.center, a.ID, a.Version, hash)
		return err
	})
}

// MustChange marks an unchanged password as one to be replaced.
// Calling it twice is safe.
func (db *DB) MustChange(ctx context.Context, a Account) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE password_credentials SET state = 'must_change'
			WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND state IN ('initial', 'set')`,
			db.center, a.ID, a.Version)
		return err
	})
}

// PasswordUsed compares a password with the last n of an account but the present one:
// by fingerprint those that their owner typed as they were replaced, see
// PasswordFingerprints. Of the others it returns the hashes, which the caller verifies.
func (db *DB) PasswordUsed(ctx context.Context, a Account, fingerprints [][]byte, n int) (used bool, others []string, err error) {
	var rows []struct {
		Used bool    `db:"used"`
		Hash *string `db:"hash"`
	}
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT coalesce(fingerprint = ANY ($4), false) AS used, hash FROM password_history
			WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version > $3
			ORDER BY version DESC`,
			db.center, a.ID, a.Version-int64(n), byteas(fingerprints...))
	})
	for _, r := range rows {
		used = used || r.Used
		if r.Hash != nil {
			others = append(others, *r.Hash)
		}
	}
	return used, others, err
}

// PasswordFingerprints recognise a password of an account without keeping it, under each
// key of the pepper. The first is the one to keep.
func (db *DB) PasswordFingerprints(a Account, password string) [][]byte {
	return db.pepper.Fingerprints("password", a.ID[:], []byte(password))
}

// RequestDigests recognise a request, which may hold a password, in the same way.
func (db *DB) RequestDigests(path string, body []byte) [][]byte {
	return db.pepper.Fingerprints("request", []byte(path), body)
}

// Now is the clock that locks and changes live by.
func (db *DB) Now() time.Time { return db.clock() }
