package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
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
	switch pgconn.SQLState(err) {
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

// retainEvents deletes the events of the months before a month's beginning: a
// partition as a whole where it holds no other centre's rows, else row by row.
func (db *DB) retainEvents(ctx context.Context, before time.Time, dryRun bool) (Retained, error) {
	done := Retained{Kind: "events", Before: before}
	if dryRun {
		var err error
		done.Rows, err = db.countOld(ctx, "events", "at < $2", before)
		return done, wrapKind(done.Kind, err)
	}
	names, failed := db.oldPartitions(ctx, before)
	for _, name := range names {
		rows, err := db.dropPartition(ctx, name)
		state := pgconn.SQLState(err)
		switch {
		case err == nil:
			done.Rows += rows
			done.Parts = append(done.Parts, name)
		case errors.Is(err, errShared), state == "42P01": // others' rows in it, or dropped by another process
		case state == "55P03", state == "42501", state == refusedByWorker, pgconn.IsContextError(err): // busy, or not ours to drop: its rows go below, the rest tomorrow
			db.log.Warn("partition of events not dropped", "partition", name, "err", err)
		default:
			failed = errors.Join(failed, err)
		}
	}
	rest, err := db.deleteOld(ctx, rowKind{table: "events", by: "at", where: "at < $2"}, before, retainTime)
	done.Rows += rest
	return done, wrapKind(done.Kind, errors.Join(failed, err))
}

// oldPartitions are the months that end by then.
func (db *DB) oldPartitions(ctx context.Context, before time.Time) ([]string, error) {
	var all, old []string
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'events'::regclass ORDER BY c.relname`)
	})
	for _, name := range all {
		month, err := time.Parse("events_2006_01", name) // events_rest is none
		if err == nil && month.Before(before) {
			old = append(old, name)
		}
	}
	return old, err
}

// refusedByWorker is how a worker of a distributed server answers DDL, which only the
// coordinator does.
const refusedByWorker = "XX000"

// errShared says that a partition holds another centre's events.
var errShared = errors.New("store: partition is shared")

// dropPartition is PostgreSQL's DDL, as createPartition is. It looks before it
// locks: a month that is over gets no more events. Neither look reads the whole
// partition at once.
func (db *DB) dropPartition(ctx context.Context, name string) (rows int64, err error) {
	var others bool
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &others, fmt.Sprintf(`
			SELECT EXISTS (SELECT 1 FROM %[1]s WHERE center_id < $1) OR EXISTS (SELECT 1 FROM %[1]s WHERE center_id > $1)`, name), db.center)
	})
	if err == nil && others {
		err = errShared
	}
	if err == nil {
		rows, err = db.countMonth(ctx, name)
	}
	if err != nil {
		return 0, err
	}
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL lock_timeout = '2s'`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DROP TABLE `+name)
		return err
	})
	return rows, err
}

// countMonth counts a partition day by day.
func (db *DB) countMonth(ctx context.Context, name string) (rows int64, err error) {
	day, err := time.Parse("events_2006_01", name)
	for end := day.AddDate(0, 1, 0); err == nil && day.Before(end); day = day.AddDate(0, 0, 1) {
		var n int64
		err = db.read(ctx, func(q sqlx.QueryerContext) error {
			return sqlx.GetContext(ctx, q, &n, `
				SELECT count(*) FROM `+name+` WHERE center_id = $1 AND at >= $2 AND at < $3`, db.center, day, day.AddDate(0, 0, 1))
		})
		rows += n
	}
	return rows, err
}
