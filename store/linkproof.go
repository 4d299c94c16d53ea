package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// LinkProofLife is how long a link may wait for Alipay to verify its user.
const LinkProofLife = 30 * time.Minute

// States of a LinkProof.
const (
	LinkProofStarted  = "started"
	LinkProofUsed     = "used"     // the link was written
	LinkProofReplaced = "replaced" // by a later proof of the same user, or by a Transfer
	LinkProofExpired  = "expired"
)

// A LinkProof is a link that waits for its user to be verified, by Alipay or by a code sent to
// the phone on file. Either the password was
// right and the face is verified next, or, with a Claim, the face is verified first; then
// there is no account until the password is right, and the person may be unknown to the
// centre.
type LinkProof struct {
	ID                uuid.UUID `db:"proof_id"`
	AccountID         uuid.UUID `db:"account_id"`
	PersonDigest      []byte    `db:"person_digest"`
	Scope             []byte    `db:"scope"` // of the attempt at the password
	Kind              string    `db:"kind"`  // ResetByCertify, ResetByFace or ResetBySMS
	State             string    `db:"state"`
	CredentialVersion int64     `db:"credential_version"` // of the password that was right
	Transfer          bool      `db:"transfer"`           // the link may be transferred from another user
	CodeID            uuid.UUID `db:"code_id"`            // the reset code that replaced the password, which may be frozen; or zero
	Claim             []byte    `db:"claim_digest"`       // the name and document that were verified before the password; nil: the password came first
	ExpiresAt         time.Time `db:"expires_at"`
	CertifyID         string    `db:"-"` // Alipay's
	Sealed            []byte    `db:"sealed_certify"`
	Start             Start     `db:"-"` // counted by OpenLinkProof

	PassedAt  *time.Time `db:"passed_at"` // when the code was right; nil: not yet, or of another kind
	smsCodeID uuid.UUID
}

// ByCode reports whether a reset code replaced the password.
func (p LinkProof) ByCode() bool { return p.CodeID != uuid.Nil }

// of returns the proof with the account that closeLinkProof compares.
func (p LinkProof) of(a Account) LinkProof {
	p.AccountID, p.PersonDigest = a.ID, a.PersonDigest
	return p
}

// idOrNull returns id as a parameter, NULL for the zero id.
func idOrNull(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// OpenLinkProof stores a verification that Alipay has opened for the account's holder or
// for a claim, and counts its Start. The caller sets ID, Scope, Kind, Transfer, CodeID,
// Claim, CertifyID and Start of p. The user's open proof is replaced. OpenLinkProof returns
// ErrConflict if the user opened another one concurrently or the certify_id was used
// before. Calling it twice fails.
func (db *DB) OpenLinkProof(ctx context.Context, s Session, a Account, p LinkProof) (LinkProof, error) {
	sealed, err := db.seal(p.CertifyID, "link_proofs", p.ID[:])
	if err != nil {
		return LinkProof{}, err
	}
	p.AccountID, p.PersonDigest, p.CredentialVersion = a.ID, a.PersonDigest, a.Version
	p.State, p.Sealed = LinkProofStarted, sealed
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		p.ExpiresAt = now.Add(LinkProofLife)
		if err := db.replaceLinkProof(ctx, tx, s, p, now); err != nil {
			return err
		}
		return db.settleStart(ctx, tx, p.Start, 1)
	})
	return p, err
}

// OpenLinkProofBySMS is OpenLinkProof for a code sent to the phone on file, which is not billed
// as a start. It returns the errors of IssueSMSCode, too.
func (db *DB) OpenLinkProofBySMS(ctx context.Context, s Session, a Account, p LinkProof, o SMSCodeOrder) (LinkProof, SMSCode, error) {
	p.AccountID, p.PersonDigest, p.CredentialVersion = a.ID, a.PersonDigest, a.Version
	p.Kind, p.State, p.smsCodeID = ResetBySMS, LinkProofStarted, o.ID
	o.Channel, o.Binding = s.Channel, s.TokenDigest
	var code SMSCode
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) (err error) {
		p.ExpiresAt = now.Add(LinkProofLife)
		if err := db.replaceLinkProof(ctx, tx, s, p, now); err != nil {
			return err
		}
		code, err = db.issueSMSCode(ctx, tx, o, now)
		return err
	})
	return p, code, err
}

