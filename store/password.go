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
			WHERE center_id = $1 AND account_id = $2 AND version = $3 AND hash IS NOT NULL`,
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
			WHERE center_id = $1 AND account_id = $2 AND version = $3 AND state IN ('initial', 'set')`,
			db.center, a.ID, a.Version)
		return err
	})
}

// PasswordUsed reports whether a fingerprint is among the last n of an account.
func (db *DB) PasswordUsed(ctx context.Context, a Account, fingerprint []byte, n int) (bool, error) {
	var used bool
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &used, `
			SELECT EXISTS (SELECT 1 FROM password_history
				WHERE center_id = $1 AND account_id = $2 AND version > $3 AND fingerprint = $4)`,
			db.center, a.ID, a.Version-int64(n), fingerprint)
	})
	return used, err
}

// PasswordFingerprint recognises a password of an account without keeping it.
func (db *DB) PasswordFingerprint(a Account, password string) []byte {
	return db.box.Index("password history", a.ID[:], []byte(password))
}

// Now is the clock that locks and changes live by.
func (db *DB) Now() time.Time { return db.clock() }
