package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Errors of Open for keys that are not the database's. The newest key of a file belongs
// to it: a copy from before a rotation is refused once the rotated file was used.
var (
	ErrOtherColumnKey = errors.New("store: this column key is not the one the centre's data were written with: " +
		"put the right file back, which after a rotation is the rotated one")
	ErrOtherPepper = errors.New("store: this pepper is not the one the centre's passwords were hashed with: " +
		"put the right file back, which after a rotation is the rotated one")
)

// keyMarkers bind a centre to its keys. The column key's is sealed and holds a blind
// index, so it tells both halves of the file; the pepper's is a fingerprint. Each
// follows its file to the newest key.
type keyMarkers struct {
	Column []byte `db:"column_marker"`
	Pepper []byte `db:"pepper_marker"`
}

// bindKeys compares the keys with those the centre is bound to, and binds it to them
// where it is not yet. It writes nothing in a look. ErrConflict means that another
// process has bound it since have was read.
func (db *DB) bindKeys(ctx context.Context, tx *sqlx.Tx, have keyMarkers, look bool) error {
	column, err := db.columnMarker(ctx, tx, have.Column)
	if err != nil {
		return err
	}
	pepper, err := db.pepperMarker(have.Pepper)
	if err != nil || look || bytes.Equal(column, have.Column) && bytes.Equal(pepper, have.Pepper) {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE centers SET column_marker = $2, pepper_marker = $3
		WHERE center_id = $1 AND column_marker IS NOT DISTINCT FROM $4 AND pepper_marker IS NOT DISTINCT FROM $5`,
		db.center, column, pepper, have.Column, have.Pepper)
	return changedOne(res, err, ErrConflict)
}

// columnMarker returns the marker to keep. A centre that has none is older than markers:
// there an account tells the key.
func (db *DB) columnMarker(ctx context.Context, tx *sqlx.Tx, have []byte) ([]byte, error) {
	index := db.cipher.Index("center", []byte(db.center))
	if have == nil {
		if err := db.opensAnAccount(ctx, tx); err != nil {
			return nil, err
		}
		return db.seal(index, "centers", nil)
	}
	var bound []byte
	if err := db.unseal(have, "centers", nil, &bound); err != nil || !bytes.Equal(bound, index) {
		return nil, ErrOtherColumnKey
	}
	if db.cipher.Newest(have) {
		return have, nil
	}
	return db.seal(index, "centers", nil)
}

func (db *DB) opensAnAccount(ctx context.Context, tx *sqlx.Tx) error {
	var row struct {
		ID     uuid.UUID `db:"account_id"`
		Sealed []byte    `db:"sealed"`
	}
	err := tx.GetContext(ctx, &row, `SELECT account_id, sealed FROM accounts WHERE center_id = $1 LIMIT 1`, db.center)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var holder Person
	if err := db.unseal(row.Sealed, "accounts", row.ID[:], &holder); err != nil {
		return ErrOtherColumnKey
	}
	return nil
}

// pepperMarker returns the marker to keep; without the pepper that is the one there is.
func (db *DB) pepperMarker(have []byte) ([]byte, error) {
	if db.pepper == nil {
		return have, nil
	}
	known := db.pepper.Fingerprints("center", []byte(db.center))
	if have != nil && !slices.ContainsFunc(known, func(k []byte) bool { return bytes.Equal(k, have) }) {
		return nil, ErrOtherPepper
	}
	return known[0], nil
}
