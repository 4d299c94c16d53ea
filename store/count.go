package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/calendar"
)

// countLife is how long daily counts are kept: longer than the day they limit.
const countLife = 48 * time.Hour

// Purposes of daily counts.
const (
	countResetsOfPerson = "resets of a person"
	countResetsOfUser   = "resets of a user"
	countLinksOfPerson  = "links of a person"
	countLinksOfUser    = "links of a user"

	countRecoveriesOfPerson = "recoveries of a person"

	countTransfersOfPerson = "transfers of a person"
	countTransfersOfUser   = "transfers of a user"

	countSMSRecoveriesOfPerson = "SMS recoveries of a person"

	countCodesOfPerson  = "SMS codes of a person"
	countCodesOfNetwork = "SMS codes of a network"

	countCodesOfNetworkAndPerson = "SMS codes of a network for a person"
)

// A start names the daily counters of one verification: one of the person, one of the user.
type start struct {
	ofPerson, ofUser string // purposes
	person, user     []byte
}

// A StartLimit is the number of starts allowed a day.
type StartLimit struct {
	User   int // of one user
	Person int // for one person by all users together; 0 means no limit
}

// A Start is a reserved start of a verification that the provider has not opened yet. It
// counts against the limits of the day until KeepStart counts it, ReleaseStart releases it,
// or its lease ends.
type Start struct {
	of     start
	day    string
	leases map[string]time.Time // by purpose; a lease identifies the reservation in its row
}

// ChargeReset reserves one start of a reset against today's limits of the person and of the
// user. It is called before the provider is asked, because each start is billed and reveals
// whether a name and a number belong together. It returns ErrLimit, and reserves nothing,
// if a limit is reached. Each call reserves again. Of concurrent calls, over all processes,
// exactly limit succeed.
func (db *DB) ChargeReset(ctx context.Context, s Session, limit int) (Start, error) {
	return db.chargeStart(ctx, start{countResetsOfPerson, countResetsOfUser, s.Link.PersonDigest, s.IdentityDigest}, StartLimit{limit, limit})
}

// ChargeLinkProof is ChargeReset for a link, whose person the user only claims to be. It counts
// separately, so that an unlinked user cannot use up the owner's resets.
func (db *DB) ChargeLinkProof(ctx context.Context, s Session, personDigest []byte, limit StartLimit) (Start, error) {
	return db.chargeStart(ctx, start{countLinksOfPerson, countLinksOfUser, personDigest, s.IdentityDigest}, limit)
}

// ChargeRecovery is ChargeReset for a recovery. ChargeLinkProof counts the user's starts, too,
// because each is billed. The starts for a person are not limited, because strangers could use
// them up.
func (db *DB) ChargeRecovery(ctx context.Context, s Session, personDigest []byte, limit int) (Start, error) {
	return db.chargeStart(ctx, start{countRecoveriesOfPerson, countLinksOfUser, personDigest, s.IdentityDigest}, StartLimit{User: limit})
}

// chargeStart reserves a start in both counters, or in none if a limit is reached. A lease
// is later than the previous one of its row by at least a microsecond, because it
// identifies the reservation.
func (db *DB) chargeStart(ctx context.Context, of start, limit StartLimit) (Start, error) {
	var s Start
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		s = Start{of: of, day: dayOf(now), leases: map[string]time.Time{}}
		var rows []struct {
			Purpose string    `db:"purpose"`
			Lease   time.Time `db:"lease"`
		}
		// Every call locks the person's row first, so two calls never deadlock.
		err := tx.SelectContext(ctx, &rows, `
			INSERT INTO daily_counts AS c (center_id, purpose, subject_digest, day, count, pending)
			VALUES ($1, $2, $3, $6, 0, ARRAY[$9::timestamptz]), ($1, $4, $5, $6, 0, ARRAY[$9])
			ON CONFLICT (center_id, purpose, subject_digest, day) DO UPDATE SET
				pending = c.pending[width_bucket($8::timestamptz, c.pending) + 1:]
					|| greatest($9, (c.pending[cardinality(c.pending)] AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC')
			WHERE c.count + cardinality(c.pending[width_bucket($8, c.pending) + 1:])
				< CASE WHEN c.purpose = $4 THEN $7::int ELSE coalesce(nullif($10::int, 0), 2147483647) END
			RETURNING purpose, pending[cardinality(pending)] AS lease`,
			db.center, of.ofPerson, of.person, of.ofUser, of.user, s.day, limit.User, now, now.Add(AttemptLease), limit.Person)
		if err == nil && len(rows) < 2 {
			err = ErrLimit
		}
		for _, r := range rows {
			s.leases[r.Purpose] = r.Lease
		}
		return err
	})
	return s, err
}

// KeepStart counts a start that the provider has opened. OpenReset and OpenLinkProof do so
// for their own starts. Calling it twice counts it twice.
func (db *DB) KeepStart(ctx context.Context, s Start) error { return db.endStart(ctx, s, 1) }

// ReleaseStart releases a start that the provider has not opened. Calling it twice is safe.
func (db *DB) ReleaseStart(ctx context.Context, s Start) error { return db.endStart(ctx, s, 0) }

// endStart settles a start in a transaction of its own.
func (db *DB) endStart(ctx context.Context, s Start, count int) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { return db.settleStart(ctx, tx, s, count) })
}

// settleStart ends the reservation of a start and adds count to its counters. It ignores
// the zero Start.
func (db *DB) settleStart(ctx context.Context, tx *sqlx.Tx, s Start, count int) error {
	for _, c := range []struct {
		purpose string
		subject []byte
	}{{s.of.ofPerson, s.of.person}, {s.of.ofUser, s.of.user}} {
		if s.leases == nil {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE daily_counts SET count = count + $5, pending = array_remove(pending, $6::timestamptz)
			WHERE center_id = $1 AND purpose = $2 AND subject_digest = $3 AND day = $4`,
			db.center, c.purpose, c.subject, s.day, count, s.leases[c.purpose]); err != nil {
			return err
		}
	}
	return nil
}

// countStart counts a start without reserving it first. It returns ErrLimit if a limit is
// reached.
func (db *DB) countStart(ctx context.Context, tx *sqlx.Tx, s start, limit StartLimit, now time.Time) error {
	// Every call locks the person's row first, so two calls never deadlock.
	res, err := tx.ExecContext(ctx, `
		INSERT INTO daily_counts AS c (center_id, purpose, subject_digest, day, count)
		VALUES ($1, $2, $3, $6, 1), ($1, $4, $5, $6, 1)
		ON CONFLICT (center_id, purpose, subject_digest, day) DO UPDATE SET count = c.count + 1
		WHERE c.count < CASE WHEN c.purpose = $4 THEN $7::int ELSE coalesce(nullif($8::int, 0), c.count + 1) END`,
		db.center, s.ofPerson, s.person, s.ofUser, s.user, dayOf(now), limit.User, limit.Person)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 2 {
		return err
	}
	return ErrLimit
}

// dayOf returns the date of t in Beijing time.
func dayOf(t time.Time) string { return t.In(calendar.Beijing).Format(time.DateOnly) }