// replaceLinkProof adds a proof in place of the one that the user has open.
func (db *DB) replaceLinkProof(ctx context.Context, tx *sqlx.Tx, s Session, p LinkProof, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE link_proofs SET state = 'replaced', closed_at = $3
		WHERE center_id = $1 AND identity_digest = $2 AND state = 'started'`,
		db.center, s.IdentityDigest, now); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO link_proofs (center_id, proof_id, identity_digest, token_digest, person_digest, account_id, scope, kind, state,
			certify_digest, sealed_certify, credential_version, transfer, code_id, opened_at, expires_at, claim_digest, sms_code_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
		ON CONFLICT DO NOTHING`,
		db.center, p.ID, s.IdentityDigest, s.TokenDigest, p.PersonDigest, idOrNull(p.AccountID), p.Scope, p.Kind, p.State,
		db.certifyDigest(p.CertifyID), p.Sealed, sql.NullInt64{Int64: p.CredentialVersion, Valid: p.Claim == nil},
		p.Transfer, idOrNull(p.CodeID), now, p.ExpiresAt, p.Claim, idOrNull(p.smsCodeID))
	return changedOne(res, err, ErrConflict)
}

// LinkProof returns a proof that this session began, or ErrNotFound.
func (db *DB) LinkProof(ctx context.Context, s Session, id uuid.UUID) (LinkProof, error) {
	var p LinkProof
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &p, `
			SELECT proof_id, account_id, person_digest, scope, kind,
				CASE WHEN state = 'started' AND expires_at <= $5 THEN 'expired' ELSE state END AS state,
				coalesce(credential_version, 0) AS credential_version, transfer, code_id, claim_digest, expires_at, sealed_certify, passed_at
			FROM link_proofs
			WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4 AND NOT recovery`,
			db.center, id, s.IdentityDigest, s.TokenDigest, db.clock())
	})
	if err != nil {
		return LinkProof{}, mapNoRows(err, ErrNotFound)
	}
	if p.Sealed != nil {
		err = db.unseal(p.Sealed, "link_proofs", p.ID[:], &p.CertifyID)
	}
	return p, err
}

// closeLinkProof closes the proof for one of several concurrent callers. A proof of a claim
// gets the account whose password or code was right.
func (db *DB) closeLinkProof(ctx context.Context, tx *sqlx.Tx, s Session, p LinkProof, state string, now time.Time) error {
	res, err := tx.ExecContext(ctx, `
		UPDATE link_proofs SET state = $9, closed_at = $5, account_id = $6, credential_version = $7, code_id = $10
		WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4 AND person_digest = $8
			AND (claim_digest IS NOT NULL OR account_id = $6 AND code_id IS NOT DISTINCT FROM $10)
			AND state = 'started' AND expires_at > $5 AND NOT recovery AND (kind <> 'sms' OR passed_at IS NOT NULL)
			AND EXISTS (SELECT 1 FROM password_credentials
				WHERE center_id = $1 AND account_id = $6 AND kind = 'password' AND version = $7 AND (state <> 'frozen' OR $10::uuid IS NOT NULL))
			AND ($10 IS NULL OR EXISTS (SELECT 1 FROM reset_codes
				WHERE center_id = $1 AND code_id = $10 AND closed_at IS NULL))`,
		db.center, p.ID, s.IdentityDigest, s.TokenDigest, now, p.AccountID, p.CredentialVersion, p.PersonDigest, state, idOrNull(p.CodeID))
	return changedOne(res, err, ErrGone)
}
