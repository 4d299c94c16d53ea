package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// Limits of the difference between the database's clock and ours. Locks and
// sessions live minutes, and several processes share them.
const (
	skewLogged  = 2 * time.Second
	skewRefused = 30 * time.Second
)

// checkClock compares the clocks and keeps the difference for Ping. A database
// that does not answer leaves the last difference standing.
func (db *DB) checkClock(ctx context.Context) {
	if db.wall == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	skew, err := db.measureSkew(ctx)
	if err != nil {
		db.log.Warn("clock not compared with the database's", "err", err)
		return
	}
	db.skew.Store(int64(skew))
	if skew.Abs() > skewLogged {
		db.log.Warn("clock differs from the database's", "ahead_seconds", skew.Seconds())
	}
}

// measureSkew says how far the database is ahead, taking its time to stand in
// the middle of the call.
func (db *DB) measureSkew(ctx context.Context) (time.Duration, error) {
	var theirs time.Time
	before := db.wall()
	if err := db.sql.GetContext(ctx, &theirs, `SELECT clock_timestamp()`); err != nil {
		return 0, err
	}
	after := db.wall()
	return theirs.Sub(before.Add(after.Sub(before) / 2)), nil
}

func (db *DB) clockTrusted() error {
	if skew := time.Duration(db.skew.Load()); skew.Abs() > skewRefused {
		return fmt.Errorf("%w: clocks differ by %s", ErrUnavailable, skew.Round(time.Second))
	}
	return nil
}

// notice hears what the server says besides its answers.
func (db *DB) notice(n *pq.Error) {
	if !isUnreplicated(n) {
		return
	}
	db.unreplicated.Add(1)
	db.log.Error("commit not confirmed by a standby; a failover may lose it", "sqlstate", string(n.Code))
}
