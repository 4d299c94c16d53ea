package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// PublicScope is the scope of everybody who is not proven to be the person.
var PublicScope = []byte("public")

// A LockoutPolicy lists the tiers of a lockout: the n-th tier allows Attempts[n] failed
// attempts and then locks until Until(now)[n]. The last tier repeats.
type LockoutPolicy struct {
	Attempts []int
	Until    func(now time.Time) []time.Time
}

// AttemptLease is how long a reserved attempt may wait for its verdict: longer than any
// check of a password takes. An attempt without a verdict, whose process died, is
// released when its lease has ended.
const AttemptLease = 15 * time.Second

// An AttemptRequest asks to check one password.
type AttemptRequest struct {
	PersonDigest []byte    // of the presented identity, known or not
	Scope        []byte    // PublicScope, or the digest of an Alipay identity proven to be the person
	AccountNo    string    // when the person said which account
	AccountID    uuid.UUID // when the link says which account; then its owner's record gets failed attempts
	Channel      string    // of the request, for that record
	Policy       LockoutPolicy
	Source       *UnverifiedSource  // nil: proven to be the person, whom no limit of spraying concerns
	Record       *IdempotencyRecord // of the request, where it has an Idempotency-Key: it is charged once
	refused      bool               // by such a limit, or its verdict is known: the charge changes nothing
}

// An Attempt is the answer to an AttemptRequest, already charged. It waits for FailAttempt
// or PassAttempt; until then it counts against the policy's limit.
type Attempt struct {
	Admitted    bool       // false: look at no password
	Account     *Account   // nil: nobody known by that identity
	Remaining   int        // attempts left in this tier, those that wait for a verdict among them
	LockedUntil *time.Time // not nil: locked until then
	Crowded     bool       // not admitted because attempts that wait for a verdict are all that is left
	Spraying    Refusal    // why it was not admitted, when that is not the lock
	at          time.Time
	lease       *time.Time // names the reservation in its scope; nil: nothing is charged
	decided     bool       // the verdict of an earlier run of this request is known, and charged
}

type lockoutRow struct {
	Admitted    bool       `db:"admitted"`
	Attempts    int        `db:"attempts"`
	Tier        int        `db:"tier"`
	LockedUntil *time.Time `db:"locked_until"`
	Lease       *time.Time `db:"lease"`
}

// fill adds the state of the counter at the time now.
func (r lockoutRow) fill(a Attempt, p LockoutPolicy, now time.Time) Attempt {
	if a.LockedUntil = r.LockedUntil; a.LockedUntil != nil && !a.LockedUntil.After(now) {
		a.LockedUntil = nil
	}
	a.Remaining = p.Remaining(r.Attempts, r.Tier, r.LockedUntil, now)
	return a
}

// ReserveAttempt charges one attempt before any password is looked at, so attempts
// made at the same moment cannot share a charge. A locked, an unknown and an
// admitted identity cost the same statements and one commit each. What is charged
// is a reservation: FailAttempt turns it into a failed attempt, PassAttempt releases it,
// and so does the end of its lease where neither was called. Each call charges again,
// except that a repeated request takes over what its earlier run has charged. An
// unverified source that tries too many people is not admitted and is charged nothing.
// ErrRunning means that another run of the request has begun meanwhile.
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
	// liveAttempts selects the reservations of a scope, by the ends of their leases in ascending
	// order, without the one of an earlier run of this request and those that have lapsed.
	liveAttempts = `(array_remove(b.pending, $8::timestamptz))[width_bucket($4::timestamptz, array_remove(b.pending, $8)) + 1:]`

	// tierLimit is the number of attempts that the present tier allows.
	tierLimit = `($5::int[])[least(b.tier + 1, cardinality($5::int[]))]`

	// canReserve says whether an attempt is left to be reserved.
	canReserve = `(NOT $7 AND (b.locked_until IS NULL OR b.locked_until <= $4)
		AND cardinality(` + liveAttempts + `) < greatest(1, ` + tierLimit + ` - b.attempts))`
)

// charge reserves an attempt in one statement; see the comment on the table. For a refused
// attempt the same statement runs and changes no counter. The end of its lease names a
// reservation, so it is later than those before it by a microsecond at least.
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

// attemptedAccount returns the account whose password is checked. Of a person's
// several accounts it is the first open one unless the request names another.
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

// Remaining returns how many attempts a counter in this state has left. A counter that
// is not locked has one, even where a stricter policy allows fewer than have failed.
func (p LockoutPolicy) Remaining(attempts, tier int, lockedUntil *time.Time, now time.Time) int {
	if lockedUntil != nil && lockedUntil.After(now) {
		return 0
	}
	return max(1, p.Attempts[min(tier, len(p.Attempts)-1)]-attempts)
}

func timeArray(ts []time.Time) any {
	s := make([]string, len(ts))
	for i, t := range ts {
		s[i] = t.Format(time.RFC3339Nano)
	}
	return pq.Array(s)
}
