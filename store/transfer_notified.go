package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// beginWindow starts the holder's time to reject a transfer once its notice is delivered. A
// window that began with the request could end before the holder has heard of it.
// The notice has the transfer's id. The transfer is locked before the notice, as in Erase.
func (db *DB) beginWindow(ctx context.Context, tx *sqlx.Tx, d Delivery, now time.Time) error {
	if d.Kind != NoticeTransferRequested {
		return nil
	}
	var seconds int64
	err := tx.GetContext(ctx, &seconds, `
		SELECT window_seconds FROM link_transfers
		WHERE center_id = $1 AND transfer_id = $2 AND state = 'waiting' AND due_at IS NULL FOR UPDATE`,
		db.center, d.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // notified before, or closed
	} else if err != nil {
		return err
	}
	due := now.Add(time.Duration(seconds) * time.Second)
	_, err = tx.ExecContext(ctx, `
		UPDATE link_transfers SET due_at = $3, expires_at = $4 WHERE center_id = $1 AND transfer_id = $2`,
		db.center, d.ID, due, due.Add(TransferLife))
	return err
}

// markUndeliverable marks the transfer of an undeliverable notice and notifies the
// requester, who has to visit the counter: a link is never transferred from a holder who could
// not reject it.
func (db *DB) markUndeliverable(ctx context.Context, tx *sqlx.Tx, d Delivery, now time.Time) error {
	if d.Kind != NoticeTransferRequested {
		return nil
	}
	var r Transfer
	err := tx.GetContext(ctx, &r, `
		UPDATE link_transfers r SET state = 'undeliverable', closed_at = $2
		WHERE r.center_id = $1 AND r.transfer_id = $3 AND r.state = 'waiting'
		RETURNING `+transferColumns, db.center, now, d.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	var requester Identity
	if err := db.unseal(r.Sealed, "link_transfers", r.ID[:], &requester); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{uuid.New(), NoticeTransferUndeliverable, r.AccountID, requester, r.PersonDigest}, now)
}
