package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// PublicLane is the lane of everybody who is not proven to be the person.
var PublicLane = []byte("public")

// A Budget says how many guesses a round has and what ends it: the n-th round
// allows Guesses[n] and then locks until Until(now)[n]. The last round repeats.
type Budget struct {
	Guesses []int
	Until   func(now time.Time) []time.Time
}

// AttemptLease is how long a charged guess may wait for its verdict: longer than any
// check of a password takes. One without a verdict, whose process died, is given back
// when it has ended.
const AttemptLease = 15 * time.Second

// A Guess is the wish to check one password.
type Guess struct {
	PersonDigest []byte    // of the presented identity, known or not
	Lane         []byte    // PublicLane, or the digest of an Alipay identity proven to be the person
	AccountNo    string    // when the person said which account
	AccountID    uuid.UUID // when the link says which account; then its owner's record gets wrong guesses
	Budget       Budget
	Stranger     *Stranger // nil: proven to be the person, whom no limit of spraying concerns
	Receipt      *Receipt  // of the request, where it has an Idempotency-Key: it is charged once
	refused      bool      // by such a limit, or judged before: the charge changes nothing
}

// An Attempt is the answer to a Guess, already paid for. It waits for FailAttempt or
// PassAttempt; until then it counts against the budget.
type Attempt struct {
	Admitted    bool       // false: look at no password
	Account     *Account   // nil: nobody known by that identity
	Remaining   int        // guesses left in this round, those that wait for a verdict among them
	LockedUntil *time.Time // not nil: locked until then
	Crowded     bool       // not admitted because guesses that wait for a verdict are all that is left
	Spraying    Refusal    // why it was not admitted, when that is not the lock
	at          time.Time
	lease       *time.Time // names the reservation in its lane; nil: nothing is charged
	judged      bool       // the verdict of an earlier run of this request is known, and paid for
}

type budgetRow struct {
	Admitted    bool       `db:"admitted"`
	Used        int        `db:"used"`
	Round       int        `db:"round"`
	LockedUntil *time.Time `db:"locked_until"`
	Lease       *time.Time `db:"lease"`
}

// fill adds what the row says of its lane at the time now.
func (r budgetRow) fill(a Attempt, b Budget, now time.Time) Attempt {
	if a.LockedUntil = r.LockedUntil; a.LockedUntil != nil && !a.LockedUntil.After(now) {
		a.LockedUntil = nil
	}
	a.Remaining = b.Remaining(r.Used, r.Round, r.LockedUntil, now)
	return a
}

// TakeGuess charges one attempt before any password is looked at, so guesses
// made at the same moment cannot share a charge. A locked, an unknown and an
// admitted identity cost the same statements and one commit each. What is charged
// is a reservation: FailAttempt turns it into a guess, PassAttempt gives it back, and
// the end of its lease does where neither was called. Each call charges again, except
// that a repeated request takes over what its earlier run has charged. A stranger who
// tries too many people is not admitted, and that charges nothing. ErrRunning means
// that another run of the request has begun meanwhile.
func (db *DB) TakeGuess(ctx context.Context, g Guess) (Attempt, error) {
	var a Attempt
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		refusal, err := db.suspect(ctx, tx, g, now)
		if err != nil {
			return err
		}
		judged := g.Receipt.verdict()
		g.refused = refusal.By != "" || judged != nil
		b, err := db.charge(ctx, tx, g, now)
		if err != nil {
			return err
		}
		a = b.fill(Attempt{Admitted: b.Admitted, Spraying: refusal, at: now, lease: b.Lease, judged: judged != nil}, g.Budget, now)
		if a.judged && refusal.By == "" {
			a.Admitted = *judged
		}
		a.Crowded = !b.Admitted && !g.refused && a.LockedUntil == nil
		if err := db.noteReservation(ctx, tx, g.Receipt, b.Lease); err != nil {
			return err
		}
		a.Account, err = db.guessedAccount(ctx, tx, g)
		return err
	})
	if err == nil {
		g.Receipt.holds(a)
	}
	return a, err
}

