package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// beginWindow lets the window of the relink begin whose holder a notice has told. The
// notice has the relink's id. It comes before the lock of the notice, as in Erase.
func (db *DB) beginWindow(ctx context.Context, tx *sqlx.Tx, d Delivery, now time.Time) error {
	if d.Kind != NoticeRelinkAsked {
		return nil
	}
	var seconds int64
	err := tx.GetContext(ctx, &seconds, `
		SELECT window_seconds FROM relinks
		WHERE center_id = $1 AND relink_id = $2 AND state = 'waiting' AND due_at IS NULL FOR UPDATE`,
		db.center, d.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // told before, or over
	} else if err != nil {
		return err
	}
	due := now.Add(time.Duration(seconds) * time.Second)
	_, err = tx.ExecContext(ctx, `
		UPDATE relinks SET due_at = $3, expires_at = $4 WHERE center_id = $1 AND relink_id = $2`,
		db.center, d.ID, due, due.Add(RelinkLife))
	return err
}

// untellable ends the relink whose holder a notice could not tell, and says so to who asked.
func (db *DB) untellable(ctx context.Context, tx *sqlx.Tx, d Delivery, now time.Time) error {
	if d.Kind != NoticeRelinkAsked {
		return nil
	}
	var r Relink
	err := tx.GetContext(ctx, &r, `
		UPDATE relinks r SET state = 'undeliverable', closed_at = $2
		WHERE r.center_id = $1 AND r.relink_id = $3 AND r.state = 'waiting'
		RETURNING `+relinkColumns, db.center, now, d.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	var asker Identity
	if err := db.unseal(r.Sealed, "relinks", r.ID[:], &asker); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{uuid.New(), NoticeTransferUndeliverable, r.AccountID, asker, r.PersonDigest}, now)
}
