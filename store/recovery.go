package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// A Recovery is a verification of somebody who has forgotten the password and is not
// linked. Who passes it is linked and sets a new password, in one transaction.
type Recovery struct {
	ID                uuid.UUID     `db:"proof_id"`
	AccountID         uuid.NullUUID `db:"account_id"` // null: the centre knows nobody of that name and document
	PersonDigest      []byte        `db:"person_digest"`
	Kind              string        `db:"kind"`  // ResetByCertify or ResetByFace
	State             string        `db:"state"` // as of a LinkProof
	CredentialVersion int64         `db:"credential_version"`
	ExpiresAt         time.Time     `db:"expires_at"`
	CertifyID         string        `db:"-"` // Alipay's
	Sealed            []byte        `db:"sealed_certify"`
	Start             Start         `db:"-"` // what OpenRecovery keeps
}

// RecoverableAccount finds the account that somebody says is theirs; nil: the centre knows
// none. Of several the first open one is meant unless accountNo says otherwise.
func (db *DB) RecoverableAccount(ctx context.Context, personDigest []byte, accountNo string) (found *Account, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		found, err = db.attemptedAccount(ctx, tx, AttemptRequest{PersonDigest: personDigest, AccountNo: accountNo})
		return err
	})
	return found, err
}

// ChargeRecovery reserves one start on today's account of the Alipay user, together with
// the starts of ChargeLinkProof: each is billed. No number of a person's starts is too
// many, or strangers could keep them from recovering. ErrLimit means that nothing is left
// for today; then nothing is reserved.
func (db *DB) ChargeRecovery(ctx context.Context, s Session, personDigest []byte, limit int) (Start, error) {
	return db.chargeStart(ctx, start{countRecoveriesOfPerson, countLinksOfUser, personDigest, s.IdentityDigest}, StartLimit{User: limit})
}

// OpenRecovery keeps a verification that Alipay has just opened, and its Start. r has ID,
// Kind, CertifyID, PersonDigest and Start, and of an account AccountID and CredentialVersion. It replaces what the
// same Alipay user has open. ErrConflict means that the user opened another at the same
// moment, or that the certify_id was seen before. Calling it twice fails.
func (db *DB) OpenRecovery(ctx context.Context, s Session, r Recovery) (Recovery, error) {
	sealed, err := db.seal(r.CertifyID, "link_proofs", r.ID[:])
	if err != nil {
		return Recovery{}, err
	}
	r.State, r.Sealed = LinkProofStarted, sealed
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r.ExpiresAt = now.Add(LinkProofLife)
		if _, err := tx.ExecContext(ctx, `
			UPDATE link_proofs SET state = 'replaced', closed_at = $3
			WHERE center_id = $1 AND identity_digest = $2 AND state = 'started'`,
			db.center, s.IdentityDigest, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			INSERT INTO link_proofs (center_id, proof_id, identity_digest, token_digest, person_digest, account_id, scope, kind, state,
				certify_digest, sealed_certify, credential_version, recovery, opened_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, true, $13, $14)
			ON CONFLICT DO NOTHING`,
			db.center, r.ID, s.IdentityDigest, s.TokenDigest, r.PersonDigest, r.AccountID, PublicScope, r.Kind, r.State,
			db.certifyDigest(r.CertifyID), r.Sealed, r.CredentialVersion, now, r.ExpiresAt)
		if err := changedOne(res, err, ErrConflict); err != nil {
			return err
		}
		return db.settleStart(ctx, tx, r.Start, 1)
	})
	return r, err
}

// Recovery returns what this very session began. Unknown and another session's are both
// ErrNotFound.
func (db *DB) Recovery(ctx context.Context, s Session, id uuid.UUID) (Recovery, error) {
	var r Recovery
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &r, `
			SELECT proof_id, account_id, person_digest, kind,
				CASE WHEN state = 'started' AND expires_at <= $5 THEN 'expired' ELSE state END AS state,
				credential_version, expires_at, sealed_certify
			FROM link_proofs
			WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4 AND recovery`,
			db.center, id, s.IdentityDigest, s.TokenDigest, db.clock())
	})
	if err != nil {
		return Recovery{}, mapNoRows(err, ErrNotFound)
	}
	err = db.unseal(r.Sealed, "link_proofs", r.ID[:], &r.CertifyID)
	return r, err
}

// A Recovered is what FinishRecovery has done.
type Recovered struct {
	At            time.Time
	SessionsEnded int
}

// FinishRecovery uses the recovery up, links the session's Alipay user to the account and
// gives it a new password, whatever state the old one is in, in one transaction: the person's
// open change and reset are cancelled, every scope of their attempts cleared, the user's other
// sessions ended, events and notices written. Of any number of racing calls one succeeds.
// ErrGone means that the recovery is closed or late, that the password was changed since,
// or that the session has ended; ErrConflict that the user or the person is linked already;
// ErrBlocked that the account is frozen or has ended; ErrNotFound that it is another
// person's now.
//
// Its locks are taken in the order of FinishLink and FinishReset.
func (db *DB) FinishRecovery(ctx context.Context, s Session, a Account, in NewPassword, r Recovery) (done Recovered, err error) {
	n, err := db.newLink(s, a)
	if err != nil {
		return Recovered{}, err
	}
	in.Reset = Reset{AccountID: a.ID, CredentialVersion: r.CredentialVersion}
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		done = Recovered{At: now}
		if err := db.closeRecovery(ctx, tx, s, a, r, now); err != nil {
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
		if err := db.cancelOpenOf(ctx, tx, a.PersonDigest, now); err != nil {
			return err
		}
		if err := db.overwriteCredential(ctx, tx, in, now); errors.Is(err, ErrConflict) {
			return ErrGone
		} else if err != nil {
			return err
		}
		if err := db.resetLockouts(ctx, tx, a.PersonDigest, now); err != nil {
			return err
		}
		if err := db.holdSession(ctx, tx, s); err != nil {
			return err
		}
		if done.SessionsEnded, err = db.endOtherSessions(ctx, tx, s, now); err != nil {
			return err
		}
		return db.tellRecovered(ctx, tx, n, r, now)
	})
	return done, err
}

func (db *DB) closeRecovery(ctx context.Context, tx *sqlx.Tx, s Session, a Account, r Recovery, now time.Time) error {
	res, err := tx.ExecContext(ctx, `
		UPDATE link_proofs SET state = 'used', closed_at = $5
		WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4 AND recovery
			AND account_id = $6 AND person_digest = $7 AND state = 'started' AND expires_at > $5`,
		db.center, r.ID, s.IdentityDigest, s.TokenDigest, now, a.ID, a.PersonDigest)
	return changedOne(res, err, ErrGone)
}

func (db *DB) tellRecovered(ctx context.Context, tx *sqlx.Tx, n newLink, r Recovery, now time.Time) error {
	for _, told := range []struct {
		event, notice string
		id            uuid.UUID
	}{{EventLinked, NoticeLinked, uuid.New()}, {EventPasswordReset, NoticePasswordReset, r.ID}} {
		if err := db.addEvent(ctx, tx, n.account.ID, told.event, n.channel, now); err != nil {
			return err
		}
		if err := db.queueNotice(ctx, tx, notice{told.id, told.notice, n.account.ID, n.visitor.Identity, n.account.PersonDigest}, now); err != nil {
			return err
		}
	}
	return nil
}
