package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// An OpenStep is an open change or reset of the linked person.
type OpenStep struct {
	ID        uuid.UUID `db:"id"`
	Own       bool      `db:"own"` // opened by the session's user
	Channel   string    `db:"channel"`
	OpenedAt  time.Time `db:"opened_at"`
	ExpiresAt time.Time `db:"expires_at"`
}

// OpenSteps returns the open change and the open reset of the linked person, whoever opened
// them. Either is nil if there is none.
func (db *DB) OpenSteps(ctx context.Context, s Session) (change, reset *OpenStep, err error) {
	now := db.clock()
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		change, reset = nil, nil
		var changes, resets []OpenStep
		if err := sqlx.SelectContext(ctx, q, &changes, `
			SELECT change_id AS id, identity_digest = $4 AS own, channel, opened_at, expires_at FROM changes
			WHERE center_id = $1 AND person_digest = $2 AND state = 'open' AND expires_at > $3`,
			db.center, s.Link.PersonDigest, now, s.IdentityDigest); err != nil {
			return err
		}
		if err := sqlx.SelectContext(ctx, q, &resets, `
			SELECT reset_id AS id, identity_digest = $4 AS own, channel, opened_at, expires_at FROM resets
			WHERE center_id = $1 AND person_digest = $2 AND state IN ('started', 'passed') AND expires_at > $3`,
			db.center, s.Link.PersonDigest, now, s.IdentityDigest); err != nil {
			return err
		}
		if len(changes) > 0 { // at most one
			change = &changes[0]
		}
		if len(resets) > 0 {
			reset = &resets[0]
		}
		return nil
	})
	return change, reset, err
}
