package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// ResetLife is how long a reset may take, from its start to the new password.
const ResetLife = 30 * time.Minute

// Reset states.
const (
	ResetStarted   = "started" // identity is not proven yet
	ResetPassed    = "passed"  // identity is proven
	ResetDone      = "done"
	ResetCancelled = "cancelled"
	ResetExpired   = "expired"
)

// Kinds of resets: what proves identity.
const (
	ResetByCertify = "certify" // alipay.user.certify.open.*
	ResetByFace    = "face"    // datadigital.fincloud.generalsaas.face.verification.*
	ResetByClerk   = "clerk"   // a code handed out at the counter
)

// A Reset is the way back in without the old password.
type Reset struct {
	ID                uuid.UUID  `db:"reset_id"`
	AccountID         uuid.UUID  `db:"account_id"`
	Kind              string     `db:"kind"`
	State             string     `db:"state"`
	CredentialVersion int64      `db:"credential_version"`
	NewFingerprint    []byte     `db:"new_fingerprint"`
	SessionsEnded     int        `db:"sessions_ended"`
	ExpiresAt         time.Time  `db:"expires_at"`
	ClosedAt          *time.Time `db:"closed_at"`
	CertifyID         string     `db:"-"` // Alipay's; "" when a clerk proved identity
	Sealed            []byte     `db:"sealed_certify"`
	Start             Start      `db:"-"` // what OpenReset keeps
}

const resetColumns = `reset_id, account_id, kind,
	CASE WHEN state IN ('started', 'passed') AND expires_at <= $5 THEN 'expired' ELSE state END AS state,
	credential_version, new_fingerprint, sessions_ended, expires_at, closed_at, sealed_certify`

// OpenReset keeps a verification that Alipay has just opened for the linked
// account's holder, and its Start. r has ID, Kind, CertifyID and Start. It replaces the same Alipay
// user's open reset. ErrConflict means that another Alipay user has one open for
// this person, or that the certify_id was seen before; ErrNotFound that the link
// is gone.
func (db *DB) OpenReset(ctx context.Context, s Session, a Account, r Reset) (Reset, error) {
	sealed, err := db.seal(r.CertifyID, "resets", r.ID[:])
	if err != nil {
		return Reset{}, err
	}
	r.AccountID, r.CredentialVersion, r.State, r.Sealed = a.ID, a.Version, ResetStarted, sealed
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r.ExpiresAt = now.Add(ResetLife)
		if err := db.beginReset(ctx, tx, s, r, now); err != nil {
			return err
		}
		return db.settleStart(ctx, tx, r.Start, 1)
	})
	return r, err
}

func (db *DB) beginReset(ctx context.Context, tx *sqlx.Tx, s Session, r Reset, now time.Time) error {
	if err := db.lockLink(ctx, tx, s); err != nil {
		return err
	}
	if err := db.closeOpenResets(ctx, tx, s, now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE resets SET state = 'expired', closed_at = expires_at
		WHERE center_id = $1 AND person_digest = $2 AND state IN ('started', 'passed') AND expires_at <= $3`,
		db.center, s.Link.PersonDigest, now); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO resets (center_id, reset_id, channel, identity_digest, person_digest, account_id, token_digest, kind, state,
			certify_digest, sealed_certify, credential_version, opened_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT DO NOTHING`,
		db.center, r.ID, s.Channel, s.IdentityDigest, s.Link.PersonDigest, r.AccountID, s.TokenDigest, r.Kind, r.State,
		db.certifyDigest(r.CertifyID), r.Sealed, r.CredentialVersion, now, r.ExpiresAt)
	if err := changedOne(res, err, ErrConflict); err != nil {
		return err
	}
	return db.addEvent(ctx, tx, r.AccountID, EventResetOpened, s.Channel, now)
}

// certifyDigest is NULL for a reset without a certify_id.
func (db *DB) certifyDigest(id string) []byte {
	if id == "" {
		return nil
	}
	return db.cipher.Index("certify id", []byte(id))
}

