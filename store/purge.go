package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// authCodeLife is longer than any auth code lives at Alipay (3 minutes to 24 hours).
const authCodeLife = 25 * time.Hour

// notificationLife is much longer than Alipay repeats a notice (25 hours), and
// than any notice is taken (48 hours).
const notificationLife = 365 * 24 * time.Hour

// linkProofLife is how long it can be found out how a link was proven.
const linkProofLife = 90 * 24 * time.Hour

// outboxLife is how long it can be asked what became of a notice to the owner.
const outboxLife = 90 * 24 * time.Hour

// Purge deletes what can no longer matter: sessions, auth codes, receipts, tickets,
// counts, notifications, payloads and notices.
// Calling it twice, or from several processes, is safe.
func (db *DB) Purge(ctx context.Context) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		for _, old := range []struct {
			statement string
			before    time.Time
		}{
			{`DELETE FROM sessions WHERE center_id = $1 AND created_at <= $2`, now.Add(-SessionLife)},
			{`DELETE FROM auth_codes WHERE center_id = $1 AND spent_at <= $2`, now.Add(-authCodeLife)},
			{`DELETE FROM receipts WHERE center_id = $1 AND created_at <= $2`, now.Add(-ReceiptLife)},
			{`DELETE FROM password_tickets WHERE center_id = $1 AND made_at <= $2`, now.Add(-TicketLife)},
			{`DELETE FROM daily_counts WHERE center_id = $1 AND day < ($2::timestamptz AT TIME ZONE 'UTC')::date`, now.Add(-countLife)},
			{`DELETE FROM notifications WHERE center_id = $1 AND received_at <= $2`, now.Add(-notificationLife)},
			{`DELETE FROM phone_payloads WHERE center_id = $1 AND used_at <= $2`, now.Add(-phonePayloadLife)},
			{`DELETE FROM link_proofs WHERE center_id = $1 AND opened_at <= $2`, now.Add(-linkProofLife)},
			{`DELETE FROM outbox WHERE center_id = $1 AND created_at <= $2`, now.Add(-outboxLife)},
		} {
			if _, err := tx.ExecContext(ctx, old.statement, db.center, old.before); err != nil {
				return err
			}
		}
		return nil
	})
}
