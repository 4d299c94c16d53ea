package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
)

// Limits of repetition where the context has no earlier deadline.
const (
	patience      = time.Minute     // of a transaction: a failover takes up to half of it
	startPatience = 5 * time.Second // of finding the server at start
)

// inTx runs f in one READ COMMITTED transaction. It is the only way to write:
// outside a transaction a lost answer cannot be told from a lost statement.
//
// f gets the transaction's one time, in UTC and whole microseconds, which is
// what PostgreSQL keeps. f may run more than once: an error before COMMIT that
// the network, the server or a conflict caused means that nothing happened, so
// f is repeated with back-off while ctx lasts. Any other error of f rolls back
// and is returned.
//
// An error of COMMIT itself is ErrUnknownOutcome, except a conflict (rolled
// back, repeated) and a broken constraint (rolled back, returned). COMMIT never
// runs under ctx: cancelling it while it waits for a standby would report a
// success that a failover undoes. If ctx ends first the caller gets
// ErrUnknownOutcome and the commit goes on in the background.
func (db *DB) inTx(ctx context.Context, f func(tx *sqlx.Tx, now time.Time) error) error {
	return repeat(ctx, patience, func() error {
		return db.attempt(ctx, func(_ *sqlx.Conn, tx *sqlx.Tx, now time.Time) error { return f(tx, now) })
	})
}

// repeat runs f until its error is none that time heals, and returns what the
// caller is told.
func repeat(ctx context.Context, limit time.Duration, f func() error) error {
	begun := time.Now()
	for attempt := 0; ; attempt++ {
		err := f()
		if !repeatable(err) || time.Since(begun) > limit || !pause(ctx, attempt) {
			return told(ctx, err)
		}
	}
}

// pause waits a random time that grows with the attempts, from about 10 ms to
// about a second. It reports false when ctx ended.
func pause(ctx context.Context, attempt int) bool {
	most := min(20*time.Millisecond<<min(attempt, 10), time.Second)
	wait := time.NewTimer(time.Millisecond + rand.N(most))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt runs f in a transaction once. The connection is for COPY, which
// database/sql does not know.
func (db *DB) attempt(ctx context.Context, f func(conn *sqlx.Conn, tx *sqlx.Tx, now time.Time) error) error {
	conn, err := db.sql.Connx(ctx)
	if err != nil {
		return err
	}
	tx, err := conn.BeginTxx(whole(ctx), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		conn.Close()
		return startError{err}
	}
	finished := false
	defer func() {
		if !finished { // also when f panics, or its locks would stay
			tx.Rollback()
			conn.Close()
		}
	}()
	if err := f(conn, tx, db.clock()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // nobody would wait for the commit
		return err
	}
	finished = true
	return db.commit(ctx, conn, tx)
}

// commit waits for the answer as long as ctx lasts.
func (db *DB) commit(ctx context.Context, conn *sqlx.Conn, tx *sqlx.Tx) error {
	answer := make(chan error, 1)
	db.committing.Add(1)
	go func() {
		defer db.committing.Add(-1)
		err := tx.Commit()
		conn.Close()
		answer <- err
	}()
	select {
	case err := <-answer:
		return committed(err)
	case <-ctx.Done():
		return fmt.Errorf("%w: request ended first: %v", ErrUnknownOutcome, ctx.Err())
	}
}

// clock is our time as PostgreSQL keeps it: UTC, whole microseconds.
func (db *DB) clock() time.Time { return db.now().UTC().Truncate(time.Microsecond) }

// read runs f outside a transaction, a second time if the connection broke or
// a statement went stale, so f must start from nothing each time.
func (db *DB) read(ctx context.Context, f func(q sqlx.QueryerContext) error) error {
	err := f(db.sql)
	if errors.Is(err, errBroken) || errors.Is(err, errStale) {
		err = f(db.sql)
	}
	return told(ctx, err)
}
