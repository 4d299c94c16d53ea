package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Limits of the difference between the database's clock and ours. Locks and
// sessions live minutes, and several processes share them.
const (
	skewLogged  = 2 * time.Second
	skewRefused = 30 * time.Second
)

// clockTimeout bounds one comparison of the clocks.
const clockTimeout = 5 * time.Second

// An anchor is a moment of the database's clock and the same moment of ours.
type anchor struct {
	theirs time.Time
	ours   time.Time // with its monotonic part: no operator and no time server moves that
}

// databaseTime is the database's clock, carried by this machine's monotonic
// clock since they were last compared. Locks, sessions and changes live by it,
// so setting this machine's clock, or the database's, opens and lengthens none.
func (db *DB) databaseTime() time.Time {
	a := db.anchored.Load()
	if a == nil { // before the first comparison
		return time.Now()
	}
	return a.theirs.Add(time.Since(a.ours))
}

// checkClock compares this machine's clock with the database's and keeps the
// difference for Ping. While the two agree, the database's time is taken anew;
// when they do not, one of them was moved, and the time we carry goes on. A
// database that does not answer leaves everything as it stands.
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

// compareClocks says what time it is for the database and how far it is ahead
// of this machine, taking its time to stand in the middle of the call.
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
