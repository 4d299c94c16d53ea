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
	db.wall = wall
	db.checkClock(ctx)
}

func (db *DB) MakePartitionsAt(ctx context.Context, at time.Time) {
	db.now = func() time.Time { return at }
	db.makePartitions(ctx)
}

const (
	OwnPhone     = ownPhone
	ConfirmGrace = confirmGrace
)
