package store

import (
	"cmp"
	"context"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Limits of a reset code.
const (
	ResetCodeLife  = 30 * time.Minute
	ResetCodeTries = 5 // of a user

	// ResetCodeTriesOfAll is how many tries all users together have who are not proven to be
	// the person. It bounds what many strangers can guess together, and is so high that a few
	// cannot end the holder's code.
	ResetCodeTriesOfAll = 50
)

// resetCodeReason is the reason in the operators' record, since issue-reset-code asks for none.
const resetCodeReason = "one-time code for a citizen at the counter"

// AccountByNumber returns the account with this number, or ErrNotFound.
func (db *DB) AccountByNumber(ctx context.Context, accountNo string) (Account, error) {
	var row accountRow
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT `+accountColumns+`
			FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id AND `+isPassword+`
			WHERE a.center_id = $1 AND a.account_no_digest = $2`,
			db.center, db.accountNoDigest(accountNo))
	})
	if err != nil {
		return Account{}, mapNoRows(err, ErrNotFound)
	}
	return db.account(row)
}

// IssueResetCode stores a code that operator, a staff number, hands to the account's holder, and
// returns until when it can be used. It ends an earlier code of the account and leaves the
// password as it is. The same transaction adds it to the operators' record. It returns
// ErrConflict if another operator issued one at the same moment.
func (db Operations) IssueResetCode(ctx context.Context, a Account, code, operator string) (until time.Time, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		id := uuid.New()
		until = now.Add(ResetCodeLife)
		if _, err := tx.ExecContext(ctx, `
			UPDATE reset_codes SET closed_at = $3
			WHERE center_id = $1 AND account_id = $2 AND closed_at IS NULL`,
			db.center, a.ID, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			INSERT INTO reset_codes (center_id, code_id, account_id, code_digest, issued_by, issued_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (center_id, account_id) WHERE closed_at IS NULL DO NOTHING`,
			db.center, id, a.ID, db.codeDigest(a.ID, code), operator, now, until)
		if err := changedOne(res, err, ErrConflict); err != nil {
			return err
		}
		by := action{ActionResetCode, OperatorRequest{Operator: operator, Reason: resetCodeReason}, id}
		if err := db.recordAction(ctx, tx, a.ID, by, now); err != nil {
			return err
		}
		return db.insertEvent(ctx, tx, a.ID, Event{ID: uuid.New(), At: now, Kind: EventResetCodeIssued, Channel: ChannelCounter})
	})
	return until, err
}

// codeDigest returns what is stored of an account's code.
func (db *DB) codeDigest(account uuid.UUID, code string) []byte {
	return db.cipher.Index("reset code", account[:], []byte(code))
}

