package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Kinds of notices to the owner.
const (
	NoticePasswordChanged = "password_changed"
	NoticePasswordReset   = "password_reset"
	NoticePasswordFrozen  = "password_frozen"
	NoticeLinked          = "linked"

	NoticeTransferRequested = "transfer_requested" // to the holder, who can reject it
	NoticeTransferRejected  = "transfer_rejected"  // to the requester
	NoticeLinkTransferred   = "link_transferred"   // to who held the link until now

	NoticeFrozenByFormer        = "frozen_by_former_holder" // to who has the link now
	NoticeTransferUndeliverable = "transfer_undeliverable"  // to the requester: the holder cannot be notified
)

// securityNotices are the notices of what another user does. Their addressee's protection
// rests on them, so they are sent whatever became of the consent to messages, which is
// about messages of what one does oneself.
var securityNotices = []string{NoticeTransferRequested, NoticeTransferRejected, NoticeLinkTransferred, NoticeFrozenByFormer, NoticeTransferUndeliverable}

// requesterNotices are the notices to the requester of a transfer, who may never have held the
// link.
var requesterNotices = []string{NoticeTransferRejected, NoticeTransferUndeliverable}

const (
	// noticeLease is longer than a delivery takes, and than two servers' clocks
	// differ. What a dead process had claimed is taken over after this.
	noticeLease = 2 * time.Minute

	// NoticeLife is how long delivery is tried. Later the news would confuse.
	NoticeLife = 3 * 24 * time.Hour

	// Pauses between attempts: doubled each time, and up to a quarter longer, so
	// that what failed together does not come back together.
	shortestPause, longestPause = time.Minute, 6 * time.Hour
)

// A Notice is what the outbox tells the owner of an account. It names neither
// the document nor the account.
type Notice struct {
	Identity  Identity  `json:"i"`
	ChangedAt time.Time `json:"at"`

	// Person is the digest of the account's holder at that time, who may be another by
	// now; nil in notices of earlier versions.
	Person []byte `json:"p,omitempty"`
}

// notice is one to be put into the outbox.
type notice struct {
	id      uuid.UUID
	kind    string
	account uuid.UUID
	to      Identity
	person  []byte
}

// addNotice tells the session's user of a change or reset, under its own
// id: the same one can never be told twice under two keys. The addressee and
// the person of n are filled in.
func (db *DB) addNotice(ctx context.Context, tx *sqlx.Tx, s Session, n notice, now time.Time) error {
	visitor, err := db.Visitor(s)
	if err != nil {
		return err
	}
	n.to, n.person = visitor.Identity, s.Link.PersonDigest
	return db.queueNotice(ctx, tx, n, now)
}

