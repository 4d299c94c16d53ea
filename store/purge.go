package store

import (
	"context"
	"time"
)

// spentLife is longer than any value that is valid once: Alipay accepts an auth code for 3
// minutes to 24 hours, and a one-time token is valid for OneTimeLife.
const spentLife = 25 * time.Hour

// notificationLife is much longer than Alipay repeats a notification (25 hours) and than an
// old one is accepted (48 hours).
const notificationLife = 365 * 24 * time.Hour

// linkProofLife is how long a link's proof can be looked up.
const linkProofLife = 90 * 24 * time.Hour

// outboxLife is how long the outcome of a notice can be looked up.
const outboxLife = 90 * 24 * time.Hour

// sprayingLife keeps the counters of a day for another day, so that operators can look them
// up.
const sprayingLife = 48 * time.Hour

// smsCodeLife keeps codes beyond the day in which they count, so that operators can look them
// up.
const smsCodeLife = 48 * time.Hour

// purgeKinds are the rows that Purge deletes at the end of their life.
var purgeKinds = []rowKind{
	{"sessions", "sessions", "created_at", `created_at <= $2`, after(SessionLife)},
	{"spent values", "spent_values", "spent_at", `spent_at <= $2`, after(spentLife)},
	{"devices", "devices", "used_at", `used_at <= $2`, after(deviceLife)},
	{"proofs of devices", "dpop_proofs", "expires_at", `expires_at <= $2`, after(0)},
	{"first answers", "idempotency_records", "created_at", `created_at <= $2`, after(IdempotencyRecordLife)},
	{"password tickets", "password_tickets", "made_at", `made_at <= $2`, after(TicketLife)},
	{"daily counts", "daily_counts", "day", `day < ($2::timestamptz AT TIME ZONE 'UTC')::date`, after(countLife)},
	{"notifications", "notifications", "received_at", `received_at <= $2`, after(notificationLife)},
	{"pending links", "link_proofs", "opened_at", `opened_at <= $2`, after(linkProofLife)},
	{"phone proofs", "phone_payloads", "used_at", `used_at <= $2`, after(phonePayloadLife)},
	{"notices to owners", "outbox", "created_at", `created_at <= $2`, after(outboxLife)},
	{"answers about messages", "message_subscriptions", "at", `at <= $2`, after(subscriptionLife)},
	{"counts of channels", "channel_counts", "minute", `minute <= $2`, after(channelCountLife)},
	{"approvals that lapsed", "operator_approvals", "expires_at", `expires_at <= $2`, after(0)},
	{"SMS codes", "sms_codes", "issued_at", `issued_at <= $2`, after(smsCodeLife)},
	{"counts of spraying", "spraying", "since", `since <= $2`, after(sprayingLife)},
}

// Purge deletes expired rows: sessions, devices, proofs, spent values, idempotency records,
// tickets, counts, notifications, payloads and notices. It spends at most a minute on each kind and leaves
// the rest to the next call; an error with one kind does not stop the others. It may be
// called repeatedly and by several processes.
func (db *DB) Purge(ctx context.Context) error {
	_, err := db.retainKinds(ctx, purgeKinds, purgeTime, false)
	return err
}
