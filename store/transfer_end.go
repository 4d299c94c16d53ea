package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Transfers returns the latest transfer that the session's user requested within
// RejectionLife, in any state, and the waiting transfer of the session's own link. Either
// is nil if there is none.
func (db *DB) Transfers(ctx context.Context, s Session) (own, against *Transfer, err error) {
	now := db.clock()
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		own, against = nil, nil
		var rows []Transfer
		if err := sqlx.SelectContext(ctx, q, &rows, `
			SELECT `+transferColumns+` FROM link_transfers r
			WHERE r.center_id = $1 AND r.identity_digest = $3 AND r.requested_at > $4
			ORDER BY r.requested_at DESC LIMIT 1`,
			db.center, now, s.IdentityDigest, now.Add(-RejectionLife)); err != nil {
			return err
		}
		if len(rows) > 0 {
			own = &rows[0]
		}
		if s.Link == nil {
			return nil
		}
		rows = nil
		if err := sqlx.SelectContext(ctx, q, &rows, `
			SELECT `+transferColumns+` FROM link_transfers r
			WHERE r.center_id = $1 AND r.person_digest = $3 AND r.former_digest = $4
				AND r.state = 'waiting' AND r.expires_at > $2 AND `+transferValid,
			db.center, now, s.Link.PersonDigest, s.IdentityDigest); err != nil {
			return err
		}
		if len(rows) > 0 {
			against = &rows[0]
		}
		return nil
	})
	return own, against, err
}

// Transfer returns a transfer that the session's user requested, or ErrNotFound.
func (db *DB) Transfer(ctx context.Context, s Session, id uuid.UUID) (Transfer, error) {
	var r Transfer
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &r, `
			SELECT `+transferColumns+` FROM link_transfers r
			WHERE r.center_id = $1 AND r.transfer_id = $3 AND r.identity_digest = $4`,
			db.center, db.clock(), id, s.IdentityDigest)
	})
	return r, mapNoRows(err, ErrNotFound)
}

// RejectTransfer rejects a waiting transfer of the session's own link and notifies the
// requester. It returns ErrGone if no such transfer is waiting; rejecting twice is no
// error.
func (db *DB) RejectTransfer(ctx context.Context, s Session, id uuid.UUID) (Transfer, error) {
	var r Transfer
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		rejected, err := db.reject(ctx, tx, s, &id, now)
		if err != nil {
			return err
		}
		if !rejected {
			err = tx.GetContext(ctx, &r, `
				SELECT `+transferColumns+` FROM link_transfers r
				WHERE r.center_id = $1 AND r.transfer_id = $3 AND r.person_digest = $4 AND r.former_digest = $5 AND r.state = 'rejected'`,
				db.center, now, id, s.Link.PersonDigest, s.IdentityDigest)
			return mapNoRows(err, ErrGone)
		}
		r = Transfer{ID: id, State: TransferRejected}
		return nil
	})
	return r, err
}

// reject rejects the waiting transfer of the session's own link and reports whether there
// was one. A nil id stands for any. Callers lock the link afterwards, as CompleteTransfer
// does.
func (db *DB) reject(ctx context.Context, tx *sqlx.Tx, s Session, id *uuid.UUID, now time.Time) (bool, error) {
	var rows []Transfer
	if err := tx.SelectContext(ctx, &rows, `
		UPDATE link_transfers r SET state = 'rejected', closed_at = $2
		WHERE r.center_id = $1 AND r.person_digest = $3 AND r.former_digest = $4 AND r.state = 'waiting' AND r.expires_at > $2
			AND ($5::uuid IS NULL OR r.transfer_id = $5)
		RETURNING `+transferColumns,
		db.center, now, s.Link.PersonDigest, s.IdentityDigest, id); err != nil {
		return false, err
	}
	for _, r := range rows { // at most one
		var requester Identity
		if err := db.unseal(r.Sealed, "link_transfers", r.ID[:], &requester); err != nil {
			return false, err
		}
		if err := db.addEvent(ctx, tx, s.Link.AccountID, EventTransferRejected, s.Channel, now); err != nil {
			return false, err
		}
		if err := db.queueNotice(ctx, tx, notice{uuid.New(), NoticeTransferRejected, s.Link.AccountID, requester, s.Link.PersonDigest}, now); err != nil {
			return false, err
		}
	}
	return len(rows) > 0, nil
}

// CancelTransfer cancels a waiting transfer that the session's user requested. It returns
// ErrGone if the transfer is closed otherwise, unknown or another user's; cancelling twice
// is no error.
func (db *DB) CancelTransfer(ctx context.Context, s Session, id uuid.UUID) (Transfer, error) {
	var r Transfer
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE link_transfers SET state = 'cancelled', closed_at = $4
			WHERE center_id = $1 AND transfer_id = $2 AND identity_digest = $3 AND state = 'waiting'`,
			db.center, id, s.IdentityDigest, now); err != nil {
			return err
		}
		return tx.GetContext(ctx, &r, `
			SELECT `+transferColumns+` FROM link_transfers r
			WHERE r.center_id = $1 AND r.transfer_id = $3 AND r.identity_digest = $4 AND r.state = 'cancelled'`,
			db.center, now, id, s.IdentityDigest)
	})
	return r, mapNoRows(err, ErrGone)
}

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
