package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Limits of the difference between the clocks of the database and of this machine. Locks
// and sessions last minutes and are shared by several processes.
const (
	skewLogged  = 2 * time.Second
	skewRefused = 30 * time.Second
)

// clockTimeout bounds one comparison of the clocks.
const clockTimeout = 5 * time.Second

// An anchor is one moment, read from both clocks.
type anchor struct {
	database time.Time
	local    time.Time // with its monotonic reading, which cannot be set
}

// databaseTime returns the database's time at the last comparison plus the monotonic time
// since. Locks, sessions and changes use it, so setting either clock neither ends nor
// prolongs them.
func (s *Server) databaseTime() time.Time {
	a := s.anchored.Load()
	if a == nil { // before the first comparison
		return time.Now()
	}
	return a.database.Add(time.Since(a.local))
}

// checkClock compares this machine's clock with the database's and keeps the difference for
// Ping. If they agree, the comparison becomes the new anchor. If they differ, one of them
// was set, and the anchor is kept. If the database does not answer, nothing changes.
func (s *Server) checkClock(ctx context.Context) {
	if s.wall == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	now, skew, err := s.compareClocks(ctx)
	if err != nil {
		s.log.Warn("cannot compare the clock with the database's", "err", err)
		return
	}
	s.skew.Store(int64(skew))
	if skew.Abs() > skewLogged {
		s.log.Warn("clock differs from the database's", "ahead_seconds", skew.Seconds())
	}
	if s.anchored.Load() == nil || skew.Abs() <= skewRefused {
		s.anchored.Store(&now)
	}
}

// compareClocks returns the time of both clocks and how far the database is ahead. It
// assumes that the database reads its clock in the middle of the call.
func (s *Server) compareClocks(ctx context.Context) (anchor, time.Duration, error) {
	var database, begun, before time.Time
	err := s.read(ctx, func(q sqlx.QueryerContext) error {
		begun, before = time.Now(), s.wall()
		return sqlx.GetContext(ctx, q, &database, `SELECT clock_timestamp()`)
	})
	if err != nil {
		return anchor{}, 0, err
	}
	half := time.Since(begun) / 2
	return anchor{database: database, local: begun.Add(half)}, database.Sub(before.Add(half)), nil
}

// clockTrusted returns ErrUnavailable if the clocks differ by more than skewRefused.
func (s *Server) clockTrusted() error {
	if skew := time.Duration(s.skew.Load()); skew.Abs() > skewRefused {
		return fmt.Errorf("%w: clocks differ by %s", ErrUnavailable, skew.Round(time.Second))
	}
	return nil
}
