package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Kinds of notices to the owner.
const (
	NoticePasswordChanged = "password_changed"
	NoticePasswordReset   = "password_reset"
	NoticePasswordFrozen  = "password_frozen"
	NoticeLinked          = "linked"
	NoticeDeviceAdded     = "device_added"

	NoticeTransferRequested = "transfer_requested" // to the holder, who can reject it
	NoticeTransferRejected  = "transfer_rejected"  // to the requester
	NoticeLinkTransferred   = "link_transferred"   // to the former holder

	NoticeFrozenByFormer        = "frozen_by_former_holder" // to the present holder
	NoticeTransferUndeliverable = "transfer_undeliverable"  // to the requester: the holder cannot be notified
)

// securityNotices are the notices of what another user did. They are sent even if the
// addressee has withdrawn the consent to messages, because the addressee's protection
// depends on them. The consent concerns notices of what the addressee did.
var securityNotices = []string{NoticeTransferRequested, NoticeTransferRejected, NoticeLinkTransferred, NoticeFrozenByFormer, NoticeTransferUndeliverable}

// requesterNotices are the notices to the requester of a transfer, who may never have held
// the link.
var requesterNotices = []string{NoticeTransferRejected, NoticeTransferUndeliverable}

const (
	// noticeLease is how long a claim lasts: longer than a delivery takes and than two
	// servers' clocks may differ. Afterwards another process takes the notice over.
	noticeLease = 2 * time.Minute

	// NoticeLife is how long delivery is tried. A later notice would confuse.
	NoticeLife = 3 * 24 * time.Hour

	// The pause between attempts doubles each time. A random part spreads notices that
	// failed together.
	shortestPause, longestPause = time.Minute, 6 * time.Hour
)

// The media of the outbox.
const (
	MediumMessage = "message" // of the user's provider
	MediumSMS     = "sms"     // to the phone on file
)

// mediumOf returns how a user is notified. The centre itself sends no messages but SMS.
func mediumOf(to Identity) string {
	if to.Provider == ProviderCentre {
		return MediumSMS
	}
	return MediumMessage
}

// A Notice is the content of a notice to the owner of an account. It contains neither the
// document nor the account number.
type Notice struct {
	Identity  Identity  `json:"i"`
	ChangedAt time.Time `json:"at"`

	// Person is the digest of the account's holder at that time. The account may belong to
	// another person now.
	Person []byte `json:"p"`

	// Code is the code of an SMS until it is sent, and Phone the digest of the phone that it is
	// for. A code has no Identity.
	Code  string `json:"c,omitempty"`
	Phone []byte `json:"ph,omitempty"`
}

// A notice is a Notice to be added to the outbox.
type notice struct {
	id      uuid.UUID
	kind    string
	account uuid.UUID
	to      Identity
	person  []byte
}

