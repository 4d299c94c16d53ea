package pgconn

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
)

// Limits of retries where the context has no earlier deadline.
const (
	txRetryLimit   = time.Minute     // of a transaction; a failover takes up to half a minute
	openRetryLimit = 5 * time.Second // of the first connections
	noRetryLimit   = time.Duration(math.MaxInt64)
)

// A Tx is a transaction and its connection, which Tx.CopyIn needs.
type Tx struct {
	*sqlx.Tx
	conn *sqlx.Conn
}

// InTx runs f in a READ COMMITTED transaction and commits it. Writes need a transaction,
// because outside of one a lost answer cannot be distinguished from a lost statement.
//
// f may run more than once. If the network, the server or a conflict causes an error before
// COMMIT, nothing was changed, and f is run again with back-off until ctx ends, for at most
// a minute. Any other error of f rolls back and is returned.
//
// An error of COMMIT itself is ErrUnknownOutcome, except a conflict (rolled back and run
// again) and a constraint violation (rolled back and returned). COMMIT does not use ctx,
// because cancelling it while it waits for a standby would report a success that a failover
// undoes. If ctx ends first, InTx returns ErrUnknownOutcome and the commit goes on in the
// background.
func (p *Pool) InTx(ctx context.Context, f func(tx *Tx) error) error {
	return retry(ctx, txRetryLimit, isRetryable, func() error { return p.runTx(ctx, f) })
}

// InIdempotentTx is InTx for an f that may run again after it was committed. It also
// retries if the outcome of COMMIT is unknown, until ctx ends.
func (p *Pool) InIdempotentTx(ctx context.Context, f func(tx *Tx) error) error {
	again := func(err error) bool { return isRetryable(err) || errors.Is(err, ErrUnknownOutcome) }
	return retry(ctx, noRetryLimit, again, func() error { return p.runTx(ctx, f) })
}

// InTxOnce is InTx without retries, for an f that cannot run twice.
func (p *Pool) InTxOnce(ctx context.Context, f func(tx *Tx) error) error {
	return publicError(ctx, p.runTx(ctx, f))
}

// Read runs f outside a transaction, a second time if the connection was lost or a prepared
// statement was stale. f must not write and must reset its results each time.
func (p *Pool) Read(ctx context.Context, f func(q sqlx.QueryerContext) error) error {
	if err := p.seats.take(ctx); err != nil {
		return publicError(ctx, err)
	}
	defer p.seats.giveBack()
	err := f(p.db)
	if errors.Is(err, errConnLost) || errors.Is(err, errStaleStatement) {
		err = f(p.db)
	}
	return publicError(ctx, err)
}

// retry runs f until it succeeds, returns an error that again refuses, the limit has passed
// or ctx ends.
func retry(ctx context.Context, limit time.Duration, again func(error) bool, f func() error) error {
	start := time.Now()
	for attempt := 0; ; attempt++ {
		err := f()
		if !again(err) || time.Since(start) > limit || !backOff(ctx, attempt) {
			return publicError(ctx, err)
		}
	}
}

// backOff waits a random time that grows with the attempts, from about 10 ms to
// about a second. It returns false if ctx ended.
func backOff(ctx context.Context, attempt int) bool {
	most := min(20*time.Millisecond<<min(attempt, 10), time.Second)
	timer := time.NewTimer(time.Millisecond + rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// runTx runs f in a transaction once.
func (p *Pool) runTx(ctx context.Context, f func(tx *Tx) error) error {
	conn, err := p.connectWriter(ctx)
	if err != nil {
		return err
	}
	tx, err := conn.BeginTxx(detached(ctx), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		p.release(conn)
		return setupError{err}
	}
	finished := false
	defer func() {
		if !finished { // also if f panics, or its locks would stay
			tx.Rollback()
			p.release(conn)
		}
	}()
	if err := f(&Tx{Tx: tx, conn: conn}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // no caller waits for the commit
		return err
	}
	finished = true
	return p.commit(ctx, conn, tx)
}

// connectWriter takes the places of a transaction and a connection, which release gives
// back. The place among the transactions of the share comes before the seat, so that
// transactions that wait leave seats for reads.
func (p *Pool) connectWriter(ctx context.Context) (*sqlx.Conn, error) {
	if err := p.ownWriters.take(ctx); err != nil {
		return nil, err
	}
	if err := p.seats.take(ctx); err != nil {
		p.ownWriters.giveBack()
		return nil, err
	}
	if err := p.writers.take(ctx); err != nil {
		p.seats.giveBack()
		p.ownWriters.giveBack()
		return nil, err
	}
	conn, err := p.db.Connx(ctx)
	if err != nil {
		p.giveBackPlaces()
	}
	return conn, err
}

func (p *Pool) release(conn *sqlx.Conn) {
	conn.Close()
	p.giveBackPlaces()
}

func (p *Pool) giveBackPlaces() {
	p.writers.giveBack()
	p.seats.giveBack()
	p.ownWriters.giveBack()
}

// commit waits for the answer as long as ctx lasts. It keeps its places and the connection
// until the answer arrives.
func (p *Pool) commit(ctx context.Context, conn *sqlx.Conn, tx *sqlx.Tx) error {
	answer := make(chan error, 1)
	p.committing.Add(1)
	go func() {
		defer p.committing.Add(-1)
		err := tx.Commit()
		p.release(conn)
		answer <- err
	}()
	select {
	case err := <-answer:
		return commitError(err)
	case <-ctx.Done():
		return fmt.Errorf("%w: request ended first: %v", ErrUnknownOutcome, ctx.Err())
	}
}
