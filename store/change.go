package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// ChangeLife is how long an open change waits for the next step. Activity renews it, because
// citizens type slowly.
const ChangeLife = 15 * time.Minute

// confirmGrace is how long after its end a change can still be finished, because a confirm that
// came in time has to hash first.
const confirmGrace = 10 * time.Second

// Change states. ChangeUnknown is never stored.
const (
	ChangeOpen      = "open"
	ChangeDone      = "done"
	ChangeCancelled = "cancelled"
	ChangeExpired   = "expired"
	ChangeUnknown   = "unknown"
)

// A Change is one password change, from the proven old password to its end.
type Change struct {
	ID                uuid.UUID `db:"change_id"`
	AccountID         uuid.UUID `db:"account_id"`
	State             string    `db:"state"`
	CredentialVersion int64     `db:"credential_version"`
	OldFingerprint    []byte    `db:"old_fingerprint"`
	NewFingerprint    []byte    `db:"new_fingerprint"`
	ExpiresAt         time.Time `db:"expires_at"`
	Replaced          *OpenStep `db:"-"` // what opening it has cancelled; nil: nothing
	Finished
}

const changeColumns = `change_id, account_id,
	CASE WHEN state = 'open' AND expires_at <= $4 THEN 'expired' ELSE state END AS state,
	credential_version, old_fingerprint, new_fingerprint, sessions_ended, expires_at, closed_at`

// OpenChange opens a change for the linked account. old is the fingerprint of its password,
// which was just proven. It cancels the change that the same user has open and returns it in
// Replaced. It returns ErrConflict if another user has a change open for this person,
// ErrNotFound if the link is gone, ErrBlocked if the password or the account is frozen, and ErrGone
// if the password was replaced after it was proven.
func (db *DB) OpenChange(ctx context.Context, s Session, a Account, old []byte) (Change, error) {
	c := Change{ID: uuid.New(), AccountID: a.ID, State: ChangeOpen, CredentialVersion: a.Version, OldFingerprint: old}
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		c.ExpiresAt = now.Add(ChangeLife)
		if err := db.lockUnfrozen(ctx, tx, s); err != nil {
			return err
		}
		if err := db.requireNotFrozen(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := db.expireChanges(ctx, tx, a.PersonDigest, now); err != nil {
			return err
		}
		replaced, err := db.closeOpenChanges(ctx, tx, s, now)
		if err != nil {
			return err
		}
		c.Replaced = replaced
		if err := db.insertChange(ctx, tx, s, a.PersonDigest, c, now); err != nil {
			return err
		}
		return db.requireVersion(ctx, tx, a)
	})
	return c, err
}

func (db *DB) insertChange(ctx context.Context, tx *sqlx.Tx, s Session, person []byte, c Change, now time.Time) error {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO changes (center_id, change_id, identity_digest, person_digest, account_id, state,
			credential_version, old_fingerprint, channel, opened_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10)
		ON CONFLICT (center_id, person_digest) WHERE state = 'open' DO NOTHING`,
		db.center, c.ID, s.IdentityDigest, person, c.AccountID,
		c.CredentialVersion, c.OldFingerprint, s.Channel, now, c.ExpiresAt)
	if err := changedOne(res, err, ErrConflict); err != nil {
		return err
	}
	return db.addEvent(ctx, tx, c.AccountID, EventChangeOpened, s.Channel, now)
}

// requireVersion returns ErrGone if the account has another password than a. It runs after the
// insert, which has waited for a concurrent change of the person.
func (db *DB) requireVersion(ctx context.Context, tx *sqlx.Tx, a Account) error {
	var version int64
	err := tx.GetContext(ctx, &version, `
		SELECT version FROM password_credentials WHERE center_id = $1 AND account_id = $2 AND kind = 'password'`,
		db.center, a.ID)
	if err == nil && version != a.Version {
		err = ErrGone
	}
	return mapNoRows(err, ErrNotFound)
}

// lockLink makes two opens of one user, and an open and an unlink, run one after the other. It
// returns ErrNotFound if the link is gone.
func (db *DB) lockLink(ctx context.Context, tx *sqlx.Tx, s Session) error {
	var account uuid.UUID
	err := tx.GetContext(ctx, &account, `
		SELECT account_id FROM links
		WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 AND account_id = $4 FOR UPDATE`,
		db.center, s.Provider, s.IdentityDigest, s.Link.AccountID)
	return mapNoRows(err, ErrNotFound)
}

// closeOpenChanges cancels the user's open change and returns it; nil if there is none.
func (db *DB) closeOpenChanges(ctx context.Context, tx *sqlx.Tx, s Session, now time.Time) (*OpenStep, error) {
	var closed []OpenStep
	err := tx.SelectContext(ctx, &closed, `
		UPDATE changes SET state = 'cancelled', closed_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND state = 'open' AND identity_digest = $3
		RETURNING change_id AS id, true AS own, channel, opened_at, expires_at`,
		db.center, s.Link.PersonDigest, s.IdentityDigest, now)
	if err != nil || len(closed) == 0 {
		return nil, err
	}
	return &closed[0], nil
}

// expireChanges closes the person's change that has run out of time, whoever opened it, so that
// another can be opened.
func (db *DB) expireChanges(ctx context.Context, tx *sqlx.Tx, person []byte, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE changes SET state = 'expired', closed_at = expires_at
		WHERE center_id = $1 AND person_digest = $2 AND state = 'open' AND expires_at <= $3`,
		db.center, person, now)
	return err
}

