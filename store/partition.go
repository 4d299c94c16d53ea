package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// monthsAhead is for how many months ahead partitions of events are created.
const monthsAhead = 2

// makePartitions creates the partitions of events for this month and the next two. If it
// cannot, because of a missing right or a lock, it logs a warning and events_rest takes the
// rows. It may be called repeatedly and by several processes.
func (s *Server) makePartitions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, month := range months(s.clock(), monthsAhead+1) {
		if err := s.makePartition(ctx, month); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot create partition of events", "partition", partitionName(month), "err", err)
		}
	}
}

// months returns the beginnings of n months from the month of now.
func months(now time.Time, n int) []time.Time {
	var all []time.Time
	for i := range n {
		all = append(all, time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC))
	}
	return all
}

func partitionName(month time.Time) string { return month.Format("events_2006_01") }

// makePartition creates the partition of a month unless it exists.
func (s *Server) makePartition(ctx context.Context, month time.Time) error {
	name := partitionName(month)
	var exists bool
	err := s.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &exists, `SELECT to_regclass($1) IS NOT NULL`, name)
	})
	if err != nil || exists {
		return err
	}
	err = s.inTx(ctx, func(tx *sqlx.Tx) error { return createPartition(ctx, tx, month) })
	switch pgconn.SQLState(err) {
	case "42P07", "23505": // created by another process
		return nil
	}
	return err
}

// limitLockWait makes the transaction wait at most two seconds for a lock of a table, because
// the statements of all requests queue behind it. On a distributed server it applies to all
// servers; others ignore the first setting.
func limitLockWait(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, `SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL lock_timeout = '2s'`)
	return err
}

// createPartition creates a partition.
func createPartition(ctx context.Context, tx *sqlx.Tx, month time.Time) error {
	if err := limitLockWait(ctx, tx); err != nil {
		return err
	}
	const day = "2006-01-02 00:00:00+00"
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s PARTITION OF events FOR VALUES FROM ('%s') TO ('%s')`,
		partitionName(month), month.Format(day), month.AddDate(0, 1, 0).Format(day)))
	return err
}

// retainEvents deletes the events before the beginning of a month. It drops a partition
// that has no rows of another centre, and deletes row by row otherwise.
func (db Operations) retainEvents(ctx context.Context, before time.Time, dryRun bool) (Retained, error) {
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
		case errors.Is(err, errShared), state == "42P01": // shared with another centre, or dropped by another process
		case state == "55P03", state == "42501", state == refusedByWorker, pgconn.IsContextError(err): // locked or not permitted: deleteOld deletes its rows
			db.log.Warn("cannot drop partition of events", "partition", name, "err", err)
		default:
			failed = errors.Join(failed, err)
		}
	}
	rest, err := db.deleteOld(ctx, rowKind{table: "events", by: "at", where: "at < $2"}, before, retainTime)
	done.Rows += rest
	return done, wrapKind(done.Kind, errors.Join(failed, err))
}

// oldPartitions returns the partitions of months that end by then.
func (db Operations) oldPartitions(ctx context.Context, before time.Time) ([]string, error) {
	var all, old []string
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'events'::regclass ORDER BY c.relname`)
	})
	for _, name := range all {
		month, err := time.Parse("events_2006_01", name) // fails for events_rest
		if err == nil && month.Before(before) {
			old = append(old, name)
		}
	}
	return old, err
}

// refusedByWorker is the SQLSTATE of a worker of a distributed server for DDL, which only
// the coordinator runs.
const refusedByWorker = "XX000"

// errShared reports that a partition contains another centre's events.
var errShared = errors.New("store: partition is shared")

// dropPartition drops a partition without other centres' rows and returns the number of its
// rows. It reads before it locks, because a past month gets no more events, and in steps
// that do not read the whole partition.
func (db Operations) dropPartition(ctx context.Context, name string) (rows int64, err error) {
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
		if err := limitLockWait(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DROP TABLE `+name)
		return err
	})
	return rows, err
}

// countMonth counts the rows of a partition day by day.
func (db Operations) countMonth(ctx context.Context, name string) (rows int64, err error) {
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
