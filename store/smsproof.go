package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Each method that opens something sends the code in the same transaction: nothing waits for a
// code that was not issued, and a refused one leaves what was open before. The code is bound to
// the session, which the order does not name.

// OpenResetBySMS opens a reset for the linked account's holder that a code sent to the phone on
// file passes. r has ID. It is otherwise as OpenReset, and returns the errors of IssueSMSCode.
func (db *DB) OpenResetBySMS(ctx context.Context, s Session, a Account, r Reset, o SMSCodeOrder) (Reset, SMSCode, error) {
	r.AccountID, r.CredentialVersion, r.Kind, r.State, r.smsCodeID = a.ID, a.Version, ResetBySMS, ResetStarted, o.ID
	o.Channel, o.Binding = s.Channel, s.TokenDigest
	var code SMSCode
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) (err error) {
		r.ExpiresAt = now.Add(ResetLife)
		if err := db.beginReset(ctx, tx, s, r, now); err != nil {
			return err
		}
		code, err = db.issueSMSCode(ctx, tx, o, now)
		return err
	})
	return r, code, err
}

// OpenProvenReset opens a reset that is passed: the person has used up the code with this id
// before the session was opened. It is otherwise as OpenReset.
func (db *DB) OpenProvenReset(ctx context.Context, s Session, a Account, codeID uuid.UUID) (Reset, error) {
	r := Reset{ID: uuid.New(), AccountID: a.ID, CredentialVersion: a.Version, Kind: ResetBySMS, State: ResetPassed, smsCodeID: codeID}
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r.ExpiresAt = now.Add(ResetLife)
		return db.beginReset(ctx, tx, s, r, now)
	})
	return r, err
}

// PassResetByCode uses up the code of a reset and records that identity is proven. try has
// Purpose and Code. It returns the errors of UseSMSCode, and ErrNotFound if the session has no
// such reset. A reset that is passed needs no code.
//
// It locks the reset before the code, as Erase does.
func (db *DB) PassResetByCode(ctx context.Context, s Session, id uuid.UUID, try SMSTry) (left int, err error) {
	return db.passByCode(ctx, s, try, waitingRow{
		read: `
			SELECT sms_code_id, person_digest, state = 'passed' AS passed FROM resets
			WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4
				AND kind = 'sms' AND state IN ('started', 'passed') AND expires_at > $5 FOR UPDATE`,
		pass: `
			UPDATE resets SET state = 'passed'
			WHERE center_id = $1 AND reset_id = $2 AND identity_digest = $3 AND token_digest = $4 AND expires_at > $5`,
		id: id,
	})
}

// OpenRecoveryBySMS is OpenRecovery for a code sent to the phone on file. It counts the start
// against the user's limit of ChargeRecovery, and against a limit of the person that leaves
// codes of the day to a caller who is proven. It returns the errors of IssueSMSCode, too.
func (db *DB) OpenRecoveryBySMS(ctx context.Context, s Session, r Recovery, o SMSCodeOrder, limit StartLimit) (Recovery, SMSCode, error) {
	r.Kind, r.State, r.smsCodeID = ResetBySMS, LinkProofStarted, o.ID
	o.Channel, o.Binding = s.Channel, s.TokenDigest
	var code SMSCode
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) (err error) {
		r.ExpiresAt = now.Add(LinkProofLife)
		if err := db.replaceRecovery(ctx, tx, s, r, now); err != nil {
			return err
		}
		of := start{countSMSRecoveriesOfPerson, countLinksOfUser, r.PersonDigest, s.IdentityDigest}
		if err := db.countStart(ctx, tx, of, limit, now); err != nil {
			return err
		}
		code, err = db.issueToClaimed(ctx, tx, o, now)
		return err
	})
	return r, code, err
}

// PassLinkProof is PassResetByCode for a link proof or a recovery.
func (db *DB) PassLinkProof(ctx context.Context, s Session, id uuid.UUID, try SMSTry) (left int, err error) {
	return db.passByCode(ctx, s, try, waitingRow{
		read: `
			SELECT sms_code_id, person_digest, passed_at IS NOT NULL AS passed FROM link_proofs
			WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4
				AND kind = 'sms' AND state = 'started' AND expires_at > $5 FOR UPDATE`,
		pass: `
			UPDATE link_proofs SET passed_at = $5
			WHERE center_id = $1 AND proof_id = $2 AND identity_digest = $3 AND token_digest = $4`,
		id: id,
	})
}

// A waitingRow is a row that waits for a code. Both statements take the centre, the id, the
// session's user and token, and the time.
type waitingRow struct {
	read, pass string
	id         uuid.UUID
}

// passByCode uses up the code of a row and marks the row passed. A wrong try is committed.
func (db *DB) passByCode(ctx context.Context, s Session, try SMSTry, w waitingRow) (left int, err error) {
	var verdict error
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		left, verdict = 0, nil
		var row struct {
			Code   uuid.UUID `db:"sms_code_id"`
			Person []byte    `db:"person_digest"`
			Passed bool      `db:"passed"`
		}
		args := []any{db.center, w.id, s.IdentityDigest, s.TokenDigest, now}
		if err := tx.GetContext(ctx, &row, w.read, args...); err != nil {
			return mapNoRows(err, ErrNotFound)
		}
		if row.Passed {
			return nil
		}
		try.ID, try.PersonDigest, try.Binding = row.Code, row.Person, s.TokenDigest
		var err error
		left, verdict, err = db.useSMSCode(ctx, tx, try, now)
		if err != nil || verdict != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, w.pass, args...)
		return err
	})
	if err == nil {
		err = verdict
	}
	return left, err
}
