// Package pgconn is a pool of PostgreSQL connections over database/sql and
// lib/pq. It adds what the two leave out:
//
//   - Deadlines. A call returns at most 250 ms after the end of its context, even
//     if the network is down. A call whose context has no deadline gets one.
//   - No hidden repetition. A statement that may have run is never run again by
//     database/sql. Pool.InTx repeats whole transactions, and only those that
//     changed nothing.
//   - Commits that are never cancelled. The end of a request does not turn a
//     COMMIT into a false success; its outcome is known or reported as unknown.
//   - Safe settings. Connection strings that weaken TLS are refused, and
//     statements are prepared by name only without a transaction pooler.
//
// Callers write in Pool.InTx, read in Pool.Read, and test errors with errors.Is.
package pgconn

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Errors of this package. Each may be wrapped.
var (
	// ErrUnavailable reports that the database could not be used and that nothing
	// was changed: it is unreachable, out of connections, read-only or too slow.
	// The same call may succeed later.
	ErrUnavailable = errors.New("pgconn: database unavailable")

	// ErrUnknownOutcome reports that a COMMIT was sent and its answer is not
	// known: the transaction may be committed or not. The caller finds out by
	// repeating it with the same idempotency key, or by reading the row.
	ErrUnknownOutcome = errors.New("pgconn: outcome of commit unknown")

	// ErrRetry is returned by the function of a transaction that conflicts with
	// another one. The transaction is rolled back and run again. If it never
	// succeeds, the caller gets ErrUnavailable.
	ErrRetry = errors.New("pgconn: transaction conflict")
)

// Config is the configuration of a pool.
type Config struct {
	// DSN is a lib/pq connection string or URL; see ErrUnsafeDSN for its rules.
	DSN string
	// MaxConns bounds the open connections; 0 means 20.
	MaxConns int
	// ConnectTimeout bounds the set-up of a connection to one host; 0 means the value of
	// the DSN, at most 2 s.
	ConnectTimeout time.Duration
	// CallTimeout ends a call whose context has no deadline; 0 means 5 s.
	CallTimeout time.Duration
	// Logger receives reports of commits that no standby confirmed; nil discards them.
	Logger *slog.Logger
}

// A Pool is a set of connections to one database, or a share of one. It is safe for
// concurrent use.
type Pool struct {
	*connections
	seats      *seats // nil for the whole set
	ownWriters *seats // the transactions of a share; see writersOf
}

// connections are what a pool and its shares have in common.
type connections struct {
	db           *sqlx.DB
	pooler       bool // whether there is a transaction pooler
	log          *slog.Logger
	writers      *seats       // the transactions of all shares
	unreplicated atomic.Int64 // commits that no standby confirmed
	committing   atomic.Int64 // commits in progress, including those without a waiting caller
}

// Connect checks the connection string, detects a transaction pooler and returns a pool. It
// waits 5 s for a server that does not answer yet, or until ctx ends. The errors are
// ErrUnsafeDSN, ErrUnavailable and those of the server.
func Connect(ctx context.Context, c Config) (*Pool, error) {
	cfg, err := c.parse()
	if err != nil {
		return nil, err
	}
	p := &Pool{connections: &connections{log: c.Logger}}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.pooler, err = hasPooler(ctx, cfg); err != nil {
		return nil, err
	}
	if !p.pooler {
		if cfg, err = withSessionSettings(ctx, cfg); err != nil {
			return nil, publicError(ctx, err)
		}
	}
	conns := cmp.Or(c.MaxConns, 20)
	p.writers = newSeats(writersOf(conns))
	p.db = newDB(&connector{cfg: cfg, named: !p.pooler, notice: p.notice, timeout: c.CallTimeout}, conns)
	return p, nil
}

// writersOf returns how many connections of a pool transactions may use. The others are for
// reads, because a primary that waits for its standbys answers no COMMIT, and soon all
// connections would wait.
func writersOf(conns int) int { return max(1, conns*3/4) }

// ConnectDirect returns a pool of plain lib/pq connections for tools that need a session of
// the server, such as migrations. It returns ErrUnsafeDSN for a transaction pooler.
func ConnectDirect(ctx context.Context, c Config) (*sqlx.DB, error) {
	cfg, err := c.parse()
	if err != nil {
		return nil, err
	}
	pooler, err := hasPooler(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if pooler {
		return nil, fmt.Errorf("%w: connects to a transaction pooler; migrations need the server itself", ErrUnsafeDSN)
	}
	cfg.BinaryParameters = false
	direct, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(sql.OpenDB(direct), "postgres"), nil
}

// View connects once, runs f in a transaction and rolls it back. It neither detects a
// pooler nor retries. If the connection string is accepted, every error is ErrUnavailable,
// including those of f.
func View(ctx context.Context, c Config, f func(tx *sqlx.Tx) error) error {
	cfg, err := c.parse()
	if err != nil {
		return err
	}
	db := newDB(&connector{cfg: cfg, timeout: c.CallTimeout}, 1)
	defer db.Close()
	tx, err := db.BeginTxx(ctx, nil) // keeps one server connection even behind a pooler
	if err != nil {
		return asUnavailable(err)
	}
	defer tx.Rollback()
	return asUnavailable(f(tx))
}

// Ping returns ErrUnavailable unless the server answers and accepts writes.
func (p *Pool) Ping(ctx context.Context) error {
	var readOnly bool
	err := p.Read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &readOnly, `SELECT current_setting('transaction_read_only') = 'on'`)
	})
	if err == nil && readOnly {
		return fmt.Errorf("%w: server is read-only", ErrUnavailable)
	}
	return err
}

// HasPooler reports whether Connect found a transaction pooler, in which case no
// statement is prepared by name.
func (p *Pool) HasPooler() bool { return p.pooler }

// UnreplicatedCommits returns the number of commits since Connect that no standby confirmed.
// Each was reported as ErrUnknownOutcome.
func (p *Pool) UnreplicatedCommits() int64 { return p.unreplicated.Load() }

// notice handles a notice of the server.
func (p *connections) notice(n *pq.Error) {
	if !isUnreplicated(n) {
		return
	}
	p.unreplicated.Add(1)
	p.log.Error("commit not confirmed by a standby; a failover may lose it", "sqlstate", string(n.Code))
}

// closeTimeout is how long Close waits for commits in progress.
const closeTimeout = 5 * time.Second

// Close waits up to 5 s for commits in progress and closes all connections. A share waits
// for its own calls and closes nothing else.
func (p *Pool) Close() error {
	if p.seats != nil {
		p.seats.close()
		return nil
	}
	for start := time.Now(); p.committing.Load() > 0 && time.Since(start) < closeTimeout; {
		time.Sleep(5 * time.Millisecond)
	}
	return p.db.Close()
}