// Change returns a change of the session's user. It returns ErrNotFound if there is none with
// this id or if it is another user's.
func (db *DB) Change(ctx context.Context, s Session, id uuid.UUID) (Change, error) {
	var c Change
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return db.getChange(ctx, q, s, id, &c, db.clock())
	})
	return c, mapNoRows(err, ErrNotFound)
}

// RenewChange returns a change as Change does. If it is open, it gets its whole life again.
func (db *DB) RenewChange(ctx context.Context, s Session, id uuid.UUID) (Change, error) {
	var c Change
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE changes SET expires_at = $5
			WHERE center_id = $1 AND change_id = $2 AND identity_digest = $3 AND state = 'open' AND expires_at > $4`,
			db.center, id, s.IdentityDigest, now, now.Add(ChangeLife)); err != nil {
			return err
		}
		return db.getChange(ctx, tx, s, id, &c, now)
	})
	return c, mapNoRows(err, ErrNotFound)
}

func (db *DB) getChange(ctx context.Context, q sqlx.QueryerContext, s Session, id uuid.UUID, c *Change, now time.Time) error {
	return sqlx.GetContext(ctx, q, c, `
		SELECT `+changeColumns+` FROM changes
		WHERE center_id = $1 AND change_id = $2 AND identity_digest = $3`,
		db.center, id, s.IdentityDigest, now)
}

// FinishChange replaces the password and closes the change in one transaction, see
// replaceCredential; the change's state and the credential's version guard it. Of any number of
// racing calls one succeeds. A repeated call with the same new password gets the first answer.
// It returns ErrGone for any other call, ErrConflict if the password was changed elsewhere since
// the change was opened, and ErrBlocked if the account or its password is frozen.
func (db *DB) FinishChange(ctx context.Context, s Session, id uuid.UUID, in NewPassword) (done Finished, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r, err := db.closeChange(ctx, tx, s, id, in, now)
		if errors.Is(err, ErrGone) {
			done, err = db.repeatedChange(ctx, tx, s, id, in, now)
			return err
		} else if err != nil {
			return err
		}
		ended, err := db.replaceCredential(ctx, tx, r, in, now)
		if err != nil {
			return err
		}
		return tx.GetContext(ctx, &done, `
			UPDATE changes SET sessions_ended = $3 WHERE center_id = $1 AND change_id = $2
			RETURNING closed_at, sessions_ended`,
			db.center, id, ended)
	})
	return done, mapNoRows(err, ErrGone)
}

// closeChange marks the change done and returns what it replaces. It returns ErrGone if the
// change is closed already, as by another call.
func (db *DB) closeChange(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID, in NewPassword, now time.Time) (replacement, error) {
	r := replacement{id: id, by: s, kind: kindPassword, event: EventPasswordChanged, notice: NoticePasswordChanged}
	err := tx.GetContext(ctx, &r, `
		UPDATE changes SET state = 'done', new_fingerprint = $5, closed_at = $4
		WHERE center_id = $1 AND change_id = $2 AND identity_digest = $3 AND state = 'open' AND expires_at > $6
		RETURNING account_id, person_digest, credential_version, old_fingerprint`,
		db.center, id, s.IdentityDigest, now, in.Fingerprint, now.Add(-confirmGrace))
	return r, mapNoRows(err, ErrGone)
}

// repeatedChange returns what the call that this one repeats has done, or ErrGone.
func (db *DB) repeatedChange(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID, in NewPassword, now time.Time) (Finished, error) {
	var c Change
	err := db.getChange(ctx, tx, s, id, &c, now)
	if err == nil && !c.Repeats(in.Fingerprint) {
		err = ErrGone
	}
	return c.Finished, err
}

// Repeats reports whether the change was finished with one of these fingerprints.
func (c Change) Repeats(fingerprints ...[]byte) bool {
	return c.State == ChangeDone && among(fingerprints, c.NewFingerprint)
}

// Replaces reports whether one of the fingerprints is that of the old password.
func (c Change) Replaces(fingerprints ...[]byte) bool { return among(fingerprints, c.OldFingerprint) }

func among(all [][]byte, kept []byte) bool {
	return slices.ContainsFunc(all, func(one []byte) bool { return bytes.Equal(one, kept) })
}

// CancelChange cancels an open change. It returns ErrGone if the change is unknown, another
// user's or closed otherwise; cancelling twice is no error.
func (db *DB) CancelChange(ctx context.Context, s Session, id uuid.UUID) (Change, error) {
	var c Change
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE changes SET state = 'cancelled', closed_at = $4
			WHERE center_id = $1 AND change_id = $2 AND identity_digest = $3 AND state = 'open' AND expires_at > $4`,
			db.center, id, s.IdentityDigest, now); err != nil {
			return err
		}
		if err := db.getChange(ctx, tx, s, id, &c, now); err != nil {
			return err
		}
		if c.State != ChangeCancelled {
			return ErrGone
		}
		return nil
	})
	return c, mapNoRows(err, ErrGone)
}
