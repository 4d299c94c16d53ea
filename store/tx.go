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
	return inTx(ctx, db.pool, func(tx *sqlx.Tx) error { return f(tx, db.clock()) })
}

// inTx is DB.inTx of all centres.
func (s *Server) inTx(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	return inTx(ctx, s.pool, f)
}

func inTx(ctx context.Context, pool *pgconn.Pool, f func(tx *sqlx.Tx) error) error {
	ctx, span := startSpan(ctx)
	err := pool.InTx(ctx, func(tx *pgconn.Tx) error { return f(tx.Tx) })
	endSpan(span, err)
	return err
}

// read runs f outside a transaction. Like pgconn.Pool.Read it may run f twice.
func (db *DB) read(ctx context.Context, f func(q sqlx.QueryerContext) error) error {
	return read(ctx, db.pool, f)
}

// read is DB.read of all centres.
func (s *Server) read(ctx context.Context, f func(q sqlx.QueryerContext) error) error {
	return read(ctx, s.pool, f)
}

func read(ctx context.Context, pool *pgconn.Pool, f func(q sqlx.QueryerContext) error) error {
	ctx, span := startSpan(ctx)
	err := pool.Read(ctx, f)
	endSpan(span, err)
	return err
}

// clock returns the time as PostgreSQL stores it: UTC, whole microseconds.
func (s *Server) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

func (db *DB) clock() time.Time { return db.server.clock() }
