package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

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

// FormerHolderFreeze is how long after a transfer the former holder of the link may freeze
// the password.
const FormerHolderFreeze = 7 * 24 * time.Hour

// freezableTransfer selects the transfers r that the former holder $3 may answer with a
// freeze: completed since $4, not answered yet, and with the link still at the requester. A
// transfer by a clerk is excluded, because the clerk has checked a document.
const freezableTransfer = `r.center_id = $1 AND r.former_digest = $3 AND r.state = 'done' AND r.closed_at > $4
	AND r.frozen_at IS NULL AND r.proof <> 'clerk'
	AND EXISTS (SELECT 1 FROM links l
		WHERE l.center_id = $1 AND l.provider = r.provider AND l.identity_digest = r.identity_digest AND l.person_digest = r.person_digest)`

// TakenOver returns the latest transfer that the session's user, the former holder, may
// answer with a freeze, or nil.
func (db *DB) TakenOver(ctx context.Context, s Session) (*Transfer, error) {
	now := db.clock()
	var rows []Transfer
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT `+transferColumns+` FROM link_transfers r WHERE `+freezableTransfer+` ORDER BY r.closed_at DESC LIMIT 1`,
			db.center, now, s.IdentityDigest, now.Add(-FormerHolderFreeze))
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// FreezeAsFormerHolder freezes the password for the former holder of a transferred link:
// that of the account the transfer was requested for and that of the account the link
// points to. It ends the sessions of both users, and those of the person's users of other
// providers, and notifies the holder. It returns ErrNotFound if there is no recent transfer,
// or if it was answered already.
//
// It locks rows in the order of Freeze.
func (db *DB) FreezeAsFormerHolder(ctx context.Context, s Session) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var taken []Transfer
		if err := tx.SelectContext(ctx, &taken, `
			UPDATE link_transfers r SET frozen_at = $2 WHERE `+freezableTransfer+` RETURNING `+transferColumns,
			db.center, now, s.IdentityDigest, now.Add(-FormerHolderFreeze)); err != nil {
			return err
		}
		if len(taken) == 0 {
			return ErrNotFound
		}
		for _, r := range taken { // several if the link was transferred back in between
			if err := db.freezeTransferred(ctx, tx, s, r, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// freezeTransferred freezes the passwords of one transfer. The holder is read from the
// link, because it may have moved to another identifier or account since.
func (db *DB) freezeTransferred(ctx context.Context, tx *sqlx.Tx, s Session, r Transfer, now time.Time) error {
	var held heldLink
	if err := tx.GetContext(ctx, &held, `
		SELECT identity_digest, account_id, sealed_identity FROM links
		WHERE center_id = $1 AND provider = $2 AND person_digest = $3 FOR UPDATE`,
		db.center, r.Provider, r.PersonDigest); err != nil {
		return mapNoRows(err, ErrNotFound)
	}
	if err := db.unseal(held.Sealed, "links", held.Digest, &held.Identity); err != nil {
		return err
	}
	if err := db.cancelOpenOf(ctx, tx, r.PersonDigest, now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE password_credentials SET state = 'frozen'
		WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) AND kind = 'password' AND state <> 'frozen'
			AND EXISTS (SELECT 1 FROM accounts a
				WHERE a.center_id = $1 AND a.account_id = password_credentials.account_id AND a.person_digest = $3)`,
		db.center, uuids([]uuid.UUID{held.Account, r.AccountID}), r.PersonDigest); err != nil { // an account may belong to another person now
		return err
	}
	ended := append(db.digests(held.Identity), db.digests(s.Visitor.Identity)...)
	if _, err := db.endSessions(ctx, tx, sessionsOf{person: r.PersonDigest, identities: ended}, now); err != nil {
		return err
	}
	if err := db.addEvent(ctx, tx, held.Account, EventPasswordFrozen, s.Channel, now); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{uuid.New(), NoticeFrozenByFormer, held.Account, held.Identity, r.PersonDigest}, now)
}
