package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// AccountsOf returns the accounts of the linked person that have not ended, in the order of
// status and id.
func (db *DB) AccountsOf(ctx context.Context, l Link) ([]Account, error) {
	var rows []accountRow
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT `+accountColumns+`
			FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id AND `+isPassword+`
			WHERE a.center_id = $1 AND a.person_digest = $2 AND a.status NOT IN `+endedStatuses+`
			ORDER BY a.status, a.account_id`,
			db.center, l.PersonDigest)
	})
	accounts := make([]Account, 0, len(rows))
	for _, r := range rows {
		a, err := db.account(r)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	return accounts, err
}

// ChooseAccount points the link to another account of the same person. No further proof is
// needed, because the person is proven and each account's password still guards its
// changes. The user's open change and reset are cancelled and their other sessions end,
// because they show the former account.
//
// ChooseAccount returns ErrNotFound if the person has no such account, ErrConflict if the
// link has changed since the session was read, and ErrBlocked if the account has ended or
// the password of the present one is frozen. Choosing the present account changes nothing;
// calling it twice is safe.
func (db *DB) ChooseAccount(ctx context.Context, s Session, id uuid.UUID) error {
	if id == s.Link.AccountID {
		return nil
	}
	chosen := Account{ID: id, PersonDigest: s.Link.PersonDigest}
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.lockAccount(ctx, tx, chosen); err != nil {
			return err
		}
		if err := db.lockUnfrozen(ctx, tx, s); errors.Is(err, ErrNotFound) {
			return db.requireChosen(ctx, tx, s, id)
		} else if err != nil {
			return err
		}
		return db.moveLink(ctx, tx, s, id, now)
	})
}

// moveLink points the link of the session's user, which is locked, to another account of
// the same person.
func (db *DB) moveLink(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID, now time.Time) error {
	if err := db.closeOpenResets(ctx, tx, s, now); err != nil {
		return err
	}
	if _, err := db.closeOpenChanges(ctx, tx, s, now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE links SET account_id = $4 WHERE center_id = $1 AND provider = $2 AND identity_digest = $3`,
		db.center, s.Provider, s.IdentityDigest, id); err != nil {
		return err
	}
	if err := db.endOtherSessions(ctx, tx, s, now); err != nil {
		return err
	}
	for _, account := range []uuid.UUID{s.Link.AccountID, id} { // the citizen reads the events of the new account
		if err := db.addEvent(ctx, tx, account, EventAccountChosen, s.Channel, now); err != nil {
			return err
		}
	}
	return nil
}

// requireChosen returns nil if a concurrent request has chosen the same account, and
// ErrConflict otherwise.
func (db *DB) requireChosen(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID) error {
	var there int
	err := tx.GetContext(ctx, &there, `
		SELECT 1 FROM links WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 AND account_id = $4`,
		db.center, s.Provider, s.IdentityDigest, id)
	return mapNoRows(err, ErrConflict)
}

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
