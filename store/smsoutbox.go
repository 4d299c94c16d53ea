package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// codeKindPrefix begins the kind of a code in the outbox; the purpose follows.
const codeKindPrefix = "code_"

// CodePurpose returns the purpose of a code, or false for a notice.
func (d Delivery) CodePurpose() (string, bool) { return strings.CutPrefix(d.Kind, codeKindPrefix) }

// The pause after an SMS that was not sent. A code is needed at once and lives for minutes, a
// notice may wait.
const (
	shortestCodePause, longestCodePause = 3 * time.Second, 24 * time.Second
)

// The receipts of an SMS.
const (
	ReceiptDelivered   = "delivered"
	ReceiptUndelivered = "undelivered"
)

// DueSMS is Due for rows that are sent by SMS. media are MediumSMS and, where users get no other
// messages, MediumMessage; a claimed row becomes an SMS. The caller ends each claim with SentSMS,
// DeferSMS or AbandonSMS. A code is not sent after it has expired.
func (db Outbox) DueSMS(ctx context.Context, n int, media ...string) (due []Delivery, expired int, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		due = nil
		var old []Delivery
		if err := tx.SelectContext(ctx, &old, `
			UPDATE outbox SET failed_at = $2
			WHERE center_id = $1 AND medium = ANY ($3) AND next_at <= $2 AND expires_at <= $2 AND done_at IS NULL AND failed_at IS NULL
			RETURNING outbox_id, kind, sealed`,
			db.center, now, pq.StringArray(media)); err != nil {
			return err
		}
		expired = len(old)
		for _, d := range old {
			if err := db.markUndeliverable(ctx, tx, d, now); err != nil {
				return err
			}
			if err := db.removeCode(ctx, tx, d); err != nil {
				return err
			}
		}
		return tx.SelectContext(ctx, &due, claimNotices, db.center, now, n, uuid.New(), now.Add(noticeLease), pq.StringArray(media), MediumSMS)
	})
	return due, expired, err
}

// SMSRecipient returns the phone on file to which a delivery is sent. It returns ErrNotFound if
// the account is gone or another person's, if no phone is on file or another person has it, too,
// and if the phone has changed since a code was issued: an SMS reaches only the person it is
// about. It returns ErrNotFound, too, for a notice other than a security notice if the person has
// withdrawn the consent to notices by SMS.
func (db Outbox) SMSRecipient(ctx context.Context, d Delivery) (mobile string, err error) {
	n, err := db.Notice(d)
	if err != nil {
		return "", err
	}
	_, isCode := d.CodePurpose()
	var row accountRow
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT a.account_id, a.sealed, `+ownPhone+` FROM accounts a
			WHERE a.center_id = $1 AND a.account_id = $2 AND a.person_digest = $3
				AND ($4::bytea IS NULL OR a.phone_digest = $4)
				AND ($6 OR NOT coalesce((SELECT withdrawn_at IS NOT NULL FROM consents
					WHERE center_id = $1 AND identity_digest = $5 AND purpose = 'message'
					ORDER BY given_at DESC LIMIT 1), false))`,
			db.center, d.AccountID, n.Person, n.Phone, db.digest(centreIdentity(n.Person)), isCode || slices.Contains(securityNotices, d.Kind))
	})
	if err != nil {
		return "", mapNoRows(err, ErrNotFound)
	}
	a, err := db.account(row)
	if err == nil && !a.OwnPhone {
		err = ErrNotFound
	}
	return a.Person.Phone, err
}

// SentSMS records that the gateway has accepted an SMS, and removes the code from the row. It
// takes effect even if the claim has ended. Calling it twice is safe.
func (db Outbox) SentSMS(ctx context.Context, d Delivery) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.removeCode(ctx, tx, d); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE outbox SET done_at = $3, failed_at = NULL
			WHERE center_id = $1 AND outbox_id = $2 AND done_at IS NULL`,
			db.center, d.ID, now)
		return err
	})
}

