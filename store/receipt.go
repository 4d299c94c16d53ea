package store

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

const (
	// receiptLease is longer than a request may take. A run that died is taken
	// over by the next retry after this.
	receiptLease = 6 * time.Second

	// ReceiptLife is how long a first answer is kept.
	ReceiptLife = 24 * time.Hour
)

// A Receipt remembers the first answer to an Idempotency-Key.
type Receipt struct {
	Scope, KeyDigest, RequestDigest []byte
	OlderDigests                    [][]byte // of the same request, under the pepper's older keys

	// Session is the token digest of the session whose Alipay user is the scope; nil
	// where the scope is another.
	Session []byte

	// Again is set by Claim: an earlier run of this very request ended without an
	// answer, so what it asks for may have been done.
	Again bool
	claim uuid.UUID

	guessUntil *time.Time // names the guess that an earlier run has charged
	guessRight *bool      // its verdict, once it is counted
	guess      bool       // charged: the next run must find it
	keep       bool
}

// Keep tells a repeat of the request that this run has used something up which it alone
// may use again, also where it did nothing else. It may be called on nil.
func (r *Receipt) Keep() {
	if r != nil {
		r.keep = true
	}
}

// An Answer is a reply as it was first given.
type Answer struct {
	Status int    `json:"s"`
	Body   []byte `json:"b"`
	Seed   string `json:"t,omitempty"` // stands in Body for the token that DB.Token makes of it
}

// Claim decides who may run the request behind a key. It returns nil, nil when
// the caller may; the first answer when there is one; ErrConflict when the key
// came with another body; ErrRunning while another run is at it.
func (db *DB) Claim(ctx context.Context, r *Receipt) (*Answer, error) {
	r.claim = uuid.New()
	var answer *Answer
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var claimed []struct {
			CreatedAt  time.Time  `db:"created_at"`
			GuessUntil *time.Time `db:"guess_until"`
			GuessRight *bool      `db:"guess_right"`
		}
		err := tx.SelectContext(ctx, &claimed, `
			INSERT INTO receipts AS r (center_id, scope, key_digest, request_digest, claim, lease_until, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (center_id, scope, key_digest) DO UPDATE
			SET claim = excluded.claim, lease_until = excluded.lease_until
			WHERE r.status IS NULL AND r.lease_until <= $7 AND r.request_digest = ANY ($8)
			RETURNING created_at, guess_until, guess_right`,
			db.center, r.Scope, r.KeyDigest, r.RequestDigest, r.claim, now.Add(receiptLease), now,
			byteas(append(r.OlderDigests, r.RequestDigest)...))
		if err != nil {
			return err
		}
		if len(claimed) > 0 {
			r.Again = claimed[0].CreatedAt.Before(now)
			r.guessUntil, r.guessRight = claimed[0].GuessUntil, claimed[0].GuessRight
			r.guess = r.guessUntil != nil || r.guessRight != nil
			return nil
		}
		answer, err = db.firstAnswer(ctx, tx, r)
		return err
	})
	return answer, err
}

func (db *DB) firstAnswer(ctx context.Context, tx *sqlx.Tx, r *Receipt) (*Answer, error) {
	var row struct {
		Request []byte `db:"request_digest"`
		Status  *int   `db:"status"`
		Sealed  []byte `db:"sealed_reply"`
	}
	err := tx.GetContext(ctx, &row, `
		SELECT request_digest, status, sealed_reply FROM receipts
		WHERE center_id = $1 AND scope = $2 AND key_digest = $3`,
		db.center, r.Scope, r.KeyDigest)
	switch {
	case err != nil:
		return nil, mapNoRows(err, ErrRunning) // given up by its run a moment ago
	case !bytes.Equal(row.Request, r.RequestDigest) && !among(r.OlderDigests, row.Request):
		return nil, ErrConflict
	case row.Status == nil:
		return nil, ErrRunning
	}
	a := new(Answer)
	return a, db.unseal(row.Sealed, "receipts", receiptKey(r.Scope, r.KeyDigest), a)
}

// receiptKey is what a sealed answer is bound to. Digests have one length.
func receiptKey(scope, key []byte) []byte { return slices.Concat(scope, key) }

// Settle keeps the first answer, if the claim still holds. The answer is sealed and
// holds no token: see Answer.Seed.
func (db *DB) Settle(ctx context.Context, r *Receipt, a Answer) error {
	return db.writeClaimed(ctx, r, func(tx *sqlx.Tx, _ time.Time) (sql.Result, error) {
		sealed, err := db.seal(a, "receipts", receiptKey(r.Scope, r.KeyDigest))
		if err != nil {
			return nil, err
		}
		return tx.ExecContext(ctx, `
			UPDATE receipts SET status = $5, sealed_reply = $6
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND claim = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.claim, a.Status, sealed)
	})
}

// Suspend lets the next retry run at once and tells it that this run may have
// done its work: its outcome is not known.
func (db *DB) Suspend(ctx context.Context, r *Receipt) error {
	return db.writeClaimed(ctx, r, func(tx *sqlx.Tx, now time.Time) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE receipts SET lease_until = $5
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND claim = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.claim, now)
	})
}

// GiveUp lets the next retry run at once: this one did nothing. One that has charged a
// guess and not given it back, and one to Keep, is suspended instead.
func (db *DB) GiveUp(ctx context.Context, r *Receipt) error {
	if r.guess || r.keep {
		return db.Suspend(ctx, r)
	}
	return db.writeClaimed(ctx, r, func(tx *sqlx.Tx, _ time.Time) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			DELETE FROM receipts
			WHERE center_id = $1 AND scope = $2 AND key_digest = $3 AND claim = $4 AND status IS NULL`,
			db.center, r.Scope, r.KeyDigest, r.claim)
	})
}

// writeClaimed ends the claim of a run by one statement.
func (db *DB) writeClaimed(ctx context.Context, r *Receipt, write func(*sqlx.Tx, time.Time) (sql.Result, error)) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		return db.onClaimed(ctx, tx, r, func() (sql.Result, error) { return write(tx, now) })
	})
}

// onClaimed follows a receipt that was moved with its citizen to another identifier while
// the request ran, see MoveToOpenID: a statement that finds none is run again under the
// one by which the session goes now. That there is none there either is no error: another
// run has taken over.
func (db *DB) onClaimed(ctx context.Context, tx *sqlx.Tx, r *Receipt, write func() (sql.Result, error)) error {
	res, err := write()
	if err = changedOne(res, err, ErrNotFound); err != ErrNotFound {
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
