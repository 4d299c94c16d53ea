package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// monthsAhead is how many months get their partition of events before they begin.
const monthsAhead = 2

// makePartitions makes sure that events has a partition for this month and the
// next two. Where it cannot (no right to create tables, a lock that is held),
// events_rest takes the rows and the log says so. Calling it again, and in
// several processes at once, is safe.
func (db *DB) makePartitions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, month := range months(db.clock(), monthsAhead+1) {
		if err := db.makePartition(ctx, month); err != nil && ctx.Err() == nil {
			db.log.Warn("partition of events not made", "partition", partitionName(month), "err", err)
		}
	}
}

// months returns the beginnings of n months, the first being that of now.
func months(now time.Time, n int) []time.Time {
	var all []time.Time
	for i := range n {
		all = append(all, time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC))
	}
	return all
}

func partitionName(month time.Time) string { return month.Format("events_2006_01") }

func (db *DB) makePartition(ctx context.Context, month time.Time) error {
	name := partitionName(month)
	var there bool
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &there, `SELECT to_regclass($1) IS NOT NULL`, name)
	})
	if err != nil || there {
		return err
	}
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { return createPartition(ctx, tx, month) })
	switch sqlState(err) {
	case "42P07", "23505": // another process was faster
		return nil
	}
	return err
}

// createPartition is PostgreSQL's DDL; other engines write it differently. It
// waits two seconds at most, because the statements of all requests queue
// behind its lock.
func createPartition(ctx context.Context, tx *sqlx.Tx, month time.Time) error {
	if _, err := tx.ExecContext(ctx, `SET LOCAL lock_timeout = '2s'`); err != nil {
		return err
	}
	const day = "2006-01-02 00:00:00+00"
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s PARTITION OF events FOR VALUES FROM ('%s') TO ('%s')`,
		partitionName(month), month.Format(day), month.AddDate(0, 1, 0).Format(day)))
	return err
}