// queueNotice writes a notice in the transaction of what it tells of. Of what they did
// themselves an addressee who has withdrawn the consent to messages is not told.
func (db *DB) queueNotice(ctx context.Context, tx *sqlx.Tx, n notice, now time.Time) error {
	sealed, err := db.seal(Notice{n.to, now, n.person}, "outbox", n.id[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at)
		SELECT $1::text, $2::uuid, $3::text, $4::uuid, $5::bytea, $6::timestamptz, $6::timestamptz
		WHERE $8 OR NOT coalesce((SELECT withdrawn_at IS NOT NULL FROM consents
			WHERE center_id = $1 AND identity_digest = $7 AND purpose = 'message'
			ORDER BY given_at DESC LIMIT 1), false)`,
		db.center, n.id, n.kind, n.account, sealed, now, db.digest(n.to), slices.Contains(securityNotices, n.kind))
	return err
}

// A Delivery is a notice claimed for sending.
type Delivery struct {
	ID       uuid.UUID `db:"outbox_id"` // the same at every attempt: the receiver's deduplication key
	Kind     string    `db:"kind"`
	Attempts int       `db:"attempts"` // this one included
	Sealed   []byte    `db:"sealed"`
	Lease    uuid.UUID `db:"lease"`
}

// claimNotices is the claim of this schema: rows that another process is
// claiming at this moment are skipped. The ARRAY makes the sub-select run once.
const claimNotices = `
	UPDATE outbox SET lease = $4, next_at = $5, attempts = attempts + 1
	WHERE center_id = $1 AND outbox_id = ANY (ARRAY(
		SELECT outbox_id FROM outbox
		WHERE center_id = $1 AND next_at <= $2 AND done_at IS NULL AND failed_at IS NULL
		ORDER BY next_at LIMIT $3
		FOR UPDATE SKIP LOCKED))
	RETURNING outbox_id, kind, attempts, sealed, lease`

// Due claims up to n notices for sending. Each is claimed by one caller, of
// whatever process, who then says Delivered, Defer or Abandon; of a caller who
// says nothing the claim ends by itself, so a notice may be sent more than once
// and is never lost. Notices that were tried for NoticeLife are given up
// instead; expired says how many.
func (db *DB) Due(ctx context.Context, n int) (due []Delivery, expired int, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		due = nil
		var gone []Delivery
		if err := tx.SelectContext(ctx, &gone, `
			UPDATE outbox SET failed_at = $2
			WHERE center_id = $1 AND next_at <= $2 AND created_at <= $3 AND done_at IS NULL AND failed_at IS NULL
			RETURNING outbox_id, kind`,
			db.center, now, now.Add(-NoticeLife)); err != nil {
			return err
		}
		expired = len(gone)
		for _, d := range gone {
			if err := db.markUndeliverable(ctx, tx, d, now); err != nil {
				return err
			}
		}
		return tx.SelectContext(ctx, &due, claimNotices, db.center, now, n, uuid.New(), now.Add(noticeLease))
	})
	return due, expired, err
}

// Notice opens what is to be told.
func (db *DB) Notice(d Delivery) (Notice, error) {
	var n Notice
	err := db.unseal(d.Sealed, "outbox", d.ID[:], &n)
	return n, err
}

// Delivered records that Alipay has accepted the notice: its addressee accepts messages, and
// the window of the transfer that it announces begins. It counts even if the claim was lost
// meanwhile. Calling it twice is safe.
func (db *DB) Delivered(ctx context.Context, d Delivery) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.beginWindow(ctx, tx, d, now); err != nil {
			return err
		}
		if err := db.noteSubscription(ctx, tx, d, SubscriptionAccepted, now); err != nil { // before the notice, as in Erase
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE outbox SET done_at = $3, failed_at = NULL
			WHERE center_id = $1 AND outbox_id = $2 AND done_at IS NULL`,
			db.center, d.ID, now)
		return err
	})
}

// Defer ends the claim of a notice that did not get through: it is due again
// after a pause that grows with the attempts. Without the claim it does nothing.
func (db *DB) Defer(ctx context.Context, d Delivery) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE outbox SET lease = NULL, next_at = $4
			WHERE center_id = $1 AND outbox_id = $2 AND lease = $3 AND done_at IS NULL`,
			db.center, d.ID, d.Lease, now.Add(pauseAfter(d.Attempts)))
		return err
	})
}

// Abandon gives up a notice that can never be delivered; the row stays, marked
// failed. Its addressee accepts no messages, and the transfer that it announces is undeliverable.
// Without the claim it does nothing.
func (db *DB) Abandon(ctx context.Context, d Delivery) error {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.markUndeliverable(ctx, tx, d, now); err != nil {
			return err
		}
		if err := db.noteSubscription(ctx, tx, d, SubscriptionRefused, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			UPDATE outbox SET failed_at = $4
			WHERE center_id = $1 AND outbox_id = $2 AND lease = $3 AND done_at IS NULL AND failed_at IS NULL`,
			db.center, d.ID, d.Lease, now)
		return changedOne(res, err, ErrGone) // which undoes what came before the notice, as in Erase
	})
	if errors.Is(err, ErrGone) {
		err = nil
	}
	return err
}

func pauseAfter(attempts int) time.Duration {
	long := min(shortestPause<<min(max(attempts, 1)-1, 10), longestPause)
	return long + rand.N(long/4)
}

// Undelivered says how many notices wait, those being sent and those deferred
// included, and since when the oldest does; zero when none waits.
func (db *DB) Undelivered(ctx context.Context) (n int, oldest time.Duration, err error) {
	var row struct {
		N     int        `db:"n"`
		Since *time.Time `db:"since"`
	}
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT count(*) AS n, min(created_at) AS since FROM outbox
			WHERE center_id = $1 AND done_at IS NULL AND failed_at IS NULL`, db.center)
	})
	if row.Since != nil {
		oldest = max(0, db.clock().Sub(*row.Since))
	}
	return row.N, oldest, err
}
