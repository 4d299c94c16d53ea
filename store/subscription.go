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
	SubscriptionNone     = "none"     // unknown, or the user was not asked
	SubscriptionAccepted = "accepted" // reported by the page, or Alipay accepted a message
	SubscriptionRejected = "rejected" // reported by the page
	SubscriptionRefused  = "refused"  // Alipay refused a message
)

// subscriptionLife is how long a state is kept that no message has confirmed.
const subscriptionLife = 365 * 24 * time.Hour

// Subscription returns the last known state of the user's subscription to a template. Only
// sending a message shows its present state.
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

// NoteSubscription stores the state that Alipay reported to the page. Calling it twice is
// safe.
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

// noteSubscription stores the state that sending a notice has shown, if a subscription of
// its addressee is known. Its template is the one that the addressee was asked about last.
func (db *DB) noteSubscription(ctx context.Context, tx *sqlx.Tx, d Delivery, state string, now time.Time) error {
	n, err := db.Outbox().Notice(d)
	if err != nil {
		return nil //nolint:nilerr // a notice that cannot be opened was not sent
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE message_subscriptions SET state = $3, at = $4
		WHERE center_id = $1 AND identity_digest = $2`,
		db.center, db.digest(n.Identity), state, now)
	return err
}
