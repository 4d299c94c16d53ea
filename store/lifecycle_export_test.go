package store

import "github.com/google/uuid"

// OpenNotice opens the content of a row of the outbox.
func (db *DB) OpenNotice(id uuid.UUID, sealed []byte) (n Notice, err error) {
	err = db.unseal(sealed, "outbox", id[:], &n)
	return n, err
}
