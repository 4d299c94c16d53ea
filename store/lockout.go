package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// PublicScope is the scope of all callers who are not proven to be the person.
var PublicScope = []byte("public")

// OwnerScope is the scope of a person's linked users of all providers, so that guesses on
// one channel are counted on every other.
var OwnerScope = []byte("owner")

// A LockoutPolicy lists the tiers of a lockout: the n-th tier allows Attempts[n] failed
// attempts and then locks until Until(now)[n]. The last tier repeats.
type LockoutPolicy struct {
	Attempts []int
	Until    func(now time.Time) []time.Time
}

// AttemptLease is how long a reserved attempt may wait for its verdict, which is longer
// than any password check takes. Afterwards the reservation is released.
const AttemptLease = 15 * time.Second

// An AttemptRequest asks to check one password.
type AttemptRequest struct {
	PersonDigest []byte    // of the presented identity, known or not
	Scope        []byte    // PublicScope, OwnerScope, or the identity digest of a user proven to be the person but not linked
	AccountNo    string    // if the caller named the account
	AccountID    uuid.UUID // if the link names the account; failed attempts then become events of it
	Channel      string    // of those events
	Policy       LockoutPolicy
	Source       *UnverifiedSource  // nil: proven to be the person, so no spraying limit applies
	Record       *IdempotencyRecord // of a request with an Idempotency-Key, which is charged once
	refused      bool               // by a spraying limit, or the verdict is known: the charge changes nothing
}

// An Attempt is a charged attempt. It counts against the policy's limit until FailAttempt
// or PassAttempt settles it.
type Attempt struct {
	Admitted    bool       // whether the password may be checked
	Account     *Account   // nil: no such account
	Remaining   int        // attempts left in this tier, pending ones included
	LockedUntil *time.Time // nil: not locked
	Crowded     bool       // not admitted because all remaining attempts are pending
	Spraying    Refusal    // the spraying limit that refused it, if any
	at          time.Time
	lease       *time.Time // identifies the reservation in its scope; nil: nothing is charged
	decided     bool       // an earlier run of this request was charged, and its verdict is known
}

// A lockoutRow is the state of a counter after an attempt.
type lockoutRow struct {
	Admitted    bool       `db:"admitted"`
	Attempts    int        `db:"attempts"`
	Tier        int        `db:"tier"`
	LockedUntil *time.Time `db:"locked_until"`
	Lease       *time.Time `db:"lease"`
}

// fill sets the state of the counter at the time now in a.
func (r lockoutRow) fill(a Attempt, p LockoutPolicy, now time.Time) Attempt {
	if a.LockedUntil = r.LockedUntil; a.LockedUntil != nil && !a.LockedUntil.After(now) {
		a.LockedUntil = nil
	}
	a.Remaining = p.Remaining(r.Attempts, r.Tier, r.LockedUntil, now)
	return a
}

// ReserveAttempt charges one attempt before any password is checked, so that concurrent
// attempts cannot share a charge. A locked, an unknown and an admitted identity cost the
// same statements and one commit each. The charge is a reservation: FailAttempt counts it
// as failed, PassAttempt releases it, and otherwise it is released when its lease ends.
// Each call charges again, except that a repeated request takes over the charge of its
// earlier run. An unverified source that has tried too many persons is not admitted and not
// charged. ReserveAttempt returns ErrRunning if another run of the request has begun.
func (db *DB) ReserveAttempt(ctx context.Context, req AttemptRequest) (Attempt, error) {
	var a Attempt
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		refusal, err := db.checkSpraying(ctx, tx, req, now)
		if err != nil {
			return err
		}
		verdict := req.Record.verdict()
		req.refused = refusal.By != "" || verdict != nil
		b, err := db.charge(ctx, tx, req, now)
		if err != nil {
			return err
		}
		a = b.fill(Attempt{Admitted: b.Admitted, Spraying: refusal, at: now, lease: b.Lease, decided: verdict != nil}, req.Policy, now)
		if a.decided && refusal.By == "" {
			a.Admitted = *verdict
		}
		a.Crowded = !b.Admitted && !req.refused && a.LockedUntil == nil
		if err := db.recordReservation(ctx, tx, req.Record, b.Lease); err != nil {
			return err
		}
		a.Account, err = db.attemptedAccount(ctx, tx, req)
		return err
	})
	if err == nil {
		req.Record.setCharged(a)
	}
	return a, err
}

