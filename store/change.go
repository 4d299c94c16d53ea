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

// ChangeLife is how long an open change waits for the next step. Activity
// renews it: citizens type slowly.
const ChangeLife = 15 * time.Minute

// confirmGrace is how long a change stays finishable after its end: a confirm that came in
// time has to hash first.
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
	ID                uuid.UUID  `db:"change_id"`
	AccountID         uuid.UUID  `db:"account_id"`
	State             string     `db:"state"`
	CredentialVersion int64      `db:"credential_version"`
	OldFingerprint    []byte     `db:"old_fingerprint"`
	NewFingerprint    []byte     `db:"new_fingerprint"`
	SessionsEnded     int        `db:"sessions_ended"`
	ExpiresAt         time.Time  `db:"expires_at"`
	ClosedAt          *time.Time `db:"closed_at"`
	Replaced          *OpenStep  `db:"-"` // what opening it has cancelled; nil: nothing
}

const changeColumns = `change_id, account_id,
	CASE WHEN state = 'open' AND expires_at <= $4 THEN 'expired' ELSE state END AS state,
	credential_version, old_fingerprint, new_fingerprint, sessions_ended, expires_at, closed_at`

// OpenChange opens a change for the linked account, whose password was just
// proven with old's fingerprint. It replaces the same Alipay user's open
// change, and says which. ErrConflict means that another Alipay user has a change open for this
// person; ErrNotFound that the link is gone; ErrBlocked that the password or the
// account is frozen.
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
		return db.insertChange(ctx, tx, s, a.PersonDigest, c, now)
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

// lockLink makes two opens of one user, and an open and an unlink, run one
// after the other. It returns ErrNotFound when the link is gone.
func (db *DB) lockLink(ctx context.Context, tx *sqlx.Tx, s Session) error {
	var account uuid.UUID
	err := tx.GetContext(ctx, &account, `
		SELECT account_id FROM links
		WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 AND account_id = $4 FOR UPDATE`,
		db.center, s.Provider, s.IdentityDigest, s.Link.AccountID)
	return mapNoRows(err, ErrNotFound)
}

// closeOpenChanges cancels what this Alipay user has open, one at most, and returns it.
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

// expireChanges makes room where an old change of anybody ran out of time.
func (db *DB) expireChanges(ctx context.Context, tx *sqlx.Tx, person []byte, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE changes SET state = 'expired', closed_at = expires_at
		WHERE center_id = $1 AND person_digest = $2 AND state = 'open' AND expires_at <= $3`,
		db.center, person, now)
	return err
}

// Change returns a change of the session's Alipay user. It returns ErrNotFound for a change
// that is unknown or another user's.
func (db *DB) Change(ctx context.Context, s Session, id uuid.UUID) (Change, error) {
	var c Change
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return db.getChange(ctx, q, s, id, &c, db.clock())
	})
	return c, mapNoRows(err, ErrNotFound)
}

// RenewChange gives an open change of the session's Alipay user its whole life again and
// returns it. A change that is not open is returned as it is, see Change.
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

// A Confirm is the last step of a change.
type Confirm struct {
	Change      Change
	Hash        string // of the new password
	Fingerprint []byte // of the new password
}

// FinishChange replaces the password: change closed, credential, history,
// other sessions, event and notice in one transaction, guarded by the change's
// state and the credential's version. Of any number of racing calls one wins.
// A repeated call with the same new password gets the first answer; any other
// ErrGone. ErrConflict means the password was changed elsewhere since the
// change was opened; ErrBlocked that the account or its password is frozen.
func (db *DB) FinishChange(ctx context.Context, s Session, in Confirm) (Change, error) {
	var done Change
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		won, err := db.closeChange(ctx, tx, s, in, now)
		if err != nil {
			return err
		}
		if !won {
			return db.replay(ctx, tx, s, in, &done, now)
		}
		if err := db.replaceCredential(ctx, tx, in, now); err != nil {
			return err
		}
		if err := db.afterChange(ctx, tx, s, in, now); err != nil {
			return err
		}
		return db.getChange(ctx, tx, s, in.Change.ID, &done, now)
	})
	return done, mapNoRows(err, ErrGone)
}

// closeChange lets one caller through.
func (db *DB) closeChange(ctx context.Context, tx *sqlx.Tx, s Session, in Confirm, now time.Time) (bool, error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE changes SET state = 'done', new_fingerprint = $5, closed_at = $4
		WHERE center_id = $1 AND change_id = $2 AND identity_digest = $3 AND state = 'open' AND expires_at > $6`,
		db.center, in.Change.ID, s.IdentityDigest, now, in.Fingerprint, now.Add(-confirmGrace))
	err = changedOne(res, err, ErrGone)
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	return err == nil, err
}