// queueNotice adds a notice in the transaction that causes it. A notice other than a
// security notice is dropped if the addressee has withdrawn the consent to messages.
func (db *DB) queueNotice(ctx context.Context, tx *sqlx.Tx, n notice, now time.Time) error {
	var err error
	if n.to, err = db.addressee(ctx, tx, n); err != nil {
		return err
	}
	medium := mediumOf(n.to)
	sealed, err := db.seal(Notice{Identity: n.to, ChangedAt: now, Person: n.person}, "outbox", n.id[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at, expires_at, medium)
		SELECT $1::text, $2::uuid, $3::text, $4::uuid, $5::bytea, $6::timestamptz, $6::timestamptz, $9::timestamptz, $10::text
		WHERE $8 OR NOT coalesce((SELECT withdrawn_at IS NOT NULL FROM consents
			WHERE center_id = $1 AND identity_digest = $7 AND purpose = 'message'
			ORDER BY given_at DESC LIMIT 1), false)`,
		db.center, n.id, n.kind, n.account, sealed, now, db.digest(n.to), slices.Contains(securityNotices, n.kind),
		now.Add(NoticeLife), medium)
	return err
}

// addressee returns the identity that a notice is sent to. Who is identified by the centre
// has no messages there, and gets them as the user of the notifier that the person is
// linked to.
func (db *DB) addressee(ctx context.Context, tx *sqlx.Tx, n notice) (Identity, error) {
	if n.to.Provider != ProviderCentre {
		return n.to, nil
	}
	var links []struct {
		Digest []byte `db:"identity_digest"`
		Sealed []byte `db:"sealed_identity"`
	}
	err := tx.SelectContext(ctx, &links, `
		SELECT identity_digest, sealed_identity FROM links
		WHERE center_id = $1 AND person_digest = $2 AND provider = $3`,
		db.center, n.person, notifier)
	if err != nil || len(links) == 0 {
		return n.to, err
	}
	var to Identity
	err = db.unseal(links[0].Sealed, "links", links[0].Digest, &to)
	return to, err
}

// A Delivery is a notice claimed for sending.
type Delivery struct {
	ID       uuid.UUID `db:"outbox_id"` // the receiver's deduplication key, the same in every attempt
	Kind     string    `db:"kind"`
	Attempts int       `db:"attempts"` // including this one
	Sealed   []byte    `db:"sealed"`
	Lease    uuid.UUID `db:"lease"`

	AccountID uuid.UUID `db:"account_id"`
}

// claimNotices claims due rows of some media. It skips rows that another process is claiming.
// ARRAY makes the sub-select run once.
const claimNotices = `
	UPDATE outbox SET lease = $4, next_at = $5, attempts = attempts + 1, medium = $7
	WHERE center_id = $1 AND outbox_id = ANY (ARRAY(
		SELECT outbox_id FROM outbox
		WHERE center_id = $1 AND medium = ANY ($6) AND next_at <= $2 AND done_at IS NULL AND failed_at IS NULL
		ORDER BY next_at LIMIT $3
		FOR UPDATE SKIP LOCKED))
	RETURNING outbox_id, kind, attempts, sealed, lease, account_id`

// Due claims up to n notices for sending. Each notice is claimed by one caller over all
// processes, which then calls Delivered, Defer or Abandon; otherwise the claim ends with
// its lease. A notice may therefore be sent more than once and is never lost. Notices older
// than NoticeLife are given up instead; expired is their number. DueSMS claims those that are
// sent by SMS.
func (db Outbox) Due(ctx context.Context, n int) (due []Delivery, expired int, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		due = nil
		var old []Delivery
		if err := tx.SelectContext(ctx, &old, `
			UPDATE outbox SET failed_at = $2
			WHERE center_id = $1 AND medium = 'message' AND next_at <= $2 AND expires_at <= $2 AND done_at IS NULL AND failed_at IS NULL
			RETURNING outbox_id, kind`,
			db.center, now); err != nil {
			return err
		}
		expired = len(old)
		for _, d := range old {
			if err := db.markUndeliverable(ctx, tx, d, now); err != nil {
				return err
			}
		}
		return tx.SelectContext(ctx, &due, claimNotices, db.center, now, n, uuid.New(), now.Add(noticeLease), pq.StringArray{MediumMessage}, MediumMessage)
	})
	return due, expired, err
}

// Notice opens the content of a delivery.
func (db Outbox) Notice(d Delivery) (Notice, error) {
	var n Notice
	err := db.unseal(d.Sealed, "outbox", d.ID[:], &n)
	return n, err
}

// Delivered records that Alipay has accepted the notice: its addressee accepts messages,
// and the window of the transfer that it announces begins. It takes effect even if the
// claim has ended. Calling it twice is safe.
func (db Outbox) Delivered(ctx context.Context, d Delivery) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.beginWindow(ctx, tx, d, now); err != nil {
			return err
		}
		if err := db.noteSubscription(ctx, tx, d, SubscriptionAccepted, now); err != nil { // locked before the notice, as in Erase
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE outbox SET done_at = $3, failed_at = NULL
			WHERE center_id = $1 AND outbox_id = $2 AND done_at IS NULL`,
			db.center, d.ID, now)
		return err
	})
}

// Defer ends the claim of a notice that was not delivered. The notice is due again after a
// pause that grows with the attempts. Without the claim Defer does nothing.
func (db Outbox) Defer(ctx context.Context, d Delivery) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE outbox SET lease = NULL, next_at = $4
			WHERE center_id = $1 AND outbox_id = $2 AND lease = $3 AND done_at IS NULL`,
			db.center, d.ID, d.Lease, now.Add(pauseAfter(d.Attempts)))
		return err
	})
}

// Abandon gives up a notice that can never be delivered and marks its row failed. It
// records that the addressee accepts no messages, and the transfer that the notice
// announces becomes undeliverable. Without the claim Abandon does nothing.
func (db Outbox) Abandon(ctx context.Context, d Delivery) error {
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
		return changedOne(res, err, ErrGone) // rolls back; the notice is locked last, as in Erase
	})
	if errors.Is(err, ErrGone) {
		err = nil
	}
	return err
}

// pauseAfter returns the pause after a number of attempts, with a random part of up to a
// quarter.
func pauseAfter(attempts int) time.Duration {
	long := min(shortestPause<<min(max(attempts, 1)-1, 10), longestPause)
	return long + rand.N(long/4)
}

// Undelivered returns the number of notices of a medium that are not delivered yet, including
// those being sent and deferred ones, and the age of the oldest.
func (db Outbox) Undelivered(ctx context.Context, medium string) (n int, oldest time.Duration, err error) {
	var row struct {
		N     int        `db:"n"`
		Since *time.Time `db:"since"`
	}
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT count(*) AS n, min(created_at) AS since FROM outbox
			WHERE center_id = $1 AND medium = $2 AND done_at IS NULL AND failed_at IS NULL`, db.center, medium)
	})
	if row.Since != nil {
		oldest = max(0, db.clock().Sub(*row.Since))
	}
	return row.N, oldest, err
}
