package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// Freeze freezes the password of the linked account, ends every session of the person's
// users of all providers including this one, cancels the person's open change and reset, and
// rejects a waiting transfer of the link. The first call adds an event and a notice; later
// calls only end sessions. Freeze returns ErrNotFound if the link no longer exists.
//
// It locks rows in the order of OpenChange and FinishChange: link, reset, change,
// credential, sessions. A concurrent confirm therefore either finishes before the freeze,
// which then ends its sessions, or finds its change cancelled.
func (db *DB) Freeze(ctx context.Context, s Session) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := db.reject(ctx, tx, s, nil, now); err != nil {
			return err
		}
		if err := db.lockLink(ctx, tx, s); err != nil {
			return err
		}
		if err := db.cancelOpenOf(ctx, tx, s.Link.PersonDigest, now); err != nil {
			return err
		}
		first, err := db.freezeCredential(ctx, tx, s)
		if err != nil {
			return err
		}
		if _, err := db.endSessions(ctx, tx, sessionsOf{person: s.Link.PersonDigest, identities: db.digests(s.Visitor.Identity)}, now); err != nil || !first {
			return err
		}
		return db.recordFreeze(ctx, tx, s, now)
	})
}

// freezeCredential freezes the password and reports whether it was not frozen before.
func (db *DB) freezeCredential(ctx context.Context, tx *sqlx.Tx, s Session) (first bool, err error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE password_credentials SET state = 'frozen'
		WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND state <> 'frozen'`,
		db.center, s.Link.AccountID)
	err = changedOne(res, err, ErrConflict)
	if errors.Is(err, ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// recordFreeze adds the event and the notice of a freeze under one id.
func (db *DB) recordFreeze(ctx context.Context, tx *sqlx.Tx, s Session, now time.Time) error {
	e := newEvent(EventPasswordFrozen, s.Channel, now)
	if err := db.insertEvent(ctx, tx, s.Link.AccountID, e); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{e.ID, NoticePasswordFrozen, s.Link.AccountID, s.Visitor.Identity, s.Link.PersonDigest}, now)
}

// lockUnfrozen locks the link like lockLink and returns ErrBlocked if the password is
// frozen. A concurrent freeze waits for the caller's transaction.
func (db *DB) lockUnfrozen(ctx context.Context, tx *sqlx.Tx, s Session) error {
	if err := db.lockLink(ctx, tx, s); err != nil {
		return err
	}
	var state string
	err := tx.GetContext(ctx, &state, `
		SELECT state FROM password_credentials WHERE center_id = $1 AND account_id = $2 AND kind = 'password'`,
		db.center, s.Link.AccountID)
	if err == nil && state == PasswordFrozen {
		err = ErrBlocked
	}
	return mapNoRows(err, ErrNotFound)
}