// replay answers a confirm that came after the end.
func (db *DB) replay(ctx context.Context, tx *sqlx.Tx, s Session, in Confirm, done *Change, now time.Time) error {
	if err := db.getChange(ctx, tx, s, in.Change.ID, done, now); err != nil {
		return err
	}
	if !done.Repeats(in.Fingerprint) {
		return ErrGone
	}
	return nil
}

// Repeats reports whether a confirm with one of these fingerprints is the one
// that finished the change.
func (c Change) Repeats(fingerprints ...[]byte) bool {
	return c.State == ChangeDone && among(fingerprints, c.NewFingerprint)
}

// Replaces reports whether one of the fingerprints is the old password's.
func (c Change) Replaces(fingerprints ...[]byte) bool { return among(fingerprints, c.OldFingerprint) }

func among(all [][]byte, kept []byte) bool {
	return slices.ContainsFunc(all, func(one []byte) bool { return bytes.Equal(one, kept) })
}

func (db *DB) replaceCredential(ctx context.Context, tx *sqlx.Tx, in Confirm, now time.Time) error {
	c := in.Change
	res, err := tx.ExecContext(ctx, `
		UPDATE password_credentials
		SET hash = $4, initial_rule = NULL, state = 'set', version = version + 1, changed_at = $5
		WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND state <> 'frozen'
			AND EXISTS (SELECT 1 FROM accounts
				WHERE center_id = $1 AND account_id = $2 AND status NOT IN ('03', '04', '05', '06'))`,
		db.center, c.AccountID, c.CredentialVersion, in.Hash, now)
	err = changedOne(res, err, ErrBlocked)
	if !errors.Is(err, ErrBlocked) {
		return err
	}
	return db.replaceConflict(ctx, tx, c.AccountID, c.CredentialVersion)
}

// replaceConflict returns why a credential was not replaced: ErrConflict if its version
// has changed, else ErrBlocked.
func (db *DB) replaceConflict(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, expected int64) error {
	var version int64
	if err := tx.GetContext(ctx, &version, `
		SELECT version FROM password_credentials WHERE center_id = $1 AND account_id = $2 AND kind = 'password'`,
		db.center, account); err != nil {
		return err
	}
	if version != expected {
		return ErrConflict
	}
	return ErrBlocked
}

// afterChange writes everything that follows from a new password.
func (db *DB) afterChange(ctx context.Context, tx *sqlx.Tx, s Session, in Confirm, now time.Time) error {
	c := in.Change
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO password_history (center_id, account_id, kind, version, fingerprint, set_at)
		VALUES ($1, $2, 'password', $3, $4, $5)
		ON CONFLICT (center_id, account_id, kind, version) DO NOTHING`,
		db.center, c.AccountID, c.CredentialVersion, c.OldFingerprint, now); err != nil {
		return err
	}
	ended, err := db.endOtherSessions(ctx, tx, s, now)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE changes SET sessions_ended = $3 WHERE center_id = $1 AND change_id = $2`,
		db.center, c.ID, ended); err != nil {
		return err
	}
	if err := db.addEvent(ctx, tx, c.AccountID, EventPasswordChanged, s.Channel, now); err != nil {
		return err
	}
	return db.addNotice(ctx, tx, s, notice{id: c.ID, kind: NoticePasswordChanged, account: c.AccountID}, now)
}

// CancelChange closes an open change. A change that is closed already, unknown
// or somebody else's is ErrGone, except that cancelling twice is no error.
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
