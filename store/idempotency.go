package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

const (
	// idempotencyLease is how long a run owns its record: longer than a request may take.
	// After that the next retry takes the record over.
	idempotencyLease = 6 * time.Second

	// IdempotencyRecordLife is how long a record is kept.
	IdempotencyRecordLife = 24 * time.Hour
)

// An IdempotencyRecord is the record of a request with an Idempotency-Key. It keeps the
// first answer.
type IdempotencyRecord struct {
	Scope, KeyDigest, RequestDigest []byte
	OlderDigests                    [][]byte // request digests under the pepper's older keys

	// Session is the token digest of the session whose user is the scope, or nil if the
	// scope is not a user.
	Session []byte

	// Renew is the token digest of a session that Begin renews, or nil; see RenewSession.
	Renew []byte

	// IsRetry is set by Begin if an earlier run of the request ended without an answer.
	// That run may have taken effect.
	IsRetry bool
	runID   uuid.UUID

	attemptUntil *time.Time // lease of the attempt that an earlier run has charged
	attemptRight *bool      // its verdict, once it is counted
	charged      bool       // the request has charged an attempt, which the next run must find
	keep         bool
}

// Keep makes Release act as MarkUnknown, because the run has consumed something that only a
// retry of the same request may use again. It may be called on nil.
func (r *IdempotencyRecord) Keep() {
	if r != nil {
		r.keep = true
	}
}

// An Answer is the first reply to a request.
type Answer struct {
	Status int    `json:"s"`
	Body   []byte `json:"b"`
	Seed   string `json:"t,omitempty"` // replaces in Body the token that DB.Token derives from it
}

// Begin decides whether the caller may run the request. It returns nil, nil if it may, the
// first answer if there is one, ErrConflict if the key was used with another body,
// ErrRunning while another run is in progress, and ErrNotFound if the session to renew has
// ended.
func (db IdempotencyRecords) Begin(ctx context.Context, r *IdempotencyRecord) (*Answer, error) {
	r.runID = uuid.New()
	var answer *Answer
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if r.Renew != nil {
			if err := db.renewSession(ctx, tx, r.Renew, now); err != nil {
				return err
			}
		}
		var rows []struct {
			CreatedAt    time.Time  `db:"created_at"`
			AttemptUntil *time.Time `db:"attempt_until"`
			AttemptRight *bool      `db:"attempt_right"`
		}
		err := tx.SelectContext(ctx, &rows, `
			INSERT INTO idempotency_records AS r (center_id, scope, key_digest, request_digest, run, lease_until, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (center_id, scope, key_digest) DO UPDATE
			SET run = excluded.run, lease_until = excluded.lease_until
			WHERE r.status IS NULL AND r.lease_until <= $7 AND r.request_digest = ANY ($8)
			RETURNING created_at, attempt_until, attempt_right`,
			db.center, r.Scope, r.KeyDigest, r.RequestDigest, r.runID, now.Add(idempotencyLease), now,
			byteas(append(r.OlderDigests, r.RequestDigest)...))
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			r.IsRetry = rows[0].CreatedAt.Before(now)
			r.attemptUntil, r.attemptRight = rows[0].AttemptUntil, rows[0].AttemptRight
			r.charged = r.attemptUntil != nil || r.attemptRight != nil
			return nil
		}
		answer, err = db.firstAnswer(ctx, tx, r)
		return err
	})
	return answer, err
}

// firstAnswer returns the answer of a record that the caller may not run.
func (db IdempotencyRecords) firstAnswer(ctx context.Context, tx *sqlx.Tx, r *IdempotencyRecord) (*Answer, error) {
	var row struct {
		Request []byte `db:"request_digest"`
		Status  *int   `db:"status"`
		Sealed  []byte `db:"sealed_reply"`
	}
	err := tx.GetContext(ctx, &row, `
		SELECT request_digest, status, sealed_reply FROM idempotency_records
		WHERE center_id = $1 AND scope = $2 AND key_digest = $3`,
		db.center, r.Scope, r.KeyDigest)
	switch {
	case err != nil:
		return nil, mapNoRows(err, ErrRunning) // its run has just released it
	case !bytes.Equal(row.Request, r.RequestDigest) && !among(r.OlderDigests, row.Request):
		return nil, ErrConflict
	case row.Status == nil:
		return nil, ErrRunning
	}
	a := new(Answer)
	return a, db.unseal(row.Sealed, "idempotency_records", idempotencyContext(r.Scope, r.KeyDigest), a)
}

// idempotencyContext returns the row key that a sealed answer is bound to. Digests of one
// length need no separator.
func idempotencyContext(scope, key []byte) []byte { return slices.Concat(scope, key) }

// Complete stores the first answer if the run still owns the record. The answer is sealed
// and contains no token; see Answer.Seed.
func (db IdempotencyRecords) Complete(ctx context.Context, r *IdempotencyRecord, a Answer) error {
	return db.updateRun(ctx, r, func(tx *sqlx.Tx, _ time.Time) (sql.Result, error) {
		sealed, err := db.seal(a, "idempotency_records", idempotencyContext(r.Scope, r.KeyDigest))
		if err != nil {
			return nil, err
		}
		return tx.ExecContext(ctx, `
			UPDATE idempotency_records SET status = $5, sealed_reply = $6
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND run = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.runID, a.Status, sealed)
	})
}

// MarkUnknown ends a run whose outcome is unknown. The next retry may run at once and has
// IsRetry set.
func (db IdempotencyRecords) MarkUnknown(ctx context.Context, r *IdempotencyRecord) error {
	return db.updateRun(ctx, r, func(tx *sqlx.Tx, now time.Time) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE idempotency_records SET lease_until = $5
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND run = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.runID, now)
	})
}

// Release ends a run without effect: it deletes the record, and the next retry may run at
// once. A run that has charged an attempt or called Keep is marked unknown instead.
func (db IdempotencyRecords) Release(ctx context.Context, r *IdempotencyRecord) error {
	if r.charged || r.keep {
		return db.MarkUnknown(ctx, r)
	}
	return db.updateRun(ctx, r, func(tx *sqlx.Tx, _ time.Time) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			DELETE FROM idempotency_records
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND run = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.runID)
	})
}

// updateRun ends a run by one statement.
func (db IdempotencyRecords) updateRun(ctx context.Context, r *IdempotencyRecord, write func(*sqlx.Tx, time.Time) (sql.Result, error)) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		return db.execForRun(ctx, tx, r, func() (sql.Result, error) { return write(tx, now) })
	})
}

// execForRun calls write, which updates the record of a run. If no row matches, the user
// may have been moved to another identifier (see MoveToOpenID), so write is called again
// under the session's present identifier. If no row matches then, another run has taken
// over, which is no error.
func (db IdempotencyRecords) execForRun(ctx context.Context, tx *sqlx.Tx, r *IdempotencyRecord, write func() (sql.Result, error)) error {
	res, err := write()
	if err = changedOne(res, err, ErrNotFound); !errors.Is(err, ErrNotFound) {
		return err
	}
	var scope []byte
	if err := tx.GetContext(ctx, &scope, `
		SELECT identity_digest FROM sessions WHERE center_id = $1 AND token_digest = $2`,
		db.center, r.Session); err != nil || bytes.Equal(scope, r.Scope) {
		return mapNoRows(err, nil)
	}
	r.Scope = scope
	_, err = write()
	return err
}