// closeOpenResets cancels what this Alipay user has open.
func (db *DB) closeOpenResets(ctx context.Context, tx *sqlx.Tx, s Session, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE resets SET state = 'cancelled', closed_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND state IN ('started', 'passed') AND identity_digest = $3`,
		db.center, s.Link.PersonDigest, s.IdentityDigest, now)
	return err
}

// Reset returns a reset that this very session began for the account it is linked
// to. Unknown, another session's and another account's are all ErrNotFound.
func (db *DB) Reset(ctx context.Context, s Session, id uuid.UUID) (Reset, error) {
	var r Reset
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return db.getReset(ctx, q, s, &r, id)
	})
	if err != nil {
		return Reset{}, mapNoRows(err, ErrNotFound)
	}
	if r.Sealed != nil {
		err = db.unseal(r.Sealed, "resets", r.ID[:], &r.CertifyID)
	}
	return r, err
}

func (db *DB) getReset(ctx context.Context, q sqlx.QueryerContext, s Session, r *Reset, id uuid.UUID) error {
	return sqlx.GetContext(ctx, q, r, `
		SELECT `+resetColumns+` FROM resets
		WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4 AND account_id = $6`,
		db.center, id, s.IdentityDigest, s.TokenDigest, db.clock(), s.Link.AccountID)
}

// PassReset keeps Alipay's word that the reset's person is who they say. ErrGone
// means that the reset is closed. Calling it twice is safe.
func (db *DB) PassReset(ctx context.Context, s Session, r Reset) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		res, err := tx.ExecContext(ctx, `
			UPDATE resets SET state = 'passed'
			WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4
				AND state IN ('started', 'passed') AND expires_at > $5`,
			db.center, r.ID, s.IdentityDigest, s.TokenDigest, now)
		return changedOne(res, err, ErrGone)
	})
}

// A NewPassword is the last step of a reset.
type NewPassword struct {
	Reset       Reset
	Hash        string
	Fingerprint []byte
}

// FinishReset gives the account a new password, whatever state the old one is in:
// reset closed, the person's open change cancelled, credential, history, every scope
// of the person's attempts cleared, the owner's other sessions ended, event and notice
// in one transaction, guarded by the reset's state and the credential's version. Of
// any number of racing calls one wins. A repeated call with the same new password
// gets the first answer; any other ErrGone. ErrConflict means that the password was
// changed since the reset was begun; ErrBlocked that the centre froze the account, or
// that it has ended.
//
// It locks the link first, as Freeze does: a change that is being opened meanwhile
// stands before the reset cancels it, or is opened after the reset.
func (db *DB) FinishReset(ctx context.Context, s Session, in NewPassword) (Reset, error) {
	var done Reset
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.lockLink(ctx, tx, s); err != nil && !errors.Is(err, ErrNotFound) {
			return err // without a link, closeReset finds nothing open
		}
		won, err := db.closeReset(ctx, tx, s, in, now)
		if err != nil {
			return err
		}
		if won {
			if err := db.applyReset(ctx, tx, s, in, now); err != nil {
				return err
			}
		}
		if err := db.getReset(ctx, tx, s, &done, in.Reset.ID); err != nil {
			return err
		}
		if !won && !done.Repeats(in.Fingerprint) {
			return ErrGone
		}
		return nil
	})
	return done, mapNoRows(err, ErrGone)
}

// Repeats reports whether a confirm with one of these fingerprints is the one that
// finished the reset.
func (r Reset) Repeats(fingerprints ...[]byte) bool {
	return r.State == ResetDone && among(fingerprints, r.NewFingerprint)
}

// closeReset lets one caller through.
func (db *DB) closeReset(ctx context.Context, tx *sqlx.Tx, s Session, in NewPassword, now time.Time) (bool, error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE resets SET state = 'done', new_fingerprint = $7, closed_at = $6
		WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4 AND account_id = $5
			AND state = 'passed' AND expires_at > $6`,
		db.center, in.Reset.ID, s.IdentityDigest, s.TokenDigest, s.Link.AccountID, now, in.Fingerprint)
	err = changedOne(res, err, ErrGone)
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	return err == nil, err
}

