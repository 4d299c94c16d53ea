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

// sprayingLife leaves a day over to look at who sprayed.
const sprayingLife = 48 * time.Hour

// purged are the rows that go as soon as they can no longer matter.
var purged = []struct {
	kind, table, where string // where knows $1, the centre, and $2, the time
	life               time.Duration
}{
	{"sessions", "sessions", `created_at <= $2`, SessionLife},
	{"auth codes", "auth_codes", `spent_at <= $2`, authCodeLife},
	{"first answers", "receipts", `created_at <= $2`, ReceiptLife},
	{"password tickets", "password_tickets", `made_at <= $2`, TicketLife},
	{"daily counts", "daily_counts", `day < ($2::timestamptz AT TIME ZONE 'UTC')::date`, countLife},
	{"Alipay's notifications", "notifications", `received_at <= $2`, notificationLife},
	{"pending links", "link_proofs", `opened_at <= $2`, linkProofLife},
	{"phone proofs", "phone_payloads", `used_at <= $2`, phonePayloadLife},
	{"notices to owners", "outbox", `created_at <= $2`, outboxLife},
	{"answers about messages", "message_subscriptions", `at <= $2`, subscriptionLife},
	{"counts of spraying", "spraying", `since <= $2`, sprayingLife},
}

// Purge deletes what can no longer matter: sessions, auth codes, receipts, tickets,
// counts, notifications, payloads and notices.
// Calling it twice, or from several processes, is safe.
func (db *DB) Purge(ctx context.Context) error {
	_, err := db.purge(ctx, false)
	return err
}

// purge counts instead of deleting in a dry run.
func (db *DB) purge(ctx context.Context, dryRun bool) ([]Retained, error) {
	var all []Retained
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		all = nil
		for _, old := range purged {
			done := Retained{Kind: old.kind, Before: now.Add(-old.life)}
			where := old.table + ` WHERE center_id = $1 AND ` + old.where
			if dryRun {
				if err := tx.GetContext(ctx, &done.Rows, `SELECT count(*) FROM `+where, db.center, done.Before); err != nil {
					return err
				}
				all = append(all, done)
				continue
			}
			res, err := tx.ExecContext(ctx, `DELETE FROM `+where, db.center, done.Before)
			if err != nil {
				return err
			}
			if done.Rows, err = res.RowsAffected(); err != nil {
				return err
			}
			all = append(all, done)
		}
		return nil
	})
	return all, err
}
