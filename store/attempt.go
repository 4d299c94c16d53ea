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

// ErrLapsed reports that the lease of an attempt ended before its verdict. The attempt has
// been released, so the caller must not reveal the verdict.
var ErrLapsed = errors.New("store: the lease of an attempt has ended")

// recordTime bounds how long the event of a failed attempt may delay the reply.
const recordTime = time.Second

// FailAttempt counts a reserved attempt as failed and returns the attempts left. right
// reports that the password was right and another proof is missing; a retry of the request
// may then check the password again. For an attempt that was not admitted FailAttempt runs
// the same statement and changes nothing. The owner's event is written in the same
// transaction; if that fails or takes too long, the attempt is counted without it. A second
// call returns ErrLapsed.
func (db *DB) FailAttempt(ctx context.Context, req AttemptRequest, a Attempt, right bool) (Attempt, error) {
	record := req.AccountID != uuid.Nil && a.Admitted
	failed, err := db.failAttempt(ctx, req, a, right, record)
	if err == nil || !record || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrLapsed) {
		return failed, err
	}
	failed, again := db.failAttempt(ctx, req, a, right, false)
	if again == nil {
		db.log.LogAttrs(ctx, slog.LevelWarn, "event of a failed attempt not written", slog.String("cause", err.Error()))
	}
	return failed, again
}

// failAttempt counts a failed attempt in one transaction, with its event if record is set.
func (db *DB) failAttempt(ctx context.Context, req AttemptRequest, a Attempt, right, record bool) (Attempt, error) {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		b, err := db.countAttempt(ctx, tx, req, a, now)
		if err != nil {
			return err
		}
		a = b.fill(a, req.Policy, now)
		if err := db.recordVerdict(ctx, tx, req.Record, b.Admitted, right); err != nil || !record {
			return err
		}
		return db.recordAttempt(ctx, tx, req, a, now)
	})
	return a, err
}

// recordAttempt adds the event of a failed attempt. It has a time limit of its own, so that
// a locked table of events does not delay the reply.
func (db *DB) recordAttempt(ctx context.Context, tx *sqlx.Tx, req AttemptRequest, a Attempt, now time.Time) error {
	ctx, stop := context.WithTimeout(ctx, recordTime)
	defer stop()
	kind := EventPasswordWrong
	if a.LockedUntil != nil {
		kind = EventPasswordLocked
	}
	return db.addEvent(ctx, tx, req.AccountID, kind, req.Channel, now)
}

// isReserved reports whether the reservation $7 exists and is within its lease.
const isReserved = `coalesce($7::timestamptz = ANY (b.pending) AND $7 > $4, false)`

// countAttempt counts a failed attempt in one statement. The last attempt of a tier locks
// the scope.
func (db *DB) countAttempt(ctx context.Context, tx *sqlx.Tx, req AttemptRequest, a Attempt, now time.Time) (lockoutRow, error) {
	var b lockoutRow
	err := tx.GetContext(ctx, &b, `
		UPDATE lockouts b SET
			admitted = `+isReserved+`,
			attempts = CASE WHEN NOT `+isReserved+` THEN b.attempts WHEN b.attempts + 1 >= `+tierLimit+` THEN 0 ELSE b.attempts + 1 END,
			tier     = CASE WHEN `+isReserved+` AND b.attempts + 1 >= `+tierLimit+`
				THEN least(b.tier + 1, cardinality($5::int[]) - 1) ELSE b.tier END,
			locked_until = CASE
				WHEN `+isReserved+` AND b.attempts + 1 >= `+tierLimit+`
					THEN greatest(b.locked_until, ($6::timestamptz[])[least(b.tier + 1, cardinality($5::int[]))])
				WHEN NOT `+isReserved+` OR b.locked_until > $4 THEN b.locked_until END,
			pending    = array_remove(b.pending, $7),
			updated_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND scope = $3
		RETURNING admitted, attempts, tier, locked_until`,
		db.center, req.PersonDigest, req.Scope, now, pq.Array(req.Policy.Attempts), timeArray(req.Policy.Until(now)), a.lease)
	if err == nil && a.lease != nil && !b.Admitted {
		err = ErrLapsed
	}
	return b, mapNoRows(err, ErrLapsed) // erased, or the citizen's identifier has changed
}

