package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// OneTimeLife is how long a one-time token is valid.
const OneTimeLife = 10 * time.Minute

// ErrOneTime reports that a one-time token is not valid: it was changed, has another purpose or
// binding, or has expired.
var ErrOneTime = errors.New("store: one-time token is not valid")

// A OneTimePurpose separates the one-time tokens of different uses.
type OneTimePurpose string

// The purposes of one-time tokens.
const (
	OneTimeCaptcha OneTimePurpose = "one-time captcha"
	OneTimeSignIn  OneTimePurpose = "one-time sign-in at an issuer"
)

// A oneTime is the content of a one-time token.
type oneTime struct {
	Until time.Time `json:"u"`
	Value []byte    `json:"v"`
}

// NewOneTime returns a token that holds value, sealed, for OneTimeLife. Any process can open it,
// and a row is written only when it is spent. binding identifies who may use it, for example a
// browser; OpenOneTime needs the same.
func (db *DB) NewOneTime(purpose OneTimePurpose, binding, value []byte) (string, error) {
	return db.SealFor(string(purpose), binding, oneTime{db.clock().Add(OneTimeLife), value})
}

// OpenOneTime returns the value of a token that has not expired, spent or not, or ErrOneTime.
func (db *DB) OpenOneTime(purpose OneTimePurpose, binding []byte, token string) ([]byte, error) {
	var o oneTime
	if err := db.UnsealFor(string(purpose), binding, token, &o); err != nil || !db.clock().Before(o.Until) {
		return nil, ErrOneTime
	}
	return o.Value, nil
}

// SpendOneTime opens a token and marks it as used. Over all processes the first call returns
// the value, and every other ErrConflict.
func (db *DB) SpendOneTime(ctx context.Context, purpose OneTimePurpose, binding []byte, token string) ([]byte, error) {
	value, err := db.OpenOneTime(purpose, binding, token)
	if err != nil {
		return nil, err
	}
	return value, db.spend(ctx, db.cipher.Index("one-time token", []byte(token)))
}

// spend marks a value that is valid once as used, or returns ErrConflict if it was before.
func (db *DB) spend(ctx context.Context, digest []byte) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO spent_values (center_id, value_digest, spent_at) VALUES ($1, $2, $3)
			ON CONFLICT (center_id, value_digest) DO NOTHING`,
			db.center, digest, now)
		return changedOne(res, err, ErrConflict)
	})
}
