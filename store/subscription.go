package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// States of a Subscription.
const (
	SubscriptionNone     = "none"     // the citizen was not asked, as far as is known
	SubscriptionAccepted = "accepted" // said by the page, or shown by a message that Alipay took
	SubscriptionRejected = "rejected" // said by the page
	SubscriptionRefused  = "refused"  // shown by a message that Alipay did not take
)

// subscriptionLife is how long an answer counts that no message has confirmed since.
const subscriptionLife = 365 * 24 * time.Hour

// Subscription returns what is known of whether the session's user takes messages of a
// template. Only Alipay knows for certain, when one is sent.
func (db *DB) Subscription(ctx context.Context, s Session, template string) (state string, err error) {
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &state, `
			SELECT state FROM message_subscriptions
			WHERE center_id = $1 AND identity_digest = $2 AND template_id = $3`,
			db.center, s.IdentityDigest, template)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return SubscriptionNone, nil
	}
	return state, err
}

// NoteSubscription keeps what Alipay told the page of the session's user. Calling it twice
// is safe.
func (db *DB) NoteSubscription(ctx context.Context, s Session, template, state string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO message_subscriptions AS m (center_id, identity_digest, template_id, state, at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (center_id, identity_digest) DO UPDATE SET
				template_id = excluded.template_id, state = excluded.state, at = excluded.at`,
			db.center, s.IdentityDigest, template, state, now)
		return err
	})
}

// noteSubscription keeps what a message has shown, where anything is known of its
// addressee: the template is the one they were asked about last.
func (db *DB) noteSubscription(ctx context.Context, tx *sqlx.Tx, d Delivery, state string, now time.Time) error {
	n, err := db.Notice(d)
	if err != nil {
		return nil //nolint:nilerr // what cannot be read was not sent
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE message_subscriptions SET state = $3, at = $4
		WHERE center_id = $1 AND identity_digest = $2`,
		db.center, db.digest(n.Identity), state, now)
	return err
}