// OpenResetWithCode opens a reset of a citizen whose identity a clerk has proven. It charges a try
// before it compares the code, and a wrong try stays charged. It returns ErrCode if the code is
// wrong, used, expired or out of tries; after a last try that is ErrCodeSpentByUser or
// ErrCodeSpent, which match ErrCode. Of any number of concurrent calls with the right code one
// succeeds. Otherwise it is as OpenReset.
//
// It locks the link before the code, as Erase does.
func (db *DB) OpenResetWithCode(ctx context.Context, s Session, a Account, code string) (Reset, error) {
	r := Reset{ID: uuid.New(), AccountID: a.ID, Kind: ResetByClerk, State: ResetPassed, CredentialVersion: a.Version}
	var verdict error
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r.ExpiresAt = now.Add(ResetLife)
		if err := db.lockLink(ctx, tx, s); err != nil {
			return err
		}
		var id uuid.UUID
		var err error
		id, verdict, err = db.tryCode(ctx, tx, codeTry{a.ID, code, s.IdentityDigest, true}, now)
		if err != nil || verdict != nil {
			return err // a wrong try is committed
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE reset_codes SET closed_at = $3, used = true WHERE center_id = $1 AND code_id = $2`,
			db.center, id, now); err != nil {
			return err
		}
		return db.beginReset(ctx, tx, s, r, now)
	})
	return r, cmp.Or(err, verdict)
}

// A CheckedCode is a reset code that was right, with its account.
type CheckedCode struct {
	ID      uuid.UUID
	Account Account
}

// CheckResetCode returns the account of req's person and account number if code is right for it.
// The code can still be used. A wrong try stays charged to the user, as in OpenResetWithCode. An
// unknown person is ErrCode after the same statements. A try of req.Source counts as an attempt
// at a password does; one that a spraying limit refuses is ErrCode with the refusal, and charges
// nothing.
func (db *DB) CheckResetCode(ctx context.Context, s Session, req AttemptRequest, code string) (CheckedCode, Refusal, error) {
	var right CheckedCode
	var refusal Refusal
	var verdict error
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var err error
		if refusal, err = db.checkSpraying(ctx, tx, req, now); err != nil {
			return err
		}
		found, err := db.attemptedAccount(ctx, tx, req)
		if err != nil {
			return err
		}
		right = CheckedCode{}
		if found != nil && refusal.By == "" {
			right.Account = *found
		}
		right.ID, verdict, err = db.tryCode(ctx, tx, codeTry{right.Account.ID, code, s.IdentityDigest, req.Source == nil}, now)
		if err != nil || verdict != nil {
			return err // a wrong try is committed
		}
		if err := db.giveTryBack(ctx, tx, right.ID); err != nil || req.Source == nil {
			return err
		}
		return db.undoSprayCount(ctx, tx, req, Attempt{Spraying: refusal, at: now})
	})
	if err = cmp.Or(err, verdict); err != nil {
		right = CheckedCode{}
	}
	return right, refusal, err
}

// A codeTry is one try at an account's code.
type codeTry struct {
	account  uuid.UUID
	code     string
	user     []byte // digest of the identity
	verified bool   // as the person, so that strangers cannot use up their tries
}

// tryCode charges one try at the account's live code and returns the code's id. The verdict is
// nil if the code is right, and matches ErrCode otherwise. The row stays locked, so tries run one
// after the other.
func (db *DB) tryCode(ctx context.Context, tx *sqlx.Tx, t codeTry, now time.Time) (id uuid.UUID, verdict, err error) {
	var live []struct {
		ID     uuid.UUID `db:"code_id"`
		Digest []byte    `db:"code_digest"`
		Own    int       `db:"own"` // tries, this one included
		All    int       `db:"all"`
	}
	digest := db.codeDigest(t.account, t.code) // for an unknown account, too, so that it takes as long
	user := short(db.cipher.Index("tries of a reset code", t.account[:], t.user))
	err = tx.SelectContext(ctx, &live, `
		UPDATE reset_codes SET tried_by = tried_by || $4::bytea
		WHERE center_id = $1 AND account_id = $2 AND closed_at IS NULL AND expires_at > $3
			AND cardinality(array_positions(tried_by, $4)) < $5 AND ($7 OR cardinality(tried_by) < $6)
		RETURNING code_id, code_digest, cardinality(array_positions(tried_by, $4)) AS own, cardinality(tried_by) AS all`,
		db.center, t.account, now, user, ResetCodeTries, ResetCodeTriesOfAll, t.verified)
	switch {
	case err != nil || len(live) == 0:
		return uuid.Nil, ErrCode, err
	case subtle.ConstantTimeCompare(live[0].Digest, digest) == 1:
		return live[0].ID, nil, nil
	case live[0].All == ResetCodeTriesOfAll:
		return uuid.Nil, ErrCodeSpent, nil
	case live[0].Own == ResetCodeTries:
		return uuid.Nil, ErrCodeSpentByUser, nil
	}
	return uuid.Nil, ErrCode, nil
}

// giveTryBack undoes the try that this transaction has charged.
func (db *DB) giveTryBack(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE reset_codes SET tried_by = trim_array(tried_by, 1) WHERE center_id = $1 AND code_id = $2`,
		db.center, id)
	return err
}
