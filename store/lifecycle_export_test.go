package store

import "github.com/google/uuid"

// OpenNotice reads a row of the outbox, as its worker does.
func (db *DB) OpenNotice(id uuid.UUID, sealed []byte) (n Notice, err error) {
	err = db.unseal(sealed, "outbox", id[:], &n)
	return n, err
}
