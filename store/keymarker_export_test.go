package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// BindAsNew binds the centre as a process does that has read it without markers.
func (db *DB) BindAsNew(ctx context.Context) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { return db.bindKeys(ctx, tx, keyMarkers{}, false) })
}