// applyReset writes everything that follows. After the reset come changes, then the
// credential, as in RemoveLink and FinishChange, so that no two wait for each other.
func (db *DB) applyReset(ctx context.Context, tx *sqlx.Tx, s Session, in NewPassword, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE changes SET state = 'cancelled', closed_at = $3
		WHERE center_id = $1 AND person_digest = $2 AND state = 'open'`,
		db.center, s.Link.PersonDigest, now); err != nil {
		return err
	}
	if err := db.overwriteCredential(ctx, tx, in, now); err != nil {
		return err
	}
	if err := db.resetLockouts(ctx, tx, s.Link.PersonDigest, now); err != nil {
		return err
	}
	return db.afterReset(ctx, tx, s, in.Reset, now)
}

// resetLockouts ends every lock of a person who has proven identity.
func (db *DB) resetLockouts(ctx context.Context, tx *sqlx.Tx, person []byte, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE lockouts SET attempts = 0, tier = 0, locked_until = NULL, updated_at = $3
		WHERE center_id = $1 AND person_digest = $2`,
		db.center, person, now)
	return err
}

// overwriteCredential replaces a password in any state: whoever proved identity may
// undo their own "不是我", but not what the centre froze.
func (db *DB) overwriteCredential(ctx context.Context, tx *sqlx.Tx, in NewPassword, now time.Time) error {
	r := in.Reset
	if err := db.keepHash(ctx, tx, r, now); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE password_credentials
		SET hash = $4, initial_rule = NULL, state = 'set', version = version + 1, changed_at = $5
		WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3
			AND EXISTS (SELECT 1 FROM accounts
				WHERE center_id = $1 AND account_id = $2 AND status NOT IN ('03', '04', '05', '06'))`,
		db.center, r.AccountID, r.CredentialVersion, in.Hash, now)
	err = changedOne(res, err, ErrBlocked)
	if errors.Is(err, ErrBlocked) {
		return db.replaceConflict(ctx, tx, r.AccountID, r.CredentialVersion)
	}
	return err
}

// keepHash keeps the password that a reset replaces among the earlier ones. Nobody has
// typed it, so there is no fingerprint of it.
func (db *DB) keepHash(ctx context.Context, tx *sqlx.Tx, r Reset, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO password_history (center_id, account_id, kind, version, hash, set_at)
		SELECT center_id, account_id, kind, version, hash, $4::timestamptz FROM password_credentials
		WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND hash IS NOT NULL
		ON CONFLICT (center_id, account_id, kind, version) DO NOTHING`,
		db.center, r.AccountID, r.CredentialVersion, now)
	return err
}

func (db *DB) afterReset(ctx context.Context, tx *sqlx.Tx, s Session, r Reset, now time.Time) error {
	ended, err := db.endOtherSessions(ctx, tx, s, now)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE resets SET sessions_ended = $3 WHERE center_id = $1 AND reset_id = $2`,
		db.center, r.ID, ended); err != nil {
		return err
	}
	if err := db.addEvent(ctx, tx, r.AccountID, EventPasswordReset, s.Channel, now); err != nil {
		return err
	}
	return db.addNotice(ctx, tx, s, notice{id: r.ID, kind: NoticePasswordReset, account: r.AccountID}, now)
}

// CancelReset closes an open reset without an effect. One that is closed already,
// unknown or another session's is ErrGone, except that cancelling twice is no error.
func (db *DB) CancelReset(ctx context.Context, s Session, id uuid.UUID) (Reset, error) {
	var r Reset
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE resets SET state = 'cancelled', closed_at = $5
			WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4
				AND state IN ('started', 'passed') AND expires_at > $5`,
			db.center, id, s.IdentityDigest, s.TokenDigest, now); err != nil {
			return err
		}
		if err := db.getReset(ctx, tx, s, &r, id); err != nil {
			return err
		}
		if r.State != ResetCancelled {
			return ErrGone
		}
		return nil
	})
	return r, mapNoRows(err, ErrGone)
}
