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
	ResetBySMS     = "sms"     // a code sent to the phone on file
)

// A Reset is one password reset, from the start of the proof of identity to its end.
type Reset struct {
	ID                uuid.UUID `db:"reset_id"`
	AccountID         uuid.UUID `db:"account_id"`
	Kind              string    `db:"kind"`
	State             string    `db:"state"`
	CredentialVersion int64     `db:"credential_version"`
	NewFingerprint    []byte    `db:"new_fingerprint"`
	ExpiresAt         time.Time `db:"expires_at"`
	CertifyID         string    `db:"-"` // Alipay's; "" if a code proves identity
	smsCodeID         uuid.UUID // of ResetBySMS
	Sealed            []byte    `db:"sealed_certify"`
	Start             Start     `db:"-"` // what OpenReset keeps
	Finished
}

const resetColumns = `reset_id, account_id, kind,
	CASE WHEN state IN ('started', 'passed') AND expires_at <= $5 THEN 'expired' ELSE state END AS state,
	credential_version, new_fingerprint, sessions_ended, expires_at, closed_at, sealed_certify`

// OpenReset stores a reset whose verification Alipay has just opened for the linked account's
// holder, and counts its Start. r has ID, Kind, CertifyID and Start. It cancels the reset that
// the same user has open. It returns ErrConflict if another user has one open for this person or
// if the certify_id was used before, and ErrNotFound if the link is gone.
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
			certify_digest, sealed_certify, credential_version, opened_at, expires_at, sms_code_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT DO NOTHING`,
		db.center, r.ID, s.Channel, s.IdentityDigest, s.Link.PersonDigest, r.AccountID, s.TokenDigest, r.Kind, r.State,
		db.certifyDigest(r.CertifyID), r.Sealed, r.CredentialVersion, now, r.ExpiresAt, idOrNull(r.smsCodeID))
	if err := changedOne(res, err, ErrConflict); err != nil {
		return err
	}
	return db.addEvent(ctx, tx, r.AccountID, EventResetOpened, s.Channel, now)
}

// certifyDigest returns the digest of a certify_id, or nil, which is NULL, if there is none.
func (db *DB) certifyDigest(id string) []byte {
	if id == "" {
		return nil
	}
	return db.cipher.Index("certify id", []byte(id))
}

// closeOpenResets cancels the user's open reset.
func (db *DB) closeOpenResets(ctx context.Context, tx *sqlx.Tx, s Session, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE resets SET state = 'cancelled', closed_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND state IN ('started', 'passed') AND identity_digest = $3`,
		db.center, s.Link.PersonDigest, s.IdentityDigest, now)
	return err
}

// Reset returns a reset that this session began for the account it is linked to. It returns
// ErrNotFound if there is none with this id, or if another session began it or it is for another
// account.
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

// PassReset records that identity is proven. It returns ErrGone if the reset is closed. Calling
// it twice is safe.
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

// FinishReset replaces the password, whatever state it is in, and closes the reset in one
// transaction, see replaceCredential; the reset's state and the credential's version guard it.
// Of any number of racing calls one succeeds. A repeated call with the same new password gets
// the first answer. It returns ErrGone for any other call, ErrConflict if the password was
// changed since the reset was begun, and ErrBlocked if the centre froze the account, or if it
// has ended.
//
// It locks the link first, as Freeze does: a change that is being opened meanwhile is there
// before the reset cancels it, or is opened after the reset.
func (db *DB) FinishReset(ctx context.Context, s Session, id uuid.UUID, in NewPassword) (done Finished, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.lockLink(ctx, tx, s); err != nil && !errors.Is(err, ErrNotFound) {
			return err // without a link, closeReset finds nothing open
		}
		r, err := db.closeReset(ctx, tx, s, id, in, now)
		if errors.Is(err, ErrGone) {
			done, err = db.repeatedReset(ctx, tx, s, id, in)
			return err
		} else if err != nil {
			return err
		}
		ended, err := db.replaceCredential(ctx, tx, r, in, now)
		if err != nil {
			return err
		}
		return tx.GetContext(ctx, &done, `
			UPDATE resets SET sessions_ended = $3 WHERE center_id = $1 AND reset_id = $2
			RETURNING closed_at, sessions_ended`,
			db.center, id, ended)
	})
	return done, mapNoRows(err, ErrGone)
}

// closeReset marks the reset done and returns what it replaces. It returns ErrGone if the reset
// is not passed, or is closed already, as by another call.
func (db *DB) closeReset(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID, in NewPassword, now time.Time) (replacement, error) {
	r := replacement{id: id, by: s, kind: kindPassword, forgotten: true, event: EventPasswordReset, notice: NoticePasswordReset}
	err := tx.GetContext(ctx, &r, `
		UPDATE resets SET state = 'done', new_fingerprint = $7, closed_at = $6
		WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4 AND account_id = $5
			AND state = 'passed' AND expires_at > $6
		RETURNING account_id, person_digest, credential_version`,
		db.center, id, s.IdentityDigest, s.TokenDigest, s.Link.AccountID, now, in.Fingerprint)
	return r, mapNoRows(err, ErrGone)
}

// repeatedReset returns what the call that this one repeats has done, or ErrGone.
func (db *DB) repeatedReset(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID, in NewPassword) (Finished, error) {
	var r Reset
	err := db.getReset(ctx, tx, s, &r, id)
	if err == nil && !r.Repeats(in.Fingerprint) {
		err = ErrGone
	}
	return r.Finished, err
}

// Repeats reports whether the reset was finished with one of these fingerprints.
func (r Reset) Repeats(fingerprints ...[]byte) bool {
	return r.State == ResetDone && among(fingerprints, r.NewFingerprint)
}

// CancelReset cancels an open reset. It returns ErrGone if the reset is unknown, another
// session's or closed otherwise; cancelling twice is no error.
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
