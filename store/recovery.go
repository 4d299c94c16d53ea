package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// A Recovery is the verification of a citizen who has forgotten the password and is not linked.
// FinishRecovery links them and sets a new password.
type Recovery struct {
	ID                uuid.UUID     `db:"proof_id"`
	AccountID         uuid.NullUUID `db:"account_id"` // null if the centre has no account for name and document
	PersonDigest      []byte        `db:"person_digest"`
	Kind              string        `db:"kind"`  // ResetByCertify, ResetByFace or ResetBySMS
	State             string        `db:"state"` // as of a LinkProof
	CredentialVersion int64         `db:"credential_version"`
	ExpiresAt         time.Time     `db:"expires_at"`
	CertifyID         string        `db:"-"` // Alipay's
	Sealed            []byte        `db:"sealed_certify"`
	Start             Start         `db:"-"`         // what OpenRecovery keeps
	PassedAt          *time.Time    `db:"passed_at"` // as of a LinkProof
	smsCodeID         uuid.UUID
}

// RecoverableAccount returns the account that a citizen claims, or nil if the centre has none.
// Of several it is the first that has not ended, unless accountNo names another.
func (db *DB) RecoverableAccount(ctx context.Context, personDigest []byte, accountNo string) (found *Account, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		found, err = db.attemptedAccount(ctx, tx, AttemptRequest{PersonDigest: personDigest, AccountNo: accountNo})
		return err
	})
	return found, err
}

// OpenRecovery stores a recovery whose verification Alipay has just opened, and counts its
// Start. r has ID, Kind, CertifyID, PersonDigest and Start, and AccountID and CredentialVersion
// if there is an account. It replaces what the same user has open. It returns ErrConflict if the
// user opened another at the same moment or if the certify_id was used before. Calling it twice
// fails.
func (db *DB) OpenRecovery(ctx context.Context, s Session, r Recovery) (Recovery, error) {
	sealed, err := db.seal(r.CertifyID, "link_proofs", r.ID[:])
	if err != nil {
		return Recovery{}, err
	}
	r.State, r.Sealed = LinkProofStarted, sealed
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r.ExpiresAt = now.Add(LinkProofLife)
		if err := db.replaceRecovery(ctx, tx, s, r, now); err != nil {
			return err
		}
		return db.settleStart(ctx, tx, r.Start, 1)
	})
	return r, err
}

// replaceRecovery adds a recovery in place of what the user has open.
func (db *DB) replaceRecovery(ctx context.Context, tx *sqlx.Tx, s Session, r Recovery, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE link_proofs SET state = 'replaced', closed_at = $3
		WHERE center_id = $1 AND identity_digest = $2 AND state = 'started'`,
		db.center, s.IdentityDigest, now); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO link_proofs (center_id, proof_id, identity_digest, token_digest, person_digest, account_id, scope, kind, state,
			certify_digest, sealed_certify, credential_version, recovery, opened_at, expires_at, sms_code_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, true, $13, $14, $15)
		ON CONFLICT DO NOTHING`,
		db.center, r.ID, s.IdentityDigest, s.TokenDigest, r.PersonDigest, r.AccountID, PublicScope, r.Kind, r.State,
		db.certifyDigest(r.CertifyID), r.Sealed, r.CredentialVersion, now, r.ExpiresAt, idOrNull(r.smsCodeID))
	return changedOne(res, err, ErrConflict)
}

// Recovery returns a recovery that this session began. It returns ErrNotFound if there is none
// with this id or if another session began it.
func (db *DB) Recovery(ctx context.Context, s Session, id uuid.UUID) (Recovery, error) {
	var r Recovery
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &r, `
			SELECT proof_id, account_id, person_digest, kind,
				CASE WHEN state = 'started' AND expires_at <= $5 THEN 'expired' ELSE state END AS state,
				credential_version, expires_at, sealed_certify, passed_at
			FROM link_proofs
			WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4 AND recovery`,
			db.center, id, s.IdentityDigest, s.TokenDigest, db.clock())
	})
	if err != nil {
		return Recovery{}, mapNoRows(err, ErrNotFound)
	}
	if r.Sealed != nil {
		err = db.unseal(r.Sealed, "link_proofs", r.ID[:], &r.CertifyID)
	}
	return r, err
}

// FinishRecovery uses the recovery up, links the session's user to the account and replaces its
// password, whatever state it is in, in one transaction, see replaceCredential. Of any number of
// racing calls one succeeds. It returns ErrGone if the recovery is closed or late, if the
// password was changed since, or if the session has ended; ErrConflict if the user or the person
// is linked already; ErrBlocked if the account is frozen or has ended; and ErrNotFound if it is
// another person's now.
//
// Its locks are taken in the order of FinishLink and FinishReset.
func (db *DB) FinishRecovery(ctx context.Context, s Session, a Account, id uuid.UUID, in NewPassword) (done Finished, err error) {
	n, err := db.newLink(s, a)
	if err != nil {
		return Finished{}, err
	}
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r, err := db.closeRecovery(ctx, tx, s, a, id, now)
		if err != nil {
			return err
		}
		if err := db.lockAccount(ctx, tx, a); err != nil {
			return err
		}
		fresh, err := db.insertLink(ctx, tx, n, now)
		if err == nil && !fresh {
			err = ErrConflict
		}
		if err != nil {
			return err
		}
		done.ClosedAt = &now
		done.SessionsEnded, err = db.replaceCredential(ctx, tx, r, in, now)
		if errors.Is(err, ErrConflict) {
			return ErrGone
		} else if err != nil {
			return err
		}
		if err := db.holdSession(ctx, tx, s); err != nil {
			return err
		}
		return db.recordLinked(ctx, tx, n, now)
	})
	return done, err
}

// closeRecovery uses the recovery up and returns what it replaces. It returns ErrGone if it is
// closed already, as by another call, or late.
func (db *DB) closeRecovery(ctx context.Context, tx *sqlx.Tx, s Session, a Account, id uuid.UUID, now time.Time) (replacement, error) {
	r := replacement{id: id, by: s, kind: kindPassword, forgotten: true, event: EventPasswordReset, notice: NoticePasswordReset}
	err := tx.GetContext(ctx, &r, `
		UPDATE link_proofs SET state = 'used', closed_at = $5
		WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4 AND recovery
			AND account_id = $6 AND person_digest = $7 AND state = 'started' AND expires_at > $5 AND (kind <> 'sms' OR passed_at IS NOT NULL)
		RETURNING account_id, person_digest, credential_version`,
		db.center, id, s.IdentityDigest, s.TokenDigest, now, a.ID, a.PersonDigest)
	return r, mapNoRows(err, ErrGone)
}
