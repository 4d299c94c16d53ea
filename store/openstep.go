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
// them: with them owners see what another channel, or a stranger who knows the password, has
// begun. Either is nil if there is none. One that has expired counts as closed, although its
// row still says open.
func (db *DB) OpenSteps(ctx context.Context, s Session) (change, reset *OpenStep, err error) {
	now := db.clock()
	var rows []struct {
		OpenStep
		IsChange bool `db:"is_change"`
	}
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT true AS is_change, change_id AS id, identity_digest = $4 AS own, channel, opened_at, expires_at FROM changes
			WHERE center_id = $1 AND person_digest = $2 AND state = 'open' AND expires_at > $3
			UNION ALL
			SELECT false, reset_id, identity_digest = $4, channel, opened_at, expires_at FROM resets
			WHERE center_id = $1 AND person_digest = $2 AND state IN ('started', 'passed') AND expires_at > $3`,
			db.center, s.Link.PersonDigest, now, s.IdentityDigest)
	})
	for i := range rows { // at most one of each
		if rows[i].IsChange {
			change = &rows[i].OpenStep
		} else {
			reset = &rows[i].OpenStep
		}
	}
	return change, reset, err
}
