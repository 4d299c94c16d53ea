package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Relinks returns the latest wish of the session's Alipay user in the last 30 days,
// whatever became of it, and the one that waits for the session's own link. Either is nil
// where there is none.
func (db *DB) Relinks(ctx context.Context, s Session) (own, against *Relink, err error) {
	now := db.clock()
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		own, against = nil, nil
		var rows []Relink
		if err := sqlx.SelectContext(ctx, q, &rows, `
			SELECT `+relinkColumns+` FROM relinks r
			WHERE r.center_id = $1 AND r.identity_digest = $3 AND r.asked_at > $4
			ORDER BY r.asked_at DESC LIMIT 1`,
			db.center, now, s.IdentityDigest, now.Add(-ObjectionLife)); err != nil {
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
			SELECT `+relinkColumns+` FROM relinks r
			WHERE r.center_id = $1 AND r.person_digest = $3 AND r.former_digest = $4
				AND r.state = 'waiting' AND r.expires_at > $2 AND `+relinkStands,
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

// Relink returns a wish of the session's Alipay user, or ErrNotFound.
func (db *DB) Relink(ctx context.Context, s Session, id uuid.UUID) (Relink, error) {
	var r Relink
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &r, `
			SELECT `+relinkColumns+` FROM relinks r
			WHERE r.center_id = $1 AND r.relink_id = $3 AND r.identity_digest = $4`,
			db.center, db.clock(), id, s.IdentityDigest)
	})
	return r, mapNoRows(err, ErrNotFound)
}

// ObjectRelink refuses a wish for the session's own link, until it is done. Who asked is
// told. ErrGone means that there is none of this id any more; objecting twice is no error.
func (db *DB) ObjectRelink(ctx context.Context, s Session, id uuid.UUID) (Relink, error) {
	var r Relink
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		objected, err := db.object(ctx, tx, s, &id, now)
		if err != nil {
			return err
		}
		if !objected {
			err = tx.GetContext(ctx, &r, `
				SELECT `+relinkColumns+` FROM relinks r
				WHERE r.center_id = $1 AND r.relink_id = $3 AND r.person_digest = $4 AND r.former_digest = $5 AND r.state = 'objected'`,
				db.center, now, id, s.Link.PersonDigest, s.IdentityDigest)
			return mapNoRows(err, ErrGone)
		}
		r = Relink{ID: id, State: RelinkObjected}
		return nil
	})
	return r, err
}

// object refuses the wish for the session's own link; a nil id is any. It comes before
// the link's lock, as in FinishRelink.
func (db *DB) object(ctx context.Context, tx *sqlx.Tx, s Session, id *uuid.UUID, now time.Time) (bool, error) {
	var rows []Relink
	if err := tx.SelectContext(ctx, &rows, `
		UPDATE relinks r SET state = 'objected', closed_at = $2
		WHERE r.center_id = $1 AND r.person_digest = $3 AND r.former_digest = $4 AND r.state = 'waiting' AND r.expires_at > $2
			AND ($5::uuid IS NULL OR r.relink_id = $5)
		RETURNING `+relinkColumns,
		db.center, now, s.Link.PersonDigest, s.IdentityDigest, id); err != nil {
		return false, err
	}
	for _, r := range rows { // one at most
		var asker Identity
		if err := db.unseal(r.Sealed, "relinks", r.ID[:], &asker); err != nil {
			return false, err
		}
		if err := db.addEvent(ctx, tx, s.Link.AccountID, EventRelinkObjected, now); err != nil {
			return false, err
		}
		if err := db.queueNotice(ctx, tx, notice{uuid.New(), NoticeRelinkObjected, s.Link.AccountID, asker, s.Link.PersonDigest}, now); err != nil {
			return false, err
		}
	}
	return len(rows) > 0, nil
}

// CancelRelink takes a wish of the session's Alipay user back. One that is closed
// otherwise, unknown or another user's is ErrGone; cancelling twice is no error.
func (db *DB) CancelRelink(ctx context.Context, s Session, id uuid.UUID) (Relink, error) {
	var r Relink
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE relinks SET state = 'cancelled', closed_at = $4
			WHERE center_id = $1 AND relink_id = $2 AND identity_digest = $3 AND state = 'waiting'`,
			db.center, id, s.IdentityDigest, now); err != nil {
			return err
		}
		return tx.GetContext(ctx, &r, `
			SELECT `+relinkColumns+` FROM relinks r
			WHERE r.center_id = $1 AND r.relink_id = $3 AND r.identity_digest = $4 AND r.state = 'cancelled'`,
			db.center, now, id, s.IdentityDigest)
	})
	return r, mapNoRows(err, ErrGone)
}
