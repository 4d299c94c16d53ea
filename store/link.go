package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// A NewLink is a proven wish to tie the session's Alipay user to an account.
type NewLink struct {
	Session Session
	Account Account
	Lane    []byte // whose charge is given back
}

// AddLink links the session's Alipay user to an account. Both unique keys
// stand in one table, so of any number of racing calls at most one succeeds
// for a user and for a person. It returns ErrConflict when either is linked
// already; the same pair again is no error.
func (db *DB) AddLink(ctx context.Context, n NewLink) (Link, error) {
	visitor, err := db.Visitor(n.Session)
	if err != nil {
		return Link{}, err
	}
	sealed, err := db.seal(visitor.Identity, "alipay_links", n.Session.IdentityDigest)
	if err != nil {
		return Link{}, err
	}
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.refund(ctx, tx, n.Account.PersonDigest, n.Lane, now); err != nil {
			return err
		}
		fresh, err := db.insertLink(ctx, tx, n, sealed, now)
		if err != nil || !fresh {
			return err
		}
		if err := db.forgetAccessToken(ctx, tx, n.Session, visitor); err != nil {
			return err
		}
		return db.addEvent(ctx, tx, n.Account.ID, EventLinked, now)
	})
	return Link{AccountID: n.Account.ID, PersonDigest: n.Account.PersonDigest}, err
}

func (db *DB) insertLink(ctx context.Context, tx *sqlx.Tx, n NewLink, sealed []byte, now time.Time) (fresh bool, err error) {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO alipay_links (center_id, identity_digest, person_digest, account_id, sealed_identity, linked_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`,
		db.center, n.Session.IdentityDigest, n.Account.PersonDigest, n.Account.ID, sealed, now)
	if err = changedOne(res, err, ErrConflict); err != ErrConflict {
		return err == nil, err
	}
	var same bool
	err = tx.GetContext(ctx, &same, `
		SELECT EXISTS (SELECT 1 FROM alipay_links
			WHERE center_id = $1 AND identity_digest = $2 AND person_digest = $3 AND account_id = $4)`,
		db.center, n.Session.IdentityDigest, n.Account.PersonDigest, n.Account.ID)
	if err == nil && !same {
		err = ErrConflict
	}
	return false, err
}

// forgetAccessToken drops Alipay's token from the session: the link was its only use.
func (db *DB) forgetAccessToken(ctx context.Context, tx *sqlx.Tx, s Session, v Visitor) error {
	v.AccessToken = ""
	sealed, err := db.seal(v, "sessions", s.TokenDigest)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE sessions SET sealed = $3 WHERE center_id = $1 AND token_digest = $2`,
		db.center, s.TokenDigest, sealed)
	return err
}

// RemoveLink unlinks the session's Alipay user, cancels their open change and
// ends their other sessions. It returns ErrNotFound when the link is gone.
func (db *DB) RemoveLink(ctx context.Context, s Session) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		// First, because it locks the owner's lane: OpenChange of the same user waits.
		if err := db.refund(ctx, tx, s.Link.PersonDigest, s.IdentityDigest, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			DELETE FROM alipay_links WHERE center_id = $1 AND identity_digest = $2 AND account_id = $3`,
			db.center, s.IdentityDigest, s.Link.AccountID)
		if err := changedOne(res, err, ErrNotFound); err != nil {
			return err
		}
		if err := db.closeOpenChanges(ctx, tx, s, now); err != nil {
			return err
		}
		if _, err := db.endOtherSessions(ctx, tx, s, now); err != nil {
			return err
		}
		return db.addEvent(ctx, tx, s.Link.AccountID, EventUnlinked, now)
	})
}

// LinkedAccount returns an account as its linked owner may see it, or ErrNotFound.
func (db *DB) LinkedAccount(ctx context.Context, accountID uuid.UUID) (Account, error) {
	var row accountRow
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT `+accountColumns+`
			FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id
			WHERE a.center_id = $1 AND a.account_id = $2`,
			db.center, accountID)
	})
	if err != nil {
		return Account{}, none(err, ErrNotFound)
	}
	return db.account(row)
}
