package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// NoticePasswordChanged tells the owner that the password was changed.
const NoticePasswordChanged = "password_changed"

// A Notice is what the outbox tells the owner of an account. It names neither
// the document nor the account.
type Notice struct {
	Identity  Identity  `json:"i"`
	ChangedAt time.Time `json:"at"`
}

// addNotice puts the notice of a change into the outbox, under the change's own
// id: the same change can never be told twice under two keys.
func (db *DB) addNotice(ctx context.Context, tx *sqlx.Tx, s Session, c Change, now time.Time) error {
	visitor, err := db.Visitor(s)
	if err != nil {
		return err
	}
	sealed, err := db.seal(Notice{Identity: visitor.Identity, ChangedAt: now}, "outbox", c.ID[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6)`,
		db.center, c.ID, NoticePasswordChanged, c.AccountID, sealed, now)
	return err
}
