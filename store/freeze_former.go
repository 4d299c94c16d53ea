package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// FormerHolderFreeze is how long after a takeover whoever held the link may freeze.
const FormerHolderFreeze = 7 * 24 * time.Hour

// freezableTransfer finds the takeovers r of the user $3 since $4 which may be answered by a
// freeze: once each, while who took over still has the link. A clerk has seen a document.
const freezableTransfer = `r.center_id = $1 AND r.former_digest = $3 AND r.state = 'done' AND r.closed_at > $4
	AND r.frozen_at IS NULL AND r.proof <> 'clerk'
	AND EXISTS (SELECT 1 FROM links l
		WHERE l.center_id = $1 AND l.provider = r.provider AND l.identity_digest = r.identity_digest AND l.person_digest = r.person_digest)`

// TakenOver returns the takeover that the session's user, who holds no link any
// more, may answer by a freeze; nil: none.
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

// FreezeAsFormerHolder is Freeze by who held the link until it was taken over: the
// passwords of the account it was taken over for and of the one it is to now are frozen,
// and the sessions of both users end. Who has the link now is told. ErrNotFound means
// that there was no takeover lately, or that it was answered by a freeze already.
//
// Its locks are taken in the order of Freeze.
func (db *DB) FreezeAsFormerHolder(ctx context.Context, s Session) error {
	visitor, err := db.Visitor(s)
	if err != nil {
		return err
	}
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
		for _, r := range taken { // more than one only where it was taken back between
			if err := db.freezeTransferred(ctx, tx, s, r, visitor, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (db *DB) freezeTransferred(ctx context.Context, tx *sqlx.Tx, s Session, r Transfer, former Visitor, now time.Time) error {
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
		db.center, uuids([]uuid.UUID{held.Account, r.AccountID}), r.PersonDigest); err != nil { // an account may be another person's by now
		return err
	}
	ended := append(db.digests(held.Identity), db.digests(former.Identity)...)
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		db.center, byteas(ended...)); err != nil {
		return err
	}
	if err := db.addEvent(ctx, tx, held.Account, EventPasswordFrozen, s.Channel, now); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{uuid.New(), NoticeFrozenByFormer, held.Account, held.Identity, r.PersonDigest}, now)
}
