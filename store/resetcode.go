package store

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Limits of a clerk's code.
const (
	ResetCodeLife  = 30 * time.Minute
	ResetCodeTries = 5
)

// resetCodeReason stands in the operators' record: fundpass reset asks for none.
const resetCodeReason = "one-time code for a citizen at the counter"

// AccountByNumber finds an account for a clerk, or ErrNotFound.
func (db *DB) AccountByNumber(ctx context.Context, accountNo string) (Account, error) {
	var row accountRow
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT `+accountColumns+`
			FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id
			WHERE a.center_id = $1 AND a.account_no_digest = $2`,
			db.center, db.accountNoDigest(accountNo))
	})
	if err != nil {
		return Account{}, none(err, ErrNotFound)
	}
	return db.account(row)
}

// IssueResetCode keeps a code that clerk, a staff number, hands to the account's
// holder, and returns until when it is good. An earlier code of the account is good
// no more. The present password stays as it is until the code is used. The operators'
// record gets it in the same transaction. ErrConflict means that another clerk issued
// one at the same moment.
func (db *DB) IssueResetCode(ctx context.Context, a Account, code, clerk string) (until time.Time, err error) {
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
			db.center, id, a.ID, db.codeDigest(id, code), clerk, now, until)
		if err := changedOne(res, err, ErrConflict); err != nil {
			return err
		}
		by := action{ActionResetCode, Unlock{Operator: clerk, Reason: resetCodeReason}, id}
		if err := db.recordAction(ctx, tx, a.ID, by, now); err != nil {
			return err
		}
		return db.insertEvent(ctx, tx, a.ID, Event{ID: uuid.New(), At: now, Kind: EventResetCodeIssued, Channel: ChannelCounter})
	})
	return until, err
}

func (db *DB) codeDigest(id uuid.UUID, code string) []byte {
	return db.box.Index("reset code", id[:], []byte(code))
}

// OpenResetWithCode begins a reset whose identity a clerk has proven. The try is
// charged before the code is looked at, and a wrong one stays charged: ErrCode means
// that the code is wrong, used, expired or has had its tries. Of any number of calls
// at once with the right code one succeeds. Otherwise as OpenReset.
func (db *DB) OpenResetWithCode(ctx context.Context, s Session, a Account, code string) (Reset, error) {
	r := Reset{ID: uuid.New(), AccountID: a.ID, Kind: ResetByClerk, State: ResetPassed, CredentialVersion: a.Version}
	right := false
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		r.ExpiresAt = now.Add(ResetLife)
		id, err := db.tryCode(ctx, tx, a.ID, code, now)
		if right = id != uuid.Nil; err != nil || !right {
			return err // a wrong try is committed
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE reset_codes SET closed_at = $3, used = true WHERE center_id = $1 AND code_id = $2`,
			db.center, id, now); err != nil {
			return err
		}
		return db.beginReset(ctx, tx, s, r, now)
	})
	if err == nil && !right {
		err = ErrCode
	}
	return r, err
}

// CheckResetCode is the account that g's person and account number mean, when code is
// right for it, and leaves the code good. A wrong one stays charged and is ErrCode,
// as is an unknown person's, which costs the same statements.
func (db *DB) CheckResetCode(ctx context.Context, g Guess, code string) (Account, error) {
	var account Account
	right := false
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		found, err := db.guessedAccount(ctx, tx, g)
		if err != nil {
			return err
		}
		account = Account{}
		if found != nil {
			account = *found
		}
		id, err := db.tryCode(ctx, tx, account.ID, code, now)
		if right = id != uuid.Nil; err != nil || !right {
			return err // a wrong try is committed
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE reset_codes SET tries = tries - 1 WHERE center_id = $1 AND code_id = $2`, db.center, id)
		return err
	})
	if err == nil && !right {
		return Account{}, ErrCode
	}
	return account, err
}

// tryCode charges one try at the account's live code and returns its id when it is the
// right one, else uuid.Nil. The row stays locked, so tries come one after the other.
func (db *DB) tryCode(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, code string, now time.Time) (uuid.UUID, error) {
	var live []struct {
		ID     uuid.UUID `db:"code_id"`
		Digest []byte    `db:"code_digest"`
	}
	err := tx.SelectContext(ctx, &live, `
		UPDATE reset_codes SET tries = tries + 1
		WHERE center_id = $1 AND account_id = $2 AND closed_at IS NULL AND expires_at > $3 AND tries < $4
		RETURNING code_id, code_digest`,
		db.center, account, now, ResetCodeTries)
	if err != nil || len(live) == 0 || subtle.ConstantTimeCompare(live[0].Digest, db.codeDigest(live[0].ID, code)) != 1 {
		return uuid.Nil, err
	}
	return live[0].ID, nil
}
