package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// InTx is inTx.
func (db *DB) InTx(ctx context.Context, f func(tx *sqlx.Tx, now time.Time) error) error {
	return db.inTx(ctx, f)
}

func (db *DB) CompareClock(ctx context.Context, wall func() time.Time) {
	db.server.wall = wall
	db.server.checkClock(ctx)
}

func (db *DB) MakePartitionsAt(ctx context.Context, at time.Time) {
	db.server.now = func() time.Time { return at }
	db.server.makePartitions(ctx)
}

const (
	OwnPhone     = ownPhone
	ConfirmGrace = confirmGrace
)