// PassAttempt resets the attempts of a scope and undoes the spray count of an unverified
// source, because the password was right. It is separate from the operation that needed the
// password, so that the reset remains if the operation fails. Other pending attempts are
// kept. PassAttempt returns ErrLapsed if the lease has ended.
func (db *DB) PassAttempt(ctx context.Context, req AttemptRequest, a Attempt) error {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		return db.passAttempt(ctx, tx, &Passed{req, a}, now)
	})
	if err == nil {
		req.Record.setCharged(Attempt{})
	}
	return err
}

// A Passed is an attempt with the right password. Operations that need the password take
// it, so that the attempt passes in their transaction.
type Passed struct {
	Request AttemptRequest
	Attempt Attempt
}

// passAttempt is PassAttempt within a transaction. It ignores a nil p. A decided attempt
// needs no reservation, because an earlier run of the request has settled it.
func (db *DB) passAttempt(ctx context.Context, tx *sqlx.Tx, p *Passed, now time.Time) error {
	if p == nil {
		return nil
	}
	if err := db.undoSprayCount(ctx, tx, p.Request, p.Attempt); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE lockouts SET attempts = 0, tier = 0, locked_until = NULL, updated_at = $4,
			pending = array_remove(pending, $5::timestamptz)
		WHERE center_id = $1 AND person_digest = $2 AND scope = $3 AND ($6 OR $5 = ANY (pending) AND $5 > $4)`,
		db.center, p.Request.PersonDigest, p.Request.Scope, now, p.Attempt.lease, p.Attempt.decided)
	return changedOne(res, err, ErrLapsed)
}

// ResetAttempts resets the counter of a scope whose caller has just been proven to be the
// person. Calling it twice is safe.
func (db *DB) ResetAttempts(ctx context.Context, personDigest, scope []byte) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE lockouts SET attempts = 0, tier = 0, locked_until = NULL, updated_at = $4
			WHERE center_id = $1 AND person_digest = $2 AND scope = $3`,
			db.center, personDigest, scope, now)
		return err
	})
}

// recordReservation stores the reservation in the request's idempotency record. It returns
// ErrRunning if another run has taken over.
func (db *DB) recordReservation(ctx context.Context, tx *sqlx.Tx, r *IdempotencyRecord, lease *time.Time) error {
	if r == nil {
		return nil
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE idempotency_records SET attempt_until = $5
		WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND run = $4 AND status IS NULL`,
		db.center, r.Scope, r.KeyDigest, r.runID, lease)
	return changedOne(res, err, ErrRunning)
}

// recordVerdict stores in the request's idempotency record that its attempt is counted, and
// whether the password was right.
func (db *DB) recordVerdict(ctx context.Context, tx *sqlx.Tx, r *IdempotencyRecord, counted, right bool) error {
	if r == nil {
		return nil
	}
	return db.IdempotencyRecords().execForRun(ctx, tx, r, func() (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE idempotency_records SET attempt_right = CASE WHEN $5 THEN $6 ELSE attempt_right END
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND run = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.runID, counted, right)
	})
}

// reservation returns the reservation of an earlier run of the request, or nil.
func (r *IdempotencyRecord) reservation() *time.Time {
	if r == nil {
		return nil
	}
	return r.attemptUntil
}

// verdict returns whether the password of an earlier run was right, or nil if no attempt
// was counted.
func (r *IdempotencyRecord) verdict() *bool {
	if r == nil {
		return nil
	}
	return r.attemptRight
}

// setCharged records whether the request has charged an attempt.
func (r *IdempotencyRecord) setCharged(a Attempt) {
	if r != nil {
		r.charged = a.lease != nil || a.decided
	}
}
