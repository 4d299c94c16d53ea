package store

import (
	"context"
	"time"
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

// purgeKinds are the rows that go as soon as they can no longer matter.
var purgeKinds = []rowKind{
	{"sessions", "sessions", "created_at", `created_at <= $2`, after(SessionLife)},
	{"auth codes", "auth_codes", "spent_at", `spent_at <= $2`, after(authCodeLife)},
	{"first answers", "idempotency_records", "created_at", `created_at <= $2`, after(IdempotencyRecordLife)},
	{"password tickets", "password_tickets", "made_at", `made_at <= $2`, after(TicketLife)},
	{"daily counts", "daily_counts", "day", `day < ($2::timestamptz AT TIME ZONE 'UTC')::date`, after(countLife)},
	{"notifications", "notifications", "received_at", `received_at <= $2`, after(notificationLife)},
	{"pending links", "link_proofs", "opened_at", `opened_at <= $2`, after(linkProofLife)},
	{"phone proofs", "phone_payloads", "used_at", `used_at <= $2`, after(phonePayloadLife)},
	{"notices to owners", "outbox", "created_at", `created_at <= $2`, after(outboxLife)},
	{"answers about messages", "message_subscriptions", "at", `at <= $2`, after(subscriptionLife)},
	{"counts of spraying", "spraying", "since", `since <= $2`, after(sprayingLife)},
}

// Purge deletes what can no longer matter: sessions, auth codes, idempotency records, tickets,
// counts, notifications, payloads and notices. It has a minute for each kind and leaves
// the rest to the next call; a kind that fails does not keep the others. Calling it
// twice, or from several processes, is safe.
func (db *DB) Purge(ctx context.Context) error {
	_, err := db.retainKinds(ctx, purgeKinds, purgeTime, false)
	return err
}
