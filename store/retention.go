package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// Lives of what is kept longest. The record's life is a setting, see Retention.
const (
	// stepLife is how long a finished change or reset can be looked into. What it
	// did stands in the record.
	stepLife = 90 * 24 * time.Hour

	// lockoutLife is after how long without an attempt a counter that is not locked is
	// deleted. It may belong to a person nobody knows: strangers make them up.
	lockoutLife = 365 * 24 * time.Hour
)

// Bounds of what is deleted at once. Between two batches the database has as long for
// others as the first one took.
const (
	retentionBatch = 2000            // rows, or keys, of one transaction
	batchTime      = 2 * time.Second // of one transaction
	purgeTime      = time.Minute     // of a kind in one Purge
	retainTime     = time.Hour       // of a kind in one Retention
)

// A Retained says what Retention did to one kind of rows, or would do.
type Retained struct {
	Kind   string
	Before time.Time // everything older goes
	Rows   int64     // that went
	Parts  []string  // partitions that went whole, their rows counted in Rows
}

// A kind of rows has a life.
type rowKind struct {
	name, table, by, where string // by: an indexed time; where knows $1, the centre, and $2, the time
	life                   func(now time.Time) time.Time
}

func after(life time.Duration) func(time.Time) time.Time {
	return func(now time.Time) time.Time { return now.Add(-life) }
}

// kinds are what Retention deletes by the time of a row, for a record kept since a time.
func retentionKinds(record time.Time) []rowKind {
	ofRecord := func(time.Time) time.Time { return record }
	return []rowKind{
		{"operators' actions", "operator_actions", "at", "at < $2", ofRecord},
		{"reset codes", "reset_codes", "issued_at", "issued_at < $2 AND expires_at < $2", ofRecord},
		{"changes", "changes", "opened_at", "opened_at < $2 AND (state <> 'open' OR expires_at < $2)", after(stepLife)},
		{"resets", "resets", "opened_at", "opened_at < $2 AND (state NOT IN ('started', 'passed') OR expires_at < $2)", after(stepLife)},
		{"link transfers", "link_transfers", "requested_at", "requested_at < $2 AND (state <> 'waiting' OR expires_at < $2)", after(stepLife)},
	}
}

// Retention deletes what has outlived its use (PIPL article 19, GB/T 35273-2020
// 6.1) and reports each kind of rows: events and operators' actions older than the
// record's years, consents as old that decide nothing any more, finished changes and
// resets, attempts nobody went on with, and what Purge deletes. With dryRun it only
// counts. A lock that has not ended is never forgotten. Events go by whole months, so
// the oldest is up to a month older than the years. Calling it twice, or in several
// processes at once, is safe; what another process deletes is counted there. A
// kind that fails does not keep the others; it comes back in the error.
func (db *DB) Retention(ctx context.Context, years int, dryRun bool) ([]Retained, error) {
	if years < 1 {
		return nil, errors.New("store: the record's years are below 1")
	}
	now := db.clock()
	record := now.AddDate(-years, 0, 0)
	events, failed := db.retainEvents(ctx, months(record, 1)[0], dryRun)
	all := []Retained{events}
	add := func(done []Retained, err error) {
		all, failed = append(all, done...), errors.Join(failed, err)
	}
	add(db.retainKinds(ctx, retentionKinds(record), retainTime, dryRun))
	for _, k := range keyedKinds(now, record) {
		done, err := db.retainKeyed(ctx, k, dryRun)
		add([]Retained{done}, err)
	}
	add(db.retainKinds(ctx, purgeKinds, retainTime, dryRun))
	return all, failed
}

// retainKinds gives each kind so much time.
func (db *DB) retainKinds(ctx context.Context, kinds []rowKind, limit time.Duration, dryRun bool) (all []Retained, failed error) {
	now := db.clock()
	for _, k := range kinds {
		done, err := Retained{Kind: k.name, Before: k.life(now)}, error(nil)
		if dryRun {
			done.Rows, err = db.countOld(ctx, k.table, k.where, done.Before)
		} else {
			done.Rows, err = db.deleteOld(ctx, k, done.Before, limit)
		}
		all, failed = append(all, done), errors.Join(failed, wrapKind(k.name, err))
	}
	return all, failed
}

// wrapKind names what an error kept.
func wrapKind(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (db *DB) countOld(ctx context.Context, table, where string, before time.Time) (n int64, err error) {
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM `+table+` WHERE center_id = $1 AND `+where, db.center, before)
	})
	return n, err
}

// deleteOld deletes in batches until nothing is old any more, or for so long. A batch
// that does not end in its time is tried again with fewer rows.
func (db *DB) deleteOld(ctx context.Context, k rowKind, before time.Time, limit time.Duration) (total int64, err error) {
	end := time.Now().Add(limit)
	for rows := retentionBatch; time.Now().Before(end); {
		begun := time.Now()
		n, err := db.deleteBatch(ctx, k, before, rows)
		total += n
		switch {
		case err == nil && n == 0:
			return total, nil
		case isTimeout(err) && ctx.Err() == nil && rows > 1:
			rows = max(1, rows/8)
		case err != nil:
			return total, err
		}
		if !sleep(ctx, time.Since(begun)) {
			return total, ctx.Err()
		}
	}
	return total, nil
}

// isTimeout reports whether a batch did not end in its time, perhaps in its commit: what
// that has deleted after all, the next batch does not find.
func isTimeout(err error) bool {
	return pgconn.IsContextError(err) || errors.Is(err, ErrUnknownOutcome)
}

// deleteBatch finds its rows once and passes by those that are in use: no request waits
// for more than one batch. It finds them by an index and deletes them by where they
// stand, which costs the same however large the table is and whatever the planner knows.
func (db *DB) deleteBatch(ctx context.Context, k rowKind, before time.Time, rows int) (n int64, err error) {
	ctx, stop := context.WithTimeout(ctx, db.batchTime)
	defer stop()
	statement := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE center_id = $1 AND %[2]s AND ctid = ANY (ARRAY(
			SELECT ctid FROM %[1]s WHERE center_id = $1 AND %[2]s ORDER BY %[3]s LIMIT $3 FOR UPDATE SKIP LOCKED))`,
		k.table, k.where, k.by)
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		res, err := tx.ExecContext(ctx, statement, db.center, before, rows)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		n = 0
	}
	return n, err
}

