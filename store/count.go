package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// beijing is the time whose days are counted.
var beijing = time.FixedZone("CST", 8*60*60)

// countLife is longer than any day that is still counted.
const countLife = 48 * time.Hour

// Purposes of daily counts.
const (
	countResetsOfPerson = "resets of a person"
	countResetsOfUser   = "resets of an Alipay user"
	countLinksOfPerson  = "links of a person"
	countLinksOfUser    = "links of an Alipay user"

	countRelinksOfPerson = "relinks of a person"
	countRelinksOfUser   = "relinks of an Alipay user"
)

// A start is on whose accounts of the day a verification is counted.
type start struct {
	ofPerson, ofUser string // purposes
	person, user     []byte
}

// A StartLimit is how many starts pass on a day.
type StartLimit struct {
	User   int // of an Alipay user
	Person int // at a person, by all Alipay users together; 0: any number
}

func startOfReset(s Session) start {
	return start{countResetsOfPerson, countResetsOfUser, s.Link.PersonDigest, s.IdentityDigest}
}

// ChargeReset counts one start of a reset on today's account of the person and of
// the Alipay user, before Alipay is asked: each start is billed, and tells whether a
// name and a number belong together. ErrLimit means that either has had its limit
// for the day; then nothing is counted. Each call counts again, whatever becomes of
// the reset; RefundReset takes it back. Of any number of calls at once, over all
// processes, exactly limit succeed.
func (db *DB) ChargeReset(ctx context.Context, s Session, limit int) error {
	return db.chargeStart(ctx, startOfReset(s), StartLimit{limit, limit})
}

func (db *DB) chargeStart(ctx context.Context, s start, limit StartLimit) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		return db.countStart(ctx, tx, s, limit, now)
	})
}

func (db *DB) countStart(ctx context.Context, tx *sqlx.Tx, s start, limit StartLimit, now time.Time) error {
	// The person's row comes first in every call, so two never wait for each other.
	res, err := tx.ExecContext(ctx, `
		INSERT INTO daily_counts AS c (center_id, purpose, subject_digest, day, count)
		VALUES ($1, $2, $3, $6, 1), ($1, $4, $5, $6, 1)
		ON CONFLICT (center_id, purpose, subject_digest, day) DO UPDATE SET count = c.count + 1
		WHERE c.count < CASE c.purpose WHEN $4 THEN $7::int ELSE coalesce(nullif($8::int, 0), c.count + 1) END`,
		db.center, s.ofPerson, s.person, s.ofUser, s.user, dayOf(now), limit.User, limit.Person)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 2 {
		return err
	}
	return ErrLimit
}

func startOfRelink(s Session, person []byte) start {
	return start{countRelinksOfPerson, countRelinksOfUser, person, s.IdentityDigest}
}

// RefundReset takes one start back: Alipay could not be asked. Calling it twice
// takes back two.
func (db *DB) RefundReset(ctx context.Context, s Session) error {
	return db.refundStart(ctx, startOfReset(s))
}

func (db *DB) refundStart(ctx context.Context, s start) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		for _, c := range []struct {
			purpose string
			subject []byte
		}{{s.ofPerson, s.person}, {s.ofUser, s.user}} {
			if _, err := tx.ExecContext(ctx, `
				UPDATE daily_counts SET count = count - 1
				WHERE center_id = $1 AND purpose = $2 AND subject_digest = $3 AND day = $4 AND count > 0`,
				db.center, c.purpose, c.subject, dayOf(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// dayOf is the day of Beijing that t lies in.
func dayOf(t time.Time) string { return t.In(beijing).Format(time.DateOnly) }
