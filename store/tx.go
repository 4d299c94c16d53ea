package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// inTx runs f in one transaction and passes the transaction's time. All writes use it. Like
// pgconn.Pool.InTx it may run f more than once.
func (db *DB) inTx(ctx context.Context, f func(tx *sqlx.Tx, now time.Time) error) error {
	ctx, span := startSpan(ctx)
	err := db.pool.InTx(ctx, func(tx *pgconn.Tx) error { return f(tx.Tx, db.clock()) })
	endSpan(span, err)
	return err
}

// read runs f outside a transaction. Like pgconn.Pool.Read it may run f twice.
func (db *DB) read(ctx context.Context, f func(q sqlx.QueryerContext) error) error {
	ctx, span := startSpan(ctx)
	err := db.pool.Read(ctx, f)
	endSpan(span, err)
	return err
}

// clock returns the time as PostgreSQL stores it: UTC, whole microseconds.
func (db *DB) clock() time.Time { return db.now().UTC().Truncate(time.Microsecond) }
