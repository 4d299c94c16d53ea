package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ErrLapsed says that a guess has waited for its verdict longer than its lease: it is
// given back, so the verdict is nobody's to know.
var ErrLapsed = errors.New("store: the lease of a guess has ended")

// recordTime is how long the record of a wrong guess may keep its verdict waiting.
const recordTime = time.Second

// FailAttempt turns a reserved guess into a wrong one, which is what it costs to learn
// that. right says that the password was right and something else is missing: a repeat of
// the request may look at it again. The answer tells what is left. It runs the same
// statement for a guess that was not admitted, and changes nothing then. The owner's event
// is written in the same transaction; where that fails, or takes too long, the verdict
// stands without it. Calling it twice fails with ErrLapsed.
func (db *DB) FailAttempt(ctx context.Context, g Guess, a Attempt, right bool) (Attempt, error) {
	record := g.AccountID != uuid.Nil && a.Admitted
	failed, err := db.failAttempt(ctx, g, a, right, record)
	if err == nil || !record || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrLapsed) {
		return failed, err
	}
	failed, again := db.failAttempt(ctx, g, a, right, false)
	if again == nil {
		db.log.LogAttrs(ctx, slog.LevelWarn, "wrong password not in the owner's record", slog.String("cause", err.Error()))
	}
	return failed, again
}

func (db *DB) failAttempt(ctx context.Context, g Guess, a Attempt, right, record bool) (Attempt, error) {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		b, err := db.countGuess(ctx, tx, g, a, now)
		if err != nil {
			return err
		}
		a = b.fill(a, g.Budget, now)
		if err := db.noteVerdict(ctx, tx, g.Receipt, b.Admitted, right); err != nil || !record {
			return err
		}
		return db.recordGuess(ctx, tx, g, a, now)
	})
	return a, err
}

func (db *DB) recordGuess(ctx context.Context, tx *sqlx.Tx, g Guess, a Attempt, now time.Time) error {
	ctx, stop := context.WithTimeout(ctx, recordTime)
	defer stop()
	kind := EventPasswordWrong
	if a.LockedUntil != nil {
		kind = EventPasswordLocked
	}
	return db.addEvent(ctx, tx, g.AccountID, kind, now)
}

// isReserved says that the reservation $7 is there to be counted.
const isReserved = `coalesce($7::timestamptz = ANY (b.pending) AND $7 > $4, false)`

// countGuess is the whole lock in one statement. The last wrong guess of a round locks.
func (db *DB) countGuess(ctx context.Context, tx *sqlx.Tx, g Guess, a Attempt, now time.Time) (budgetRow, error) {
	var b budgetRow
	err := tx.GetContext(ctx, &b, `
		UPDATE guess_budgets b SET
			admitted = `+isReserved+`,
			used     = CASE WHEN NOT `+isReserved+` THEN b.used WHEN b.used + 1 >= `+roundLimit+` THEN 0 ELSE b.used + 1 END,
			round    = CASE WHEN `+isReserved+` AND b.used + 1 >= `+roundLimit+`
				THEN least(b.round + 1, cardinality($5::int[]) - 1) ELSE b.round END,
			locked_until = CASE
				WHEN `+isReserved+` AND b.used + 1 >= `+roundLimit+`
					THEN greatest(b.locked_until, ($6::timestamptz[])[least(b.round + 1, cardinality($5::int[]))])
				WHEN NOT `+isReserved+` OR b.locked_until > $4 THEN b.locked_until END,
			pending    = array_remove(b.pending, $7),
			updated_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND lane = $3
		RETURNING admitted, used, round, locked_until`,
		db.center, g.PersonDigest, g.Lane, now, pq.Array(g.Budget.Guesses), timeArray(g.Budget.Until(now)), a.lease)
	if err == nil && a.lease != nil && !b.Admitted {
		err = ErrLapsed
	}
	return b, mapNoRows(err, ErrLapsed) // erased, or the citizen's identifier has changed
}

// PassAttempt forgets the guesses of a lane, and that a stranger tried the person: the
// password was right. It stands apart from what the password was for, because a right
// password is right whatever becomes of that. Guesses of others that wait for their
// verdicts go on waiting. ErrLapsed means that the verdict came too late to count.
func (db *DB) PassAttempt(ctx context.Context, g Guess, a Attempt) error {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.forgive(ctx, tx, g, a); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			UPDATE guess_budgets SET used = 0, round = 0, locked_until = NULL, updated_at = $4,
				pending = array_remove(pending, $5::timestamptz)
			WHERE center_id = $1 AND person_digest = $2 AND lane = $3 AND ($6 OR $5 = ANY (pending) AND $5 > $4)`,
			db.center, g.PersonDigest, g.Lane, now, a.lease, a.judged)
		return changedOne(res, err, ErrLapsed)
	})
	if err == nil {
		g.Receipt.holds(Attempt{})
	}
	return err
}

// Refund forgets the guesses of a lane: whoever is in it just proved
// themselves. Calling it twice is safe.
func (db *DB) Refund(ctx context.Context, personDigest, lane []byte) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE guess_budgets SET used = 0, round = 0, locked_until = NULL, updated_at = $4
			WHERE center_id = $1 AND person_digest = $2 AND lane = $3`,
			db.center, personDigest, lane, now)
		return err
	})
}

// noteReservation keeps with a request's key what the request has charged. A run whose
// claim was taken over charges nothing.
func (db *DB) noteReservation(ctx context.Context, tx *sqlx.Tx, r *Receipt, lease *time.Time) error {
	if r == nil {
		return nil
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE receipts SET guess_until = $5
		WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND claim = $4 AND status IS NULL`,
		db.center, r.Scope, r.KeyDigest, r.claim, lease)
	return changedOne(res, err, ErrRunning)
}

// noteVerdict keeps with a request's key that its guess is counted.
func (db *DB) noteVerdict(ctx context.Context, tx *sqlx.Tx, r *Receipt, counted, right bool) error {
	if r == nil {
		return nil
	}
	return db.onClaimed(ctx, tx, r, func() (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE receipts SET guess_right = CASE WHEN $5 THEN $6 ELSE guess_right END
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND claim = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.claim, counted, right)
	})
}

// reservation is what an earlier run of the request has charged; nil: nothing.
func (r *Receipt) reservation() *time.Time {
	if r == nil {
		return nil
	}
	return r.guessUntil
}

// verdict is whether the password of an earlier run was right; nil: none was counted.
func (r *Receipt) verdict() *bool {
	if r == nil {
		return nil
	}
	return r.guessRight
}

// holds notes whether the request has a guess charged.
func (r *Receipt) holds(a Attempt) {
	if r != nil {
		r.guess = a.lease != nil || a.judged
	}
}
