package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Actions of operators; see also ActionExport.
const (
	ActionUnlock    = "unlock"
	ActionResetCode = "reset code" // issued; the code's id is the action's
)

// An OperatorRequest names a person, the operator who acts and the reason. Operator and
// Reason are stored in clear text, so the caller keeps personal data out of them.
type OperatorRequest struct {
	AccountNo   string    // GRZH, or "" if another field names the person
	DocumentKey []byte    // see document.Document.Key
	AccountID   uuid.UUID // of a LostEvent
	Operator    string
	Reason      string
}

// An Unlocked is the result of Unlock.
type Unlocked struct {
	ActionID uuid.UUID
	At       time.Time
	Account  Account // the account named, or the person's first
	Accounts int     // number of the person's accounts, which each got the event
	Scopes   int     // number of scopes with failed attempts or a lock
	Locked   int     // number of scopes that were locked
}

// Unlock resets the attempts at a person's passwords in all scopes and records the action
// and an event for the citizen. It does not change the password or its state. It returns
// ErrNotFound if there is no such account. Calling it twice is recorded twice.
func (db Operations) Unlock(ctx context.Context, u OperatorRequest) (Unlocked, error) {
	var done Unlocked
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		done = Unlocked{ActionID: uuid.New(), At: now}
		accounts, err := db.accountsOf(ctx, tx, u)
		if err != nil {
			return err
		}
		done.Account, done.Accounts = accounts[0], len(accounts)
		if err := db.clearLockouts(ctx, tx, &done); err != nil {
			return err
		}
		for _, a := range accounts {
			if err := db.insertEvent(ctx, tx, a.ID, newEvent(EventUnlocked, ChannelOperator, now)); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO operator_actions (center_id, action_id, at, operator, action, account_id, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			db.center, done.ActionID, now, u.Operator, ActionUnlock, done.Account.ID, u.Reason)
		return err
	})
	return done, err
}

// accountsOf returns the accounts of the person that u names, the named account first, or
// ErrNotFound.
func (db Operations) accountsOf(ctx context.Context, tx *sqlx.Tx, u OperatorRequest) ([]Account, error) {
	var number, person []byte
	if u.AccountNo != "" {
		number = db.accountNoDigest(u.AccountNo)
	}
	if len(u.DocumentKey) > 0 {
		person = db.PersonDigest(u.DocumentKey)
	}
	var rows []accountRow
	if err := tx.SelectContext(ctx, &rows, `
		SELECT `+accountColumns+`
		FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id AND `+isPassword+`
		WHERE a.center_id = $1 AND a.person_digest = coalesce($2::bytea, (
			SELECT person_digest FROM accounts WHERE center_id = $1 AND (account_no_digest = $3 OR account_id = $4)))
		ORDER BY a.account_no_digest IS DISTINCT FROM $3, a.account_id <> $4, a.status, a.account_id`,
		db.center, person, number, u.AccountID); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNotFound
	}
	all := make([]Account, len(rows))
	for i, row := range rows {
		var err error
		if all[i], err = db.account(row); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// clearLockouts resets the person's counters and counts them and their locks. It locks the
// rows first, so a concurrent attempt waits.
func (db Operations) clearLockouts(ctx context.Context, tx *sqlx.Tx, done *Unlocked) error {
	var rows []struct{ Used, Locked bool }
	if err := tx.SelectContext(ctx, &rows, `
		SELECT attempts > 0 OR tier > 0 OR locked_until IS NOT NULL AS used, coalesce(locked_until > $3, false) AS locked
		FROM lockouts WHERE center_id = $1 AND person_digest = $2 FOR UPDATE`,
		db.center, done.Account.PersonDigest, done.At); err != nil {
		return err
	}
	done.Scopes, done.Locked = 0, 0
	for _, row := range rows {
		if row.Used {
			done.Scopes++
		}
		if row.Locked {
			done.Locked++
		}
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE lockouts SET attempts = 0, tier = 0, locked_until = NULL, updated_at = $3
		WHERE center_id = $1 AND person_digest = $2`,
		db.center, done.Account.PersonDigest, done.At)
	return err
}

// An OperatorAction is one entry of the operators' record.
type OperatorAction struct {
	ID        uuid.UUID  `db:"action_id" json:"action_id"`
	At        time.Time  `db:"at" json:"at"`
	Operator  string     `db:"operator" json:"operator"`
	Action    string     `db:"action" json:"action"`
	AccountID *uuid.UUID `db:"account_id" json:"account_id"` // nil for an action on a channel
	Channel   string     `db:"channel" json:"channel,omitempty"`
	Reason    string     `db:"reason" json:"reason"`
}

// OperatorActions returns the operators' actions since a time, oldest first.
func (db Operations) OperatorActions(ctx context.Context, since time.Time) ([]OperatorAction, error) {
	var all []OperatorAction
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT action_id, at, operator, action, account_id, coalesce(channel, '') AS channel, reason FROM operator_actions
			WHERE center_id = $1 AND at >= $2 ORDER BY at, action_id`, db.center, since)
	})
	return all, err
}

// OperatorActionsOn returns what operators did since then to the accounts of the holder of
// accountNo, oldest first. Without such an account, as after an erasure, it returns what was
// done to the number itself.
func (db Operations) OperatorActionsOn(ctx context.Context, accountNo string, since time.Time) ([]OperatorAction, error) {
	var all []OperatorAction
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT action_id, at, operator, action, account_id, reason FROM operator_actions
			WHERE center_id = $1 AND at >= $2 AND (account_id = $3 OR account_id IN (
				SELECT b.account_id FROM accounts a JOIN accounts b ON b.center_id = a.center_id AND b.person_digest = a.person_digest
				WHERE a.center_id = $1 AND a.account_id = $3))
			ORDER BY at, action_id`, db.center, since, importedID(db.accountNoDigest(accountNo)))
	})
	return all, err
}
