// Package store keeps the data of fundpass in PostgreSQL. Each exported method is one
// transaction. Package pgconn provides the connections.
//
// The store runs on one server, on a primary with standbys, behind a transaction
// pooler and on an engine distributed by centre. It holds personal data only as
// keyed digests and sealed columns.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys"
	"fundpass/store/pgconn"
)

// Errors that callers may act on. Each may be wrapped.
var (
	// ErrUnavailable reports that the database could not be used and that nothing was
	// changed. The same call may succeed later.
	ErrUnavailable = pgconn.ErrUnavailable

	// ErrUnknownOutcome reports that a COMMIT was sent and its answer is not known. The
	// caller finds out by repeating the call with the same idempotency key, or by reading
	// the row.
	ErrUnknownOutcome = pgconn.ErrUnknownOutcome

	// ErrUnsafeDSN reports that a connection string is refused. The error names the
	// setting.
	ErrUnsafeDSN = pgconn.ErrUnsafeDSN

	// ErrNotFound reports that the requested row does not exist or is not the caller's.
	ErrNotFound = errors.New("store: not found")

	// ErrNotMigrated reports that the schema is older than this program.
	ErrNotMigrated = errors.New("store: database is not migrated: run fundpass migrate")

	// ErrOtherApp reports that the centre is registered with another Alipay
	// application, or the application with another centre.
	ErrOtherApp = errors.New("store: centre and application do not belong together")
)

// Config is the configuration of Open: that of a server and of its only centre.
type Config struct {
	// DSN is a lib/pq connection string or URL; see pgconn.ErrUnsafeDSN for its rules.
	DSN string
	// Center is the fund centre, 1 to 32 bytes: the first column of every key.
	Center string
	// AppID is the centre's Alipay application.
	AppID string
	// ColumnCipher encrypts columns and makes blind indexes.
	ColumnCipher *keys.ColumnCipher
	// Pepper recognises passwords. It may be nil unless methods that take a password or
	// make a token are called.
	Pepper *keys.Pepper
	// Look makes Open leave the database unchanged: the centre must be registered, and its
	// keys are compared but not bound.
	Look bool
	// MaxConns bounds the connections this process opens; 0 means 20.
	MaxConns int
	// CallLimit ends a statement whose context has no deadline; 0 means 5 s.
	CallLimit time.Duration
	// ConnectLimit bounds the set-up of a connection to one host; 0 means 2 s.
	ConnectLimit time.Duration
	// Now replaces the clock in tests. It is not compared with the database's clock.
	Now func() time.Time
	// Log receives errors that are not returned to a caller; nil discards them.
	Log *slog.Logger
}

// CenterConfig is the configuration of a centre on a Server. Its fields are those of Config.
type CenterConfig struct {
	Center       string
	AppID        string
	ColumnCipher *keys.ColumnCipher
	Pepper       *keys.Pepper
	Look         bool
	Log          *slog.Logger

	// TagTokens makes tokens begin with the centre's id, for processes of several centres; see
	// CenterOfToken.
	TagTokens bool
}

// DB is one centre's part of the database. It is safe for concurrent use.
type DB struct {
	server *Server
	pool   *pgconn.Pool
	only   bool // Close closes the server
	center string
	appID  string
	cipher *keys.ColumnCipher
	pepper *keys.Pepper // nil: not given
	log    *slog.Logger

	tokenTag string // see CenterConfig.TagTokens

	batchTime time.Duration // limit of one transaction that deletes old rows
}

// Open connects to a migrated database and opens one centre, which has the connections for
// itself. It waits 5 s for a server that does not answer yet, or until ctx ends. The errors
// are those of Connect and OpenCenter.
func Open(ctx context.Context, c Config) (*DB, error) {
	center := CenterConfig{Center: c.Center, AppID: c.AppID, ColumnCipher: c.ColumnCipher, Pepper: c.Pepper, Look: c.Look, Log: c.Log}
	if err := center.fill(); err != nil {
		return nil, err
	}
	s, err := Connect(ctx, ServerConfig{DSN: c.DSN, Look: c.Look, MaxConns: c.MaxConns, CallLimit: c.CallLimit, ConnectLimit: c.ConnectLimit, Now: c.Now, Log: c.Log})
	if err != nil {
		return nil, err
	}
	db, err := s.OpenCenter(ctx, center)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	db.only, db.pool = true, s.pool
	return db, nil
}