const (
	// liveAttempts are the reservations of a lane, by the ends of their leases in ascending
	// order, without the one of an earlier run of this request and those that have lapsed.
	liveAttempts = `(array_remove(b.pending, $8::timestamptz))[width_bucket($4::timestamptz, array_remove(b.pending, $8)) + 1:]`

	// roundLimit is what the present round allows.
	roundLimit = `($5::int[])[least(b.round + 1, cardinality($5::int[]))]`

	// canReserve says that there is a guess left for one more.
	canReserve = `(NOT $7 AND (b.locked_until IS NULL OR b.locked_until <= $4)
		AND cardinality(` + liveAttempts + `) < greatest(1, ` + roundLimit + ` - b.used))`
)

// charge reserves a guess in one statement; see docs of the table. For a refused guess it
// runs all the same and changes nothing of it. The end of its lease names a reservation,
// so it is later than those before it by a microsecond at least.
func (db *DB) charge(ctx context.Context, tx *sqlx.Tx, g Guess, now time.Time) (budgetRow, error) {
	var b budgetRow
	err := tx.GetContext(ctx, &b, `
		INSERT INTO guess_budgets AS b
			(center_id, person_digest, lane, used, round, locked_until, admitted, refused, updated_at, pending)
		VALUES ($1, $2, $3, 0, 0, NULL, NOT $7, 0, $4, CASE WHEN $7 THEN '{}' ELSE ARRAY[$6::timestamptz] END)
		ON CONFLICT (center_id, person_digest, lane) DO UPDATE SET
			admitted = `+canReserve+`,
			refused  = b.refused + CASE WHEN NOT $7 AND NOT `+canReserve+` THEN 1 ELSE 0 END,
			pending  = `+liveAttempts+` || CASE WHEN `+canReserve+`
				THEN ARRAY[greatest($6, (b.pending[cardinality(b.pending)] AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC')]
				ELSE '{}' END,
			updated_at = $4
		RETURNING admitted, used, round, locked_until, CASE WHEN admitted THEN pending[cardinality(pending)] END AS lease`,
		db.center, g.PersonDigest, g.Lane, now, pq.Array(g.Budget.Guesses), now.Add(AttemptLease), g.refused, g.Receipt.reservation())
	return b, err
}

// guessedAccount finds the account whose password is guessed at. Of a person's
// several accounts the first open one is meant unless the guess says otherwise.
func (db *DB) guessedAccount(ctx context.Context, tx *sqlx.Tx, g Guess) (*Account, error) {
	var number []byte
	if g.AccountNo != "" {
		number = db.accountNoDigest(g.AccountNo)
	}
	var id *uuid.UUID
	if g.AccountID != uuid.Nil {
		id = &g.AccountID
	}
	var rows []accountRow
	err := tx.SelectContext(ctx, &rows, `
		SELECT `+accountColumns+`, `+ownPhone+`
		FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id
		WHERE a.center_id = $1 AND a.person_digest = $2
			AND ($3::bytea IS NULL OR a.account_no_digest = $3)
			AND ($4::uuid IS NULL OR a.account_id = $4)
		ORDER BY a.status IN `+endedStatuses+`, a.status, a.account_id LIMIT 1`,
		db.center, g.PersonDigest, number, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	a, err := db.account(rows[0])
	return &a, err
}

// Remaining is how many guesses a lane in this condition has left. A lane that
// is not locked has one, even where a policy has become stricter than what is used.
func (b Budget) Remaining(used, round int, lockedUntil *time.Time, now time.Time) int {
	if lockedUntil != nil && lockedUntil.After(now) {
		return 0
	}
	return max(1, b.Guesses[min(round, len(b.Guesses)-1)]-used)
}

func timeArray(ts []time.Time) any {
	s := make([]string, len(ts))
	for i, t := range ts {
		s[i] = t.Format(time.RFC3339Nano)
	}
	return pq.Array(s)
}
