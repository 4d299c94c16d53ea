package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// UpgradeHash replaces the hash of a password that has not been changed since a was read.
// Calling it twice is safe.
func (db *DB) UpgradeHash(ctx context.Context, a Account, hash string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE password_credentials SET hash = $4
			WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND hash IS NOT NULL`,
			db.center, a.ID, a.Version, hash)
		return err
	})
}

// MustChange marks a password that has not been changed since a was read as one to be
// replaced. Calling it twice is safe.
func (db *DB) MustChange(ctx context.Context, a Account) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE password_credentials SET state = 'must_change'
			WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND state IN ('initial', 'set')`,
			db.center, a.ID, a.Version)
		return err
	})
}

// PasswordUsed reports whether a password is among the last n of an account, the present
// one excluded, by the fingerprints of those that the owner typed when they were replaced;
// see PasswordFingerprints. It returns the hashes of the others, which the caller verifies.
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

// PasswordFingerprints returns fingerprints of an account's password under each key of the
// pepper, the newest first. A fingerprint recognises the password without storing it.
func (db *DB) PasswordFingerprints(a Account, password string) [][]byte {
	return db.pepper.Fingerprints("password", a.ID[:], []byte(password))
}

// RequestDigests returns fingerprints of a request, which may contain a password, under
// each key of the pepper, the newest first.
func (db *DB) RequestDigests(path string, body []byte) [][]byte {
	return db.pepper.Fingerprints("request", []byte(path), body)
}

// Now returns the time that locks and changes use.
func (db *DB) Now() time.Time { return db.clock() }