// OpenCenter registers a centre with its application and its keys. A centre has one
// application and an application one centre. The centre uses at most half of the server's
// connections at once, so that a storm on it leaves the others theirs. The errors are ErrOtherApp, ErrOtherColumnKey,
// ErrOtherPepper and ErrUnavailable.
func (s *Server) OpenCenter(ctx context.Context, c CenterConfig) (*DB, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	db := &DB{server: s, pool: s.pool.Share(s.share), center: c.Center, appID: c.AppID, cipher: c.ColumnCipher, pepper: c.Pepper, log: c.Log, batchTime: batchTime}
	if c.TagTokens {
		db.tokenTag = c.Center + tagMark
	}
	if err := db.register(ctx, c.AppID, c.Look); err != nil {
		return nil, err
	}
	return db, nil
}

// fill checks the configuration and sets defaults.
func (c *CenterConfig) fill() error {
	if n := len(c.Center); n < 1 || n > 32 {
		return errors.New("store: centre must have 1 to 32 bytes")
	}
	if c.AppID == "" {
		return errors.New("store: application id is missing")
	}
	if c.ColumnCipher == nil {
		return errors.New("store: column key is missing")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// register inserts the centre's row and binds it to the keys. Calling it again, also in
// several processes at once, changes nothing.
func (db *DB) register(ctx context.Context, appID string, look bool) error {
	err := db.tryRegister(ctx, appID, look)
	if errors.Is(err, ErrConflict) { // another process was first: compare the keys with its
		err = db.tryRegister(ctx, appID, look)
	}
	return err
}

// tryRegister registers the centre once. It returns ErrConflict if another process has
// bound the keys in between, and ErrOtherApp if the row is missing or of another
// application.
func (db *DB) tryRegister(ctx context.Context, appID string, look bool) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if !look {
			// ON CONFLICT names no columns, because a concurrent insert of the same row
			// may conflict in either unique index.
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO centers (center_id, app_id, created_at) VALUES ($1, $2, $3)
				ON CONFLICT DO NOTHING`, db.center, appID, now); err != nil {
				return err
			}
		}
		var center struct {
			App string `db:"app_id"`
			keyMarkers
		}
		err := tx.GetContext(ctx, &center, `
			SELECT app_id, column_marker, pepper_marker FROM centers WHERE center_id = $1`, db.center)
		if errors.Is(err, sql.ErrNoRows) || err == nil && center.App != appID {
			return fmt.Errorf("%w: centre %s, application %s", ErrOtherApp, db.center, appID)
		}
		if err != nil {
			return err
		}
		return db.bindKeys(ctx, tx, center.keyMarkers, look)
	})
}

// Ping is Server.Ping of the centre's server.
func (db *DB) Ping(ctx context.Context) error { return db.server.Ping(ctx) }

// Pooled reports whether the server was found to be behind a transaction pooler, in which
// case no statement is prepared by name.
func (db *DB) Pooled() bool { return db.pool.HasPooler() }

// HasPepper reports whether the configuration had a pepper.
func (db *DB) HasPepper() bool { return db.pepper != nil }

// UnreplicatedCommits returns the number of commits on the server that no standby confirmed.
// Each was reported as ErrUnknownOutcome.
func (db *DB) UnreplicatedCommits() int64 { return db.pool.UnreplicatedCommits() }

// Close refuses further calls and waits a few seconds for those in progress. It closes the
// server as well if Open connected to it.
func (db *DB) Close() error {
	if db.only {
		return db.server.Close()
	}
	return db.pool.Close()
}
