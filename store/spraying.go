package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/calendar"
)

// An UnverifiedSource is a caller who is not proven to be the person.
type UnverifiedSource struct {
	User    []byte // digest of the Alipay identity
	Address string // of the network, as the caller groups addresses; kept as a keyed digest only
	Limits  Spraying
}

// Spraying says how many attempts at many people pass for honest mistakes. Each
// number is at least 1.
type Spraying struct {
	PerUser    int // persons a user tries in vain, a day of Beijing time
	PerAddress int // persons tried in vain from an address, a day of Beijing time
	PerMinute  int // first failed attempts of unverified sources at a person, all together
}

// Which limit of Spraying refused an attempt.
const (
	SprayingUser    = "user"
	SprayingAddress = "address"
	SprayingGlobal  = "global"
)

// A Refusal says that an attempt exceeded a limit of Spraying.
type Refusal struct {
	By    string    // SprayingUser, SprayingAddress or SprayingGlobal; "": not refused
	Until time.Time // when the count begins anew
	First bool      // the first refusal of this user or address on this day, or of this minute

	counted bool // it was this user's first attempt at the person today
}

// A sprayCounter is one row of the table, which counts an attempt.
type sprayCounter struct {
	kind  string
	actor []byte
	since time.Time
	ends  time.Time
	most  int
}

// sprayCounters returns the counters of a source in the order in which their rows are locked.
func (db *DB) sprayCounters(s *UnverifiedSource, now time.Time) []sprayCounter {
	day, tomorrow := calendar.Day(now)
	minute := now.Truncate(time.Minute)
	address := db.cipher.Index("address", []byte(db.center), []byte(s.Address))
	return []sprayCounter{
		{SprayingUser, s.User, day, tomorrow, s.Limits.PerUser},
		{SprayingAddress, address, day, tomorrow, s.Limits.PerAddress},
		{SprayingGlobal, []byte{}, minute, minute.Add(time.Minute), s.Limits.PerMinute},
	}
}

// checkSpraying counts the attempt of an unverified source before the password is looked at.
// Only the first attempt of a user at a person counts; those that follow are counted by the
// person's lockout alone. A full counter refuses the attempt whoever the person is, so a
// refusal tells nothing of what others tried; a refused attempt increments no other counter.
// The first statement locks the rows, the second reads and updates them; both are the same
// for every outcome.
func (db *DB) checkSpraying(ctx context.Context, tx *sqlx.Tx, req AttemptRequest, now time.Time) (Refusal, error) {
	if req.Source == nil {
		return Refusal{}, nil
	}
	counters := db.sprayCounters(req.Source, now)
	if err := db.lockSprayCounters(ctx, tx, counters); err != nil {
		return Refusal{}, err
	}
	user, address, all := counters[0], counters[1], counters[2]
	var by string
	var refused int64
	err := tx.QueryRowxContext(ctx, countSprayed,
		db.center, short(req.PersonDigest), user.actor, user.since, address.actor, all.actor, all.since,
		user.most, address.most, all.most).Scan(&by, &refused)
	if err != nil {
		return Refusal{}, err
	}
	for _, t := range counters {
		if by == t.kind {
			return Refusal{By: by, Until: t.ends.UTC(), First: refused == 1}, nil
		}
	}
	return Refusal{counted: by == ""}, nil
}

// countSprayed counts the attempt in all locked rows, or the refusal in the one that is full.
const countSprayed = `
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

// lockSprayCounters inserts the rows of an attempt, or locks them for this transaction.
func (db *DB) lockSprayCounters(ctx context.Context, tx *sqlx.Tx, counters []sprayCounter) error {
	user, address, all := counters[0], counters[1], counters[2]
	_, err := tx.ExecContext(ctx, `
		INSERT INTO spraying AS s (center_id, kind, actor, since, persons, tried, refused)
		VALUES ($1, 'user', $2, $3, '{}', 0, 0), ($1, 'address', $4, $3, '{}', 0, 0), ($1, 'global', $5, $6, '{}', 0, 0)
		ON CONFLICT (center_id, kind, actor, since) DO UPDATE SET refused = s.refused`,
		db.center, user.actor, user.since, address.actor, all.actor, all.since)
	return err
}

// undoSprayCount takes the person out of the counts of an unverified source: the password
// was right, and whoever knows a password is not spraying. Calling it twice is safe.
func (db *DB) undoSprayCount(ctx context.Context, tx *sqlx.Tx, req AttemptRequest, a Attempt) error {
	if req.Source == nil {
		return nil
	}
	counters := db.sprayCounters(req.Source, a.at)
	if err := db.lockSprayCounters(ctx, tx, counters); err != nil {
		return err
	}
	user, address, all := counters[0], counters[1], counters[2]
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
		db.center, short(req.PersonDigest), user.actor, user.since, address.actor, all.actor, all.since, a.Spraying.counted)
	return err
}

// UndoSprayCount undoes the count of the attempt that began a link which has waited for a
// face. The counter of that minute has ended. Calling it twice is safe.
func (db *DB) UndoSprayCount(ctx context.Context, s *UnverifiedSource, p LinkProof) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		return db.undoSprayCount(ctx, tx, AttemptRequest{PersonDigest: p.PersonDigest, Source: s}, Attempt{at: p.ExpiresAt.Add(-LinkProofLife)})
	})
}

// short is enough of a keyed digest to tell the few of one row apart.
func short(digest []byte) []byte { return digest[:min(16, len(digest))] }
