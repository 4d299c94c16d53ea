package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/calendar"
)

// A Stranger is who guesses without being proven to be the person.
type Stranger struct {
	User    []byte // digest of the Alipay identity
	Address string // of the network, as the caller groups addresses; kept as a keyed digest only
	Limits  Spraying
}

// Spraying says how many guesses at many people pass for honest mistakes. Each
// number is at least 1.
type Spraying struct {
	PerUser    int // persons an Alipay user tries in vain, a day of Beijing time
	PerAddress int // persons tried in vain from an address, a day of Beijing time
	PerMinute  int // first tries of strangers at a person that were in vain, all together
}

// Which limit of Spraying refused a guess.
const (
	SprayingUser    = "user"
	SprayingAddress = "address"
	SprayingGlobal  = "global"
)

// A Refusal says that a guess was one too many of its kind, see Spraying.
type Refusal struct {
	By    string    // SprayingUser, SprayingAddress or SprayingGlobal; "": not refused
	Until time.Time // when the count begins anew
	First bool      // the first refusal of this user or address on this day, or of this minute

	counted bool // it was this user's first guess at the person today
}

// A trial is one row of the table: what counts for a guess.
type trial struct {
	kind  string
	actor []byte
	since time.Time
	ends  time.Time
	most  int
}

// trials are always in this order, in which their rows are locked.
func (db *DB) trials(s *Stranger, now time.Time) []trial {
	day, tomorrow := calendar.Day(now)
	minute := now.Truncate(time.Minute)
	address := db.box.Index("address", []byte(db.center), []byte(s.Address))
	return []trial{
		{SprayingUser, s.User, day, tomorrow, s.Limits.PerUser},
		{SprayingAddress, address, day, tomorrow, s.Limits.PerAddress},
		{SprayingGlobal, []byte{}, minute, minute.Add(time.Minute), s.Limits.PerMinute},
	}
}

// suspect counts a stranger's guess before it is made. Only the first guess of
// a user at a person counts, what follows is the person's own budget's business.
// A full count refuses it whoever the person is, so a refusal tells nothing of
// what others tried; a refused guess fills no other count. The rows are locked
// by the first statement and judged by the second, which is the same for every
// outcome.
func (db *DB) suspect(ctx context.Context, tx *sqlx.Tx, g Guess, now time.Time) (Refusal, error) {
	if g.Stranger == nil {
		return Refusal{}, nil
	}
	trials := db.trials(g.Stranger, now)
	if err := db.lockTrials(ctx, tx, trials); err != nil {
		return Refusal{}, err
	}
	user, address, all := trials[0], trials[1], trials[2]
	var by string
	var refused int64
	err := tx.QueryRowxContext(ctx, countTrials,
		db.center, short(g.PersonDigest), user.actor, user.since, address.actor, all.actor, all.since,
		user.most, address.most, all.most).Scan(&by, &refused)
	if err != nil {
		return Refusal{}, err
	}
	for _, t := range trials {
		if by == t.kind {
			return Refusal{By: by, Until: t.ends.UTC(), First: refused == 1}, nil
		}
	}
	return Refusal{counted: by == ""}, nil
}

// countTrials judges the locked rows and counts the guess in all of them, or
// the refusal in the one that is full.
const countTrials = `
	WITH counts AS (
		SELECT kind, tried, $2 = ANY (persons) AS known FROM spraying
		WHERE center_id = $1 AND (kind, actor, since) IN (('user', $3::bytea, $4::timestamptz), ('address', $5, $4), ('global', $6, $7))
	), verdict AS (
		SELECT CASE
			WHEN bool_or(known) FILTER (WHERE kind = 'user') THEN 'known'
			WHEN max(tried) FILTER (WHERE kind = 'user') >= $8 THEN 'user'
			WHEN max(tried) FILTER (WHERE kind = 'address') >= $9 THEN 'address'
			WHEN max(tried) FILTER (WHERE kind = 'global') >= $10 THEN 'global'
			ELSE '' END AS word
		FROM counts
	), counted AS (
		UPDATE spraying s SET
			persons = CASE WHEN word = '' AND kind <> 'global' AND NOT $2 = ANY (persons) THEN persons || $2::bytea ELSE persons END,
			tried   = tried + CASE WHEN word = '' AND NOT $2 = ANY (persons) THEN 1 ELSE 0 END,
			refused = refused + CASE WHEN word = kind THEN 1 ELSE 0 END
		FROM verdict
		WHERE center_id = $1 AND (kind, actor, since) IN (('user', $3::bytea, $4::timestamptz), ('address', $5, $4), ('global', $6, $7))
		RETURNING kind, word, refused
	)
	SELECT word, coalesce(max(refused) FILTER (WHERE kind = word), 0) FROM counted GROUP BY word`

// lockTrials makes the rows of a guess, or takes them for this transaction.
func (db *DB) lockTrials(ctx context.Context, tx *sqlx.Tx, trials []trial) error {
	user, address, all := trials[0], trials[1], trials[2]
	_, err := tx.ExecContext(ctx, `
		INSERT INTO spraying AS s (center_id, kind, actor, since, persons, tried, refused)
		VALUES ($1, 'user', $2, $3, '{}', 0, 0), ($1, 'address', $4, $3, '{}', 0, 0), ($1, 'global', $5, $6, '{}', 0, 0)
		ON CONFLICT (center_id, kind, actor, since) DO UPDATE SET refused = s.refused`,
		db.center, user.actor, user.since, address.actor, all.actor, all.since)
	return err
}

// forgive forgets that a stranger tried a person: the guess was right, and who
// knows a password is no sprayer. Calling it twice is safe.
func (db *DB) forgive(ctx context.Context, tx *sqlx.Tx, g Guess, a Attempt) error {
	if g.Stranger == nil {
		return nil
	}
	trials := db.trials(g.Stranger, a.at)
	if err := db.lockTrials(ctx, tx, trials); err != nil {
		return err
	}
	user, address, all := trials[0], trials[1], trials[2]
	_, err := tx.ExecContext(ctx, `
		WITH mine AS (
			SELECT 1 FROM spraying
			WHERE center_id = $1 AND kind = 'user' AND actor = $3 AND since = $4 AND $2 = ANY (persons)
		)
		UPDATE spraying SET
			persons = array_remove(persons, $2),
			tried   = tried - CASE WHEN kind = 'global' AND $8 OR $2 = ANY (persons) THEN 1 ELSE 0 END
		WHERE center_id = $1 AND (kind, actor, since) IN (('user', $3::bytea, $4::timestamptz), ('address', $5, $4), ('global', $6, $7))
			AND tried > 0 AND EXISTS (SELECT 1 FROM mine)`,
		db.center, short(g.PersonDigest), user.actor, user.since, address.actor, all.actor, all.since, a.Spraying.counted)
	return err
}

// ForgiveLink forgets that a stranger tried a person with a link that has waited for a
// face: what counted was the guess it began with. The minute of that is over. Calling it
// twice is safe.
func (db *DB) ForgiveLink(ctx context.Context, s *Stranger, p LinkProof) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		return db.forgive(ctx, tx, Guess{PersonDigest: p.PersonDigest, Stranger: s}, Attempt{at: p.ExpiresAt.Add(-LinkProofLife)})
	})
}

// short is enough of a keyed digest to tell the few of one row apart.
func short(digest []byte) []byte { return digest[:min(16, len(digest))] }
