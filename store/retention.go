package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Lives of what is kept longest. The record's life is a setting, see Retention.
const (
	// stepLife is how long a finished change or reset can be looked into. What it
	// did stands in the record.
	stepLife = 90 * 24 * time.Hour

	// guessLife is after how long without a guess a lane that is not locked starts
	// anew. A lane may belong to a person nobody knows: strangers make them up.
	guessLife = 365 * 24 * time.Hour
)

// retentionBatch is how many rows one transaction deletes.
const retentionBatch = 2000

// A Retained says what Retention did to one kind of rows, or would do.
type Retained struct {
	Kind   string
	Before time.Time // everything older goes
	Rows   int64     // that went
	Parts  []string  // partitions that went whole, their rows counted in Rows
}

// A kind of rows has a life. Its key, of one column, lets it go in batches.
type kind struct {
	name, table, key, where string // where knows $1, the centre, and $2, the time
	life                    func(now time.Time) time.Time
}

func after(life time.Duration) func(time.Time) time.Time {
	return func(now time.Time) time.Time { return now.Add(-life) }
}

// kinds are what Retention deletes beside events, for a record kept since a time.
func kinds(record time.Time) []kind {
	ofRecord := func(time.Time) time.Time { return record }
	return []kind{
		{"operators' actions", "operator_actions", "action_id", "at < $2", ofRecord},
		{"clerks' codes", "reset_codes", "code_id", "issued_at < $2 AND expires_at < $2", ofRecord},
		{"changes", "changes", "change_id", "opened_at < $2 AND (state <> 'open' OR expires_at < $2)", after(stepLife)},
		{"resets", "resets", "reset_id", "opened_at < $2 AND (state NOT IN ('started', 'passed') OR expires_at < $2)", after(stepLife)},
		{"relinks", "relinks", "relink_id", "asked_at < $2 AND (state <> 'waiting' OR expires_at < $2)", after(stepLife)},
	}
}

// Retention deletes what has outlived its use (PIPL article 19, GB/T 35273-2020
// 6.1) and reports each kind of rows: events and operators' actions older than the
// record's years, finished changes and resets, guesses nobody went on with, and what
// Purge deletes. With dryRun it only counts. A lock that has not ended is never
// forgotten. Events go by whole months, so the oldest is up to a month older than
// the years. Calling it twice, or in several processes at once, is safe; what
// another process deletes is counted there. It stops at the first error with what it did
// until then.
func (db *DB) Retention(ctx context.Context, years int, dryRun bool) ([]Retained, error) {
	if years < 1 {
		return nil, errors.New("store: the record's years are below 1")
	}
	now := db.clock()
	record := now.AddDate(-years, 0, 0)
	events, err := db.retainEvents(ctx, months(record, 1)[0], dryRun)
	all := []Retained{events}
	for _, k := range kinds(record) {
		if err != nil {
			return all, err
		}
		done := Retained{Kind: k.name, Before: k.life(now)}
		if dryRun {
			done.Rows, err = db.countOld(ctx, k.table, k.where, done.Before)
		} else {
			done.Rows, err = db.deleteOld(ctx, k, done.Before)
		}
		all = append(all, done)
	}
	if err != nil {
		return all, err
	}
	guesses, err := db.retainGuesses(ctx, now, dryRun)
	if all = append(all, guesses); err != nil {
		return all, err
	}
	short, err := db.purge(ctx, dryRun)
	return append(all, short...), err
}

func (db *DB) countOld(ctx context.Context, table, where string, before time.Time) (n int64, err error) {
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM `+table+` WHERE center_id = $1 AND `+where, db.center, before)
	})
	return n, err
}

// deleteOld deletes in batches, so that no request waits long for a row. The ARRAY
// makes the sub-select run once.
func (db *DB) deleteOld(ctx context.Context, k kind, before time.Time) (total int64, err error) {
	statement := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE center_id = $1 AND %[3]s AND %[2]s = ANY (ARRAY(
			SELECT %[2]s FROM %[1]s WHERE center_id = $1 AND %[3]s LIMIT $3 FOR UPDATE SKIP LOCKED))`, k.table, k.key, k.where)
	for {
		var n int64
		err := db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
			res, err := tx.ExecContext(ctx, statement, db.center, before, retentionBatch)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
}

// retainGuesses walks the lanes in the order of their key: an index by time would
// cost every guess a second write.
func (db *DB) retainGuesses(ctx context.Context, now time.Time, dryRun bool) (Retained, error) {
	done := Retained{Kind: "guesses", Before: now.Add(-guessLife)}
	const old = `updated_at < $2 AND (locked_until IS NULL OR locked_until < $3)`
	for next := []byte{}; next != nil; {
		var batch [][]byte
		if err := db.read(ctx, func(q sqlx.QueryerContext) error {
			batch = nil
			return sqlx.SelectContext(ctx, q, &batch, `
				SELECT person_digest FROM guess_budgets WHERE center_id = $1 AND person_digest > $2
				GROUP BY person_digest ORDER BY person_digest LIMIT $3`, db.center, next, retentionBatch)
		}); err != nil || len(batch) == 0 {
			return done, err
		}
		from, to := next, batch[len(batch)-1]
		if next = to; len(batch) < retentionBatch {
			next = nil
		}
		var n int64
		err := db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
			args := []any{db.center, done.Before, now, from, to}
			if dryRun {
				return tx.GetContext(ctx, &n, `SELECT count(*) FROM guess_budgets
					WHERE center_id = $1 AND person_digest > $4 AND person_digest <= $5 AND `+old, args...)
			}
			res, err := tx.ExecContext(ctx, `DELETE FROM guess_budgets
				WHERE center_id = $1 AND person_digest > $4 AND person_digest <= $5 AND `+old, args...)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if done.Rows += n; err != nil {
			return done, err
		}
	}
	return done, nil
}