// DeferSMS is Defer with the pauses of an SMS.
func (db Outbox) DeferSMS(ctx context.Context, d Delivery) error {
	pause := pauseAfter(d.Attempts)
	if _, code := d.CodePurpose(); code {
		pause = min(shortestCodePause<<min(max(d.Attempts, 1)-1, 10), longestCodePause)
		pause += rand.N(pause / 4)
	}
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE outbox SET lease = NULL, next_at = $4
			WHERE center_id = $1 AND outbox_id = $2 AND lease = $3 AND done_at IS NULL`,
			db.center, d.ID, d.Lease, now.Add(pause))
		return err
	})
}

// AbandonSMS gives up an SMS that can never be sent, and removes the code from the row. Without
// the claim it does nothing.
func (db Outbox) AbandonSMS(ctx context.Context, d Delivery) error {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.markUndeliverable(ctx, tx, d, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			UPDATE outbox SET failed_at = $4
			WHERE center_id = $1 AND outbox_id = $2 AND lease = $3 AND done_at IS NULL AND failed_at IS NULL`,
			db.center, d.ID, d.Lease, now)
		if err := changedOne(res, err, ErrGone); err != nil {
			return err
		}
		return db.removeCode(ctx, tx, d)
	})
	if errors.Is(err, ErrGone) {
		err = nil
	}
	return err
}

// removeCode seals the row of a code without the code.
func (db Outbox) removeCode(ctx context.Context, tx *sqlx.Tx, d Delivery) error {
	if _, code := d.CodePurpose(); !code {
		return nil
	}
	n, err := db.Notice(d)
	if err != nil {
		return nil //nolint:nilerr // what cannot be opened was not sent, and nobody reads it
	}
	n.Code = ""
	sealed, err := db.seal(n, "outbox", d.ID[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE outbox SET sealed = $3 WHERE center_id = $1 AND outbox_id = $2`, db.center, d.ID, sealed)
	return err
}

// SendBySMS hands a notice that its provider cannot deliver over to SMS. It records that the
// addressee accepts no messages. Without the claim it does nothing.
func (db Outbox) SendBySMS(ctx context.Context, d Delivery) error {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.noteSubscription(ctx, tx, d, SubscriptionRefused, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			UPDATE outbox SET medium = 'sms', attempts = 0, lease = NULL, next_at = $4
			WHERE center_id = $1 AND outbox_id = $2 AND lease = $3 AND done_at IS NULL AND failed_at IS NULL`,
			db.center, d.ID, d.Lease, now)
		return changedOne(res, err, ErrGone) // rolls back; the notice is locked last, as in Erase
	})
	if errors.Is(err, ErrGone) {
		err = nil
	}
	return err
}

// RecordReceipt records what the gateway reports about an SMS. The receipt of a delivery is
// final and also ends the attempts to send it, as after a request whose answer was lost. It
// returns ErrNotFound for an unknown SMS. Calling it twice is safe.
func (db Outbox) RecordReceipt(ctx context.Context, id uuid.UUID, receipt string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var d Delivery
		err := tx.GetContext(ctx, &d, `
			UPDATE outbox SET receipt = CASE WHEN receipt = 'delivered' THEN receipt ELSE $3::text END,
				done_at = CASE WHEN $3::text = 'delivered' THEN coalesce(done_at, $4::timestamptz) ELSE done_at END,
				failed_at = CASE WHEN $3::text = 'delivered' THEN NULL ELSE failed_at END
			WHERE center_id = $1 AND outbox_id = $2 AND medium = 'sms'
			RETURNING outbox_id, kind, sealed`,
			db.center, id, receipt, now)
		if err != nil {
			return mapNoRows(err, ErrNotFound)
		}
		if receipt != ReceiptDelivered {
			return nil
		}
		return db.removeCode(ctx, tx, d)
	})
}
