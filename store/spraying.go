package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/calendar"
)

// An UnverifiedSource is a caller who is not proven to be the person.
type UnverifiedSource struct {
	User    []byte // digest of the user's identity
	Address string // network address, grouped by the caller; stored as a keyed digest
	Limits  Spraying
}

// Spraying limits attempts at many persons. Each limit is at least 1.
type Spraying struct {
	PerUser    int // persons a user may try in vain on a day in Beijing time
	PerAddress int // persons that may be tried in vain from an address on a day in Beijing time
	PerMinute  int // first failed attempts at a person by all unverified sources
}

// Limits of Spraying, as in Refusal.By.
const (
	SprayingUser    = "user"
	SprayingAddress = "address"
	SprayingGlobal  = "global"
)

// A Refusal reports that an attempt exceeded a limit of Spraying.
type Refusal struct {
	By    string    // SprayingUser, SprayingAddress or SprayingGlobal; "" if not refused
	Until time.Time // when the counter restarts
	First bool      // whether it is the counter's first refusal

	counted bool // whether the attempt was the user's first at the person today
}

// A sprayCounter is one row of the table spraying.
type sprayCounter struct {
	kind  string
	actor []byte
	since time.Time
	ends  time.Time
	most  int
}

// sprayCounters returns the counters of a source in the order in which their rows are
// locked.
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

// checkSpraying counts the attempt of an unverified source before the password is checked.
// Only a user's first attempt at a person counts; the person's lockout counts the others. A
// full counter refuses an attempt at any person, so a refusal reveals nothing about other
// attempts. A refused attempt increments no other counter. The first statement locks the
// rows, the second reads and updates them; both are the same for every outcome.
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

// countSprayed counts the attempt in all locked rows, or the refusal in the row that is
// full.
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

// lockSprayCounters inserts or locks the rows of an attempt.
func (db *DB) lockSprayCounters(ctx context.Context, tx *sqlx.Tx, counters []sprayCounter) error {
	user, address, all := counters[0], counters[1], counters[2]
	_, err := tx.ExecContext(ctx, `
		INSERT INTO spraying AS s (center_id, kind, actor, since, persons, tried, refused)
		VALUES ($1, 'user', $2, $3, '{}', 0, 0), ($1, 'address', $4, $3, '{}', 0, 0), ($1, 'global', $5, $6, '{}', 0, 0)
		ON CONFLICT (center_id, kind, actor, since) DO UPDATE SET refused = s.refused`,
		db.center, user.actor, user.since, address.actor, all.actor, all.since)
	return err
}

// undoSprayCount removes the person from the counters of an unverified source, because a
// caller with the right password is not spraying. Calling it twice is safe.
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

// UndoSprayCount undoes the count of an attempt at a person whose password was right, made
// at a time whose minute has ended. Calling it twice is safe.
func (db *DB) UndoSprayCount(ctx context.Context, s *UnverifiedSource, personDigest []byte, at time.Time) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		return db.undoSprayCount(ctx, tx, AttemptRequest{PersonDigest: personDigest, Source: s}, Attempt{at: at})
	})
}

// short returns the first 16 bytes of a keyed digest, which identify it within one row.
func short(digest []byte) []byte { return digest[:min(16, len(digest))] }

// SprayCounts returns how many persons have been tried in vain: by the source's user and from
// its address today, and by all unverified sources in this minute.
func (db *DB) SprayCounts(ctx context.Context, s *UnverifiedSource) (user, address, all int, err error) {
	counters := db.sprayCounters(s, db.clock())
	var rows []struct {
		Kind  string `db:"kind"`
		Tried int    `db:"tried"`
	}
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT kind, tried FROM spraying
			WHERE center_id = $1 AND (kind, actor, since) IN (('user', $2::bytea, $3::timestamptz), ('address', $4, $3), ('global', $5, $6))`,
			db.center, counters[0].actor, counters[0].since, counters[1].actor, counters[2].actor, counters[2].since)
	})
	for _, r := range rows {
		switch r.Kind {
		case SprayingUser:
			user = r.Tried
		case SprayingAddress:
			address = r.Tried
		case SprayingGlobal:
			all = r.Tried
		}
	}
	return user, address, all, err
}
