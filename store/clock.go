package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Limits of the difference between the database's clock and this machine's. Locks
// and sessions last minutes, and several processes share them.
const (
	skewLogged  = 2 * time.Second
	skewRefused = 30 * time.Second
)

// clockTimeout bounds one comparison of the clocks.
const clockTimeout = 5 * time.Second

// An anchor is one moment, read from both clocks.
type anchor struct {
	theirs time.Time // the database's
	ours   time.Time // this machine's, with its monotonic part, which nobody can set
}

// databaseTime returns the database's time when the clocks were last compared, plus
// what has passed since then on this machine's monotonic clock. Locks, sessions and
// changes use it, so setting either clock neither ends nor prolongs them.
func (db *DB) databaseTime() time.Time {
	a := db.anchored.Load()
	if a == nil { // before the first comparison
		return time.Now()
	}
	return a.theirs.Add(time.Since(a.ours))
}

// checkClock compares this machine's clock with the database's and keeps the
// difference for Ping. While the two agree, the comparison becomes the new anchor.
// If they do not, one of them was set, and the anchor stays. If the database does not
// answer, nothing changes.
func (db *DB) checkClock(ctx context.Context) {
	if db.wall == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	now, skew, err := db.compareClocks(ctx)
	if err != nil {
		db.log.Warn("clock not compared with the database's", "err", err)
		return
	}
	db.skew.Store(int64(skew))
	if skew.Abs() > skewLogged {
		db.log.Warn("clock differs from the database's", "ahead_seconds", skew.Seconds())
	}
	if db.anchored.Load() == nil || skew.Abs() <= skewRefused {
		db.anchored.Store(&now)
	}
}

// compareClocks returns the database's time and how far it is ahead of this machine.
// It assumes that the database read its clock in the middle of the call.
func (db *DB) compareClocks(ctx context.Context) (anchor, time.Duration, error) {
	var theirs, begun, before time.Time
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		begun, before = time.Now(), db.wall()
		return sqlx.GetContext(ctx, q, &theirs, `SELECT clock_timestamp()`)
	})
	if err != nil {
		return anchor{}, 0, err
	}
	half := time.Since(begun) / 2
	return anchor{theirs: theirs, ours: begun.Add(half)}, theirs.Sub(before.Add(half)), nil
}

func (db *DB) clockTrusted() error {
	if skew := time.Duration(db.skew.Load()); skew.Abs() > skewRefused {
		return fmt.Errorf("%w: clocks differ by %s", ErrUnavailable, skew.Round(time.Second))
	}
	return nil
}
