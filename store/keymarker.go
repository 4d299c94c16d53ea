package store

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jmoiron/sqlx"
)

// Errors of Open for keys that the centre is not bound to. The centre is bound to the newest
// key of a file, so a copy from before a rotation is refused once the rotated file was used.
var (
	ErrOtherColumnKey = errors.New("store: the centre's data was written with another column key: " +
		"restore the right file, after a rotation the rotated one")
	ErrOtherPepper = errors.New("store: the centre's passwords were hashed with another pepper: " +
		"restore the right file, after a rotation the rotated one")
)

// keyMarkers bind a centre to its keys. The column marker is sealed and contains a blind
// index, so it identifies both halves of the column key; the pepper marker is a
// fingerprint. Each is replaced when its file gets a newer key.
type keyMarkers struct {
	Column []byte `db:"column_marker"`
	Pepper []byte `db:"pepper_marker"`
}

// bindKeys compares the keys with those the centre is bound to, and binds the centre if it
// is not bound yet. With look it writes nothing. It returns ErrConflict if another process
// has bound the centre after have was read.
func (db *DB) bindKeys(ctx context.Context, tx *sqlx.Tx, have keyMarkers, look bool) error {
	column, err := db.columnMarker(have.Column)
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

// columnMarker returns the marker to keep; have is nil for a new centre.
func (db *DB) columnMarker(have []byte) ([]byte, error) {
	index := db.cipher.Index("center", []byte(db.center))
	if have == nil {
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

// pepperMarker returns the marker to keep, which is have if no pepper is given.
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
