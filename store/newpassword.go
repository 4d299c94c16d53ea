package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// kindPassword is the kind of the credentials that changes, resets and recoveries replace.
const kindPassword = "password"

// A NewPassword is the last step of a change, reset or recovery.
type NewPassword struct {
	Hash        string
	Fingerprint []byte // see PasswordFingerprints
}

// Finished says when a change, reset or recovery was closed and how many other sessions it
// ended.
type Finished struct {
	ClosedAt      *time.Time `db:"closed_at"` // nil while open
	SessionsEnded int        `db:"sessions_ended"`
}

// A replacement is a change, reset or recovery that may replace a credential now: whose
// credential, which one, and what is recorded.
type replacement struct {
	Account uuid.UUID `db:"account_id"`
	Person  []byte    `db:"person_digest"`
	Version int64     `db:"credential_version"` // of the credential to replace
	Typed   []byte    `db:"old_fingerprint"`    // of the old password; nil if it was forgotten

	id            uuid.UUID // of the change, reset or recovery
	by            Session
	kind          string
	forgotten     bool // identity was proven instead of the old password
	event, notice string
}

// replaceCredential replaces a credential and writes what follows from that, in the
// transaction that has closed the change, reset or recovery: the history, the event and the
// notice. It ends the other sessions of the person's users of all providers, on all channels,
// and returns how many were alive. It returns ErrConflict if the credential has another version
// by now, and ErrBlocked if the account is frozen or has ended, or if the password is frozen.
//
// Who forgot the password has proven identity and may replace one that is frozen, which undoes
// their own "不是我"; then also whatever else the person has open is cancelled, and every lock
// ends.
//
// The locks are taken in the order of Freeze and Erase: resets, changes, credential, sessions.
func (db *DB) replaceCredential(ctx context.Context, tx *sqlx.Tx, r replacement, in NewPassword, now time.Time) (ended int, err error) {
	if r.forgotten {
		if err := db.cancelOpenOf(ctx, tx, r.Person, now); err != nil {
			return 0, err
		}
	}
	if err := db.keepReplaced(ctx, tx, r, now); err != nil {
		return 0, err
	}
	if err := db.writeCredential(ctx, tx, r, in.Hash, now); err != nil {
		return 0, err
	}
	if r.forgotten {
		if err := db.resetLockouts(ctx, tx, r.Person, now); err != nil {
			return 0, err
		}
	}
	ended, err = db.endSessions(ctx, tx, sessionsOf{person: r.Person, identities: [][]byte{r.by.IdentityDigest}, except: r.by.TokenDigest}, now)
	if err != nil {
		return 0, err
	}
	return ended, db.recordReplaced(ctx, tx, r, now)
}

// keepReplaced adds the credential to the history. Without a fingerprint, because nobody has
// typed it, its hash is kept.
func (db *DB) keepReplaced(ctx context.Context, tx *sqlx.Tx, r replacement, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO password_history (center_id, account_id, kind, version, fingerprint, hash, set_at)
		SELECT center_id, account_id, kind, version, $5::bytea, CASE WHEN $5::bytea IS NULL THEN hash END, $6::timestamptz
		FROM password_credentials
		WHERE center_id = $1 AND account_id = $2 AND kind = $3 AND version = $4 AND ($5::bytea IS NOT NULL OR hash IS NOT NULL)
		ON CONFLICT (center_id, account_id, kind, version) DO NOTHING`,
		db.center, r.Account, r.kind, r.Version, r.Typed, now)
	return err
}

func (db *DB) writeCredential(ctx context.Context, tx *sqlx.Tx, r replacement, hash string, now time.Time) error {
	res, err := tx.ExecContext(ctx, `
		UPDATE password_credentials
		SET hash = $5, initial_rule = NULL, state = 'set', version = version + 1, changed_at = $6
		WHERE center_id = $1 AND account_id = $2 AND kind = $3 AND version = $4 AND ($7 OR state <> 'frozen')
			AND EXISTS (SELECT 1 FROM accounts
				WHERE center_id = $1 AND account_id = $2 AND status NOT IN ('03', '04', '05', '06'))`,
		db.center, r.Account, r.kind, r.Version, hash, now, r.forgotten)
	err = changedOne(res, err, ErrBlocked)
	if errors.Is(err, ErrBlocked) {
		err = db.replaceConflict(ctx, tx, r)
	}
	return err
}

// replaceConflict returns why a credential was not replaced: ErrConflict if its version
// has changed, else ErrBlocked.
func (db *DB) replaceConflict(ctx context.Context, tx *sqlx.Tx, r replacement) error {
	var version int64
	if err := tx.GetContext(ctx, &version, `
		SELECT version FROM password_credentials WHERE center_id = $1 AND account_id = $2 AND kind = $3`,
		db.center, r.Account, r.kind); err != nil {
		return err
	}
	if version != r.Version {
		return ErrConflict
	}
	return ErrBlocked
}

// resetLockouts ends every lock of a person who has proven identity.
func (db *DB) resetLockouts(ctx context.Context, tx *sqlx.Tx, person []byte, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE lockouts SET attempts = 0, tier = 0, locked_until = NULL, updated_at = $3
		WHERE center_id = $1 AND person_digest = $2`,
		db.center, person, now)
	return err
}

// recordReplaced writes the event and the notice to the user. The notice has the id of the
// change, reset or recovery, so there is at most one of each.
func (db *DB) recordReplaced(ctx context.Context, tx *sqlx.Tx, r replacement, now time.Time) error {
	if err := db.addEvent(ctx, tx, r.Account, r.event, r.by.Channel, now); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{r.id, r.notice, r.Account, r.by.Visitor.Identity, r.Person}, now)
}
