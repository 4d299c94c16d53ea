package store

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fundpass/store/pgconn"
)

// ServerConfig is the configuration of Connect.
type ServerConfig struct {
	// DSN is a lib/pq connection string or URL; see pgconn.ErrUnsafeDSN for its rules.
	DSN string
	// Look makes Connect create no partitions.
	Look bool
	// MaxConns bounds the connections this process opens for all centres; 0 means 20.
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

// A Server is a database and the connections to it, which its centres share. What concerns
// the database as a whole happens once: the comparison of the clocks, the partitions of
// events and the check of the schema. It is safe for concurrent use.
type Server struct {
	pool  *pgconn.Pool
	share int // connections that a centre uses at most
	now   func() time.Time
	log   *slog.Logger

	wall     func() time.Time // compared with the database's clock; nil: not compared
	anchored atomic.Pointer[anchor]
	skew     atomic.Int64 // nanoseconds by which the database's clock is ahead

	life       context.Context // ends with Close
	end        context.CancelFunc
	background sync.WaitGroup
}

// Connect connects to a migrated database; OpenCenter then opens its centres. It waits 5 s
// for a server that does not answer yet, or until ctx ends. The errors are ErrUnsafeDSN,
// ErrUnavailable and ErrNotMigrated.
func Connect(ctx context.Context, c ServerConfig) (*Server, error) {
	c.MaxConns = cmp.Or(c.MaxConns, 20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	pool, err := pgconn.Connect(ctx, pgconn.Config{
		DSN: c.DSN, MaxConns: c.MaxConns, ConnectTimeout: c.ConnectLimit, CallTimeout: c.CallLimit, Logger: c.Log,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{pool: pool, share: c.MaxConns / 2, now: c.Now, log: c.Log}
	if s.now == nil {
		s.now, s.wall = s.databaseTime, time.Now
	}
	s.life, s.end = context.WithCancel(context.Background())
	if err := s.prepare(ctx, c.Look); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.runEvery(time.Minute, s.checkClock)
	s.runEvery(24*time.Hour, s.makePartitions)
	return s, nil
}

// prepare checks the schema, compares the clocks and creates partitions.
func (s *Server) prepare(ctx context.Context, look bool) error {
	if err := s.migrated(ctx); err != nil {
		return err
	}
	s.checkClock(ctx)
	if !look {
		s.makePartitions(ctx)
	}
	return ctx.Err()
}

// runEvery runs f at intervals until Close.
func (s *Server) runEvery(pause time.Duration, f func(context.Context)) {
	s.background.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f(s.life)
			case <-s.life.Done():
				return
			}
		}
	})
}

// Ping reports whether this process may serve: the server accepts writes, the schema is
// migrated, and the clocks differ by at most 30 s. The errors are ErrUnavailable and
// ErrNotMigrated.
func (s *Server) Ping(ctx context.Context) error {
	if err := s.clockTrusted(); err != nil {
		return err
	}
	if err := s.pool.Ping(ctx); err != nil {
		return err
	}
	return s.migrated(ctx)
}

// Pooled reports whether Connect found a transaction pooler, in which case no statement is
// prepared by name.
func (s *Server) Pooled() bool { return s.pool.HasPooler() }

// UnreplicatedCommits returns the number of commits since Connect that no standby confirmed.
// Each was reported as ErrUnknownOutcome.
func (s *Server) UnreplicatedCommits() int64 { return s.pool.UnreplicatedCommits() }

// Close ends the background work, waits a few seconds for commits in progress, and closes
// the connections. The centres cannot be used afterwards.
func (s *Server) Close() error {
	s.end()
	s.background.Wait()
	return s.pool.Close()
}
