package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// Further errors that callers may act on.
var (
	ErrConflict        = errors.New("store: conflict with an existing row")
	ErrGone            = errors.New("store: expired, closed or unknown")
	ErrBlocked         = errors.New("store: account frozen or ended, or password frozen")
	ErrLimit           = errors.New("store: daily limit reached")
	ErrNoPhone         = errors.New("store: no phone of the person's own on file")
	ErrTooSoon         = errors.New("store: another SMS code was requested a moment ago")
	ErrCode            = errors.New("store: reset code wrong, used, expired or tried too often")
	ErrCodeSpentByUser = fmt.Errorf("%w: no attempts left for this user", ErrCode)
	ErrCodeSpent       = fmt.Errorf("%w: no attempts left", ErrCode)
	ErrRejected        = errors.New("store: link transfer rejected by the holder")
	ErrRunning         = errors.New("store: another run of the request is in progress")
)

// mapNoRows returns meaning if err is sql.ErrNoRows, and err otherwise.
func mapNoRows(err, meaning error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return meaning
	}
	return err
}

// changedOne returns meaning if the statement changed no row.
func changedOne(res sql.Result, err, meaning error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return meaning
	}
	return err
}
