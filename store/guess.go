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

// A Guess is the wish to check one password.
type Guess struct {
	PersonDigest []byte    // of the presented identity, known or not
	Lane         []byte    // PublicLane, or the digest of an Alipay identity proven to be the person
	AccountNo    string    // when the person said which account
	AccountID    uuid.UUID // when the link says which account
	Budget       Budget
	Stranger     *Stranger // nil: proven to be the person, whom no limit of spraying concerns
	refused      bool      // by such a limit: the charge changes nothing
}

// An Attempt is the answer to a Guess, already paid for.
type Attempt struct {
	Admitted    bool       // false: locked, look at no password
	Account     *Account   // nil: nobody known by that identity
	Remaining   int        // guesses left in this round
	LockedUntil *time.Time // set by the last guess of a round, whether it is right or not
	Spraying    Refusal    // why it was not admitted, when that is not the lock
	at          time.Time
}

type budgetRow struct {
	Admitted    bool       `db:"admitted"`
	Used        int        `db:"used"`
	Round       int        `db:"round"`
	LockedUntil *time.Time `db:"locked_until"`
}

// TakeGuess charges one attempt before any password is looked at, so guesses
// made at the same moment cannot share a charge. A locked, an unknown and an
// admitted identity cost the same statements and one commit each. Each call
// charges again; Refund gives back what a right password did not deserve. A
// stranger who tries too many people is not admitted, and that charges nothing.
func (db *DB) TakeGuess(ctx context.Context, g Guess) (Attempt, error) {
	var a Attempt
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		refusal, err := db.suspect(ctx, tx, g, now)
		if err != nil {
			return err
		}
		g.refused = refusal.By != ""
		b, err := db.charge(ctx, tx, g, now)
		if err != nil {
			return err
		}
		a = Attempt{Admitted: b.Admitted, Remaining: g.Budget.Remaining(b.Used, b.Round, b.LockedUntil, now),
			LockedUntil: b.LockedUntil, Spraying: refusal, at: now}
		a.Account, err = db.guessedAccount(ctx, tx, g)
		return err
	})
	return a, err
}

// charge is the whole lock in one statement; see docs of the table. For a
// refused guess it runs all the same and changes nothing of it.
func (db *DB) charge(ctx context.Context, tx *sqlx.Tx, g Guess, now time.Time) (budgetRow, error) {
	until := g.Budget.Until(now)
	first := budgetRow{Used: 1}
	if g.Budget.Guesses[0] == 1 {
		first = budgetRow{Used: 0, Round: min(1, len(until)-1), LockedUntil: &until[0]}
	}
	if g.refused {
		first = budgetRow{}
	}
	var b budgetRow
	err := tx.GetContext(ctx, &b, `
		INSERT INTO guess_budgets AS b
			(center_id, person_digest, lane, used, round, locked_until, admitted, refused, updated_at)
		VALUES ($1, $2, $3, $7, $8, $9, NOT $10, 0, $4)
		ON CONFLICT (center_id, person_digest, lane) DO UPDATE SET
			admitted = NOT $10 AND (b.locked_until IS NULL OR b.locked_until <= $4),
			refused  = b.refused + CASE WHEN b.locked_until > $4 AND NOT $10 THEN 1 ELSE 0 END,
			used     = CASE
				WHEN $10 OR b.locked_until > $4 THEN b.used
				WHEN b.used + 1 >= ($5::int[])[least(b.round + 1, cardinality($5::int[]))] THEN 0
				ELSE b.used + 1 END,
			round    = CASE
				WHEN $10 OR b.locked_until > $4 THEN b.round
				WHEN b.used + 1 >= ($5::int[])[least(b.round + 1, cardinality($5::int[]))]
					THEN least(b.round + 1, cardinality($5::int[]) - 1)
				ELSE b.round END,
			locked_until = CASE
				WHEN $10 OR b.locked_until > $4 THEN b.locked_until
				WHEN b.used + 1 >= ($5::int[])[least(b.round + 1, cardinality($5::int[]))]
					THEN ($6::timestamptz[])[least(b.round + 1, cardinality($5::int[]))]
				ELSE NULL END,
			updated_at = $4
		RETURNING admitted, used, round, locked_until`,
		db.center, g.PersonDigest, g.Lane, now, pq.Array(g.Budget.Guesses), timeArray(until),
		first.Used, first.Round, first.LockedUntil, g.refused)
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
		ORDER BY a.status, a.account_id LIMIT 1`,
		db.center, g.PersonDigest, number, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	a, err := db.account(rows[0])
	return &a, err
}

// Refund forgets the guesses of a lane: whoever is in it just proved
// themselves. It stands apart from what the proof was for, because a right
// password is right whatever becomes of that. Calling it twice is safe.
func (db *DB) Refund(ctx context.Context, personDigest, lane []byte) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE guess_budgets SET used = 0, round = 0, locked_until = NULL, updated_at = $4
			WHERE center_id = $1 AND person_digest = $2 AND lane = $3`,
			db.center, personDigest, lane, now)
		return err
	})
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