// sleep reports false when ctx ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	wait := time.NewTimer(pause)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A keyedKind of rows goes in the order of its key, all rows of a key in one
// transaction.
type keyedKind struct {
	name, table, key string
	where            string // of a row r; knows $1, the centre, $2, the time, $3 and $4, the keys, and $5, args
	before           time.Time
	args             []any
}

// walks are for what an index by time would not help: it would cost every attempt a
// second write, and of the consents nearly all are old and stay.
func keyedKinds(now, record time.Time) []keyedKind {
	return []keyedKind{
		{"consents", "consents", "identity_digest", endedConsent, record, nil},
		{"attempts", "lockouts", "person_digest", `r.updated_at < $2 AND (r.locked_until IS NULL OR r.locked_until < $5)`,
			now.Add(-lockoutLife), []any{now}},
	}
}

// endedConsent are consents that decide nothing any more: those before a user's latest
// of a purpose, and the latest of a user who has no link. Their life counts from the
// withdrawal, or else from the later consent, or else from when they were given. The
// latest of a linked user stays, above all a withdrawn one: without it a form would be
// taken for a consent again. Without a link a user starts anew; what came before the
// latest is never younger, so it goes at the same time. The links are asked for within
// the keys of the transaction, or PostgreSQL reads all of them each time. They are of all
// providers, as consents are.
const endedConsent = `r.given_at < $2 AND (r.withdrawn_at IS NULL OR r.withdrawn_at < $2)
	AND CASE WHEN EXISTS (SELECT 1 FROM consents n WHERE n.center_id = $1 AND n.identity_digest = r.identity_digest
			AND n.purpose = r.purpose AND n.given_at > r.given_at)
		THEN r.withdrawn_at IS NOT NULL OR EXISTS (SELECT 1 FROM consents n WHERE n.center_id = $1
			AND n.identity_digest = r.identity_digest AND n.purpose = r.purpose AND n.given_at > r.given_at AND n.given_at < $2)
		ELSE NOT EXISTS (SELECT 1 FROM links l WHERE l.center_id = $1 AND l.identity_digest = r.identity_digest
			AND l.identity_digest > $3 AND l.identity_digest <= $4) END`

// retainKeyed passes by keys that do not go in a batch's time.
func (db *DB) retainKeyed(ctx context.Context, k keyedKind, dryRun bool) (done Retained, failed error) {
	done = Retained{Kind: k.name, Before: k.before}
	for from := []byte{}; ; {
		begun := time.Now()
		to, more, err := db.nextKeys(ctx, k, from)
		if err != nil || to == nil {
			return done, errors.Join(failed, wrapKind(k.name, err))
		}
		n, err := db.retainBetween(ctx, k, [2][]byte{from, to}, dryRun)
		if done.Rows += n; err != nil {
			failed = wrapKind(k.name, err)
		}
		if !more || err != nil && !isTimeout(err) || !sleep(ctx, time.Since(begun)) {
			return done, failed
		}
		from = to
	}
}

// nextKeys returns the last of the next keys, nil when there is none.
func (db *DB) nextKeys(ctx context.Context, k keyedKind, from []byte) (to []byte, more bool, err error) {
	var keys [][]byte
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		keys = nil
		return sqlx.SelectContext(ctx, q, &keys, fmt.Sprintf(`
			SELECT %[1]s FROM %[2]s WHERE center_id = $1 AND %[1]s > $2
			GROUP BY %[1]s ORDER BY %[1]s LIMIT $3`, k.key, k.table), db.center, from, retentionBatch)
	})
	if err != nil || len(keys) == 0 {
		return nil, false, err
	}
	return keys[len(keys)-1], len(keys) == retentionBatch, nil
}

// retainBetween deletes, or counts, what is old of the keys after the first up to the second.
func (db *DB) retainBetween(ctx context.Context, k keyedKind, keys [2][]byte, dryRun bool) (n int64, err error) {
	from := fmt.Sprintf(`FROM %s r WHERE r.center_id = $1 AND r.%s > $3 AND r.%[2]s <= $4 AND %s`, k.table, k.key, k.where)
	args := append([]any{db.center, k.before, keys[0], keys[1]}, k.args...)
	ctx, stop := context.WithTimeout(ctx, db.batchTime)
	defer stop()
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		if dryRun {
			return tx.GetContext(ctx, &n, `SELECT count(*) `+from, args...)
		}
		res, err := tx.ExecContext(ctx, `DELETE `+from, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}