const (
	// liveAttempts selects the reservations of a scope in ascending order of their leases,
	// without lapsed ones and that of an earlier run of this request.
	liveAttempts = `(array_remove(b.pending, $8::timestamptz))[width_bucket($4::timestamptz, array_remove(b.pending, $8)) + 1:]`

	// tierLimit is the number of attempts that the present tier allows.
	tierLimit = `($5::int[])[least(b.tier + 1, cardinality($5::int[]))]`

	// canReserve reports whether an attempt can be reserved.
	canReserve = `(NOT $7 AND (b.locked_until IS NULL OR b.locked_until <= $4)
		AND cardinality(` + liveAttempts + `) < greatest(1, ` + tierLimit + ` - b.attempts))`
)

// charge reserves an attempt in one statement; see the comment on the table. For a refused
// attempt it runs the same statement and changes no counter. A lease identifies its
// reservation, so it ends at least a microsecond after the previous one.
func (db *DB) charge(ctx context.Context, tx *sqlx.Tx, req AttemptRequest, now time.Time) (lockoutRow, error) {
	var b lockoutRow
	err := tx.GetContext(ctx, &b, `
		INSERT INTO lockouts AS b
			(center_id, person_digest, scope, attempts, tier, locked_until, admitted, refused, updated_at, pending)
		VALUES ($1, $2, $3, 0, 0, NULL, NOT $7, 0, $4, CASE WHEN $7 THEN '{}' ELSE ARRAY[$6::timestamptz] END)
		ON CONFLICT (center_id, person_digest, scope) DO UPDATE SET
			admitted = `+canReserve+`,
			refused  = b.refused + CASE WHEN NOT $7 AND NOT `+canReserve+` THEN 1 ELSE 0 END,
			pending  = `+liveAttempts+` || CASE WHEN `+canReserve+`
				THEN ARRAY[greatest($6, (b.pending[cardinality(b.pending)] AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC')]
				ELSE '{}' END,
			updated_at = $4
		RETURNING admitted, attempts, tier, locked_until, CASE WHEN admitted THEN pending[cardinality(pending)] END AS lease`,
		db.center, req.PersonDigest, req.Scope, now, pq.Array(req.Policy.Attempts), now.Add(AttemptLease), req.refused, req.Record.reservation())
	return b, err
}

// attemptedAccount returns the account whose password is checked: the one that the request
// names, or the person's first open account.
func (db *DB) attemptedAccount(ctx context.Context, tx *sqlx.Tx, req AttemptRequest) (*Account, error) {
	var number []byte
	if req.AccountNo != "" {
		number = db.accountNoDigest(req.AccountNo)
	}
	var id *uuid.UUID
	if req.AccountID != uuid.Nil {
		id = &req.AccountID
	}
	var rows []accountRow
	err := tx.SelectContext(ctx, &rows, `
		SELECT `+accountColumns+`, `+ownPhone+`
		FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id AND `+isPassword+`
		WHERE a.center_id = $1 AND a.person_digest = $2
			AND ($3::bytea IS NULL OR a.account_no_digest = $3)
			AND ($4::uuid IS NULL OR a.account_id = $4)
		ORDER BY a.status IN `+endedStatuses+`, a.status, a.account_id LIMIT 1`,
		db.center, req.PersonDigest, number, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	a, err := db.account(rows[0])
	return &a, err
}

// Remaining returns how many attempts a counter has left. An unlocked counter has at least
// one, even if a stricter policy allows fewer than have failed.
func (p LockoutPolicy) Remaining(attempts, tier int, lockedUntil *time.Time, now time.Time) int {
	if lockedUntil != nil && lockedUntil.After(now) {
		return 0
	}
	return max(1, p.Attempts[min(tier, len(p.Attempts)-1)]-attempts)
}

// timeArray returns times as a parameter, because pq.Array does not support time.Time.
func timeArray(ts []time.Time) any {
	s := make([]string, len(ts))
	for i, t := range ts {
		s[i] = t.Format(time.RFC3339Nano)
	}
	return pq.Array(s)
}
