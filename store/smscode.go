package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Limits of codes sent by SMS.
const (
	SMSCodeLife     = 5 * time.Minute
	SMSCodeTries    = 3
	SMSCodesPerDay  = 5 // of a person, over all purposes, in Beijing time
	SMSCodeInterval = time.Minute

	// SMSCodesPerNetwork bounds the messages that one network causes on a day by naming many
	// persons. It is high because many citizens share the address of a carrier or of a hall.
	SMSCodesPerNetwork = 200

	// SMSCodesPerNetworkAndPerson is how many codes of a person callers of one network can
	// request who are not proven to be the person. Whoever knows the password, perhaps an
	// initial one, that way leaves the owner two on another network.
	SMSCodesPerNetworkAndPerson = 3
)

// An SMSCodeOrder is a code to be sent to an account's phone on file.
type SMSCodeOrder struct {
	ID               uuid.UUID
	Purpose, Channel string
	PersonDigest     []byte
	AccountID        uuid.UUID // zero: the person has no account, and no code is sent
	Mobile           string    // as the caller has read it from the account
	Binding          []byte    // of the session that may use the code
	Network          string    // of a caller who is not proven to be the person; "" of one who is
	Code             string

	// Event is the kind of the event that tells the owner that the code was sent; "" for none.
	// A person has few codes on a day, so strangers cannot flood the record.
	Event string

	// Silent issues a code that is not sent and is never right if the phone is not the
	// person's own, instead of returning ErrNoPhone: a caller who is not proven learns
	// nothing.
	Silent bool

	// ClaimedLimit is how many codes callers who are not proven can request for a person on a
	// day, so that some are left for the owner; 0 = no limit besides SMSCodesPerDay.
	ClaimedLimit int
}

// An SMSCode is an issued code.
type SMSCode struct {
	ID        uuid.UUID
	ExpiresAt time.Time
	NextAt    time.Time // when another may be requested, with ErrTooSoon, too
}

// IssueSMSCode stores a code, closes the person's earlier one for the purpose and adds the SMS
// to the outbox. It returns ErrNoPhone, and counts nothing, if Mobile is not on file any more
// or is on file for another person, too; ErrTooSoon within SMSCodeInterval of the person's
// latest code for any purpose; and ErrLimit if the person or the network has had the codes of
// the day. Calling it twice fails.
func (db *DB) IssueSMSCode(ctx context.Context, o SMSCodeOrder) (SMSCode, error) {
	var code SMSCode
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) (err error) {
		code, err = db.issueToClaimed(ctx, tx, o, now)
		return err
	})
	return code, err
}

// issueToClaimed is issueSMSCode for a caller who may not be proven to be the person. It counts
// against the limits of such callers.
func (db *DB) issueToClaimed(ctx context.Context, tx *sqlx.Tx, o SMSCodeOrder, now time.Time) (SMSCode, error) {
	if o.ClaimedLimit > 0 {
		if err := db.countOne(ctx, tx, dailyCount{countSMSRecoveriesOfPerson, o.PersonDigest, o.ClaimedLimit}, now); err != nil {
			return SMSCode{}, err
		}
	}
	c, err := db.issueSMSCode(ctx, tx, o, now)
	if err != nil || o.Network == "" {
		return c, err
	}
	network := []byte(o.Network)
	person := dailyCount{countCodesOfNetworkAndPerson, db.cipher.Index("network and person of a code", network, o.PersonDigest), SMSCodesPerNetworkAndPerson}
	if err := db.countOne(ctx, tx, person, now); err != nil {
		return c, err
	}
	return c, db.countOne(ctx, tx, dailyCount{countCodesOfNetwork, db.cipher.Index("network of a code", network), SMSCodesPerNetwork}, now)
}

// issueSMSCode is IssueSMSCode for a caller who is proven, within a transaction. The count of the
// person stays locked, so the calls for a person run one after the other.
func (db *DB) issueSMSCode(ctx context.Context, tx *sqlx.Tx, o SMSCodeOrder, now time.Time) (SMSCode, error) {
	c := SMSCode{ID: o.ID, ExpiresAt: now.Add(SMSCodeLife), NextAt: now.Add(SMSCodeInterval)}
	phone := db.phoneDigest(o.Mobile)
	own, err := db.isOwnPhone(ctx, tx, phoneOnFile{o.AccountID, o.PersonDigest, phone})
	switch {
	case err != nil:
		return c, err
	case !own && !o.Silent:
		return c, ErrNoPhone
	case !own:
		phone = nil // the code is never sent
	}
	if err := db.countOne(ctx, tx, dailyCount{countCodesOfPerson, o.PersonDigest, SMSCodesPerDay}, now); err != nil {
		return c, err
	}
	latest, err := db.latestSMSCode(ctx, tx, o.PersonDigest, now)
	if err != nil || latest != nil {
		if latest != nil {
			c.NextAt, err = latest.Add(SMSCodeInterval), ErrTooSoon
		}
		return c, err
	}
	return c, db.writeSMSCode(ctx, tx, o, phone, c, now)
}

// A dailyCount is a counter of the day with its limit.
type dailyCount struct {
	purpose string
	subject []byte
	limit   int
}

// countOne adds one to a counter, or returns ErrLimit.
func (db *DB) countOne(ctx context.Context, tx *sqlx.Tx, d dailyCount, now time.Time) error {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO daily_counts AS c (center_id, purpose, subject_digest, day, count) VALUES ($1, $2, $3, $4, 1)
		ON CONFLICT (center_id, purpose, subject_digest, day) DO UPDATE SET count = c.count + 1
		WHERE c.count < $5`,
		db.center, d.purpose, d.subject, dayOf(now), d.limit)
	return changedOne(res, err, ErrLimit)
}

// latestSMSCode returns when the person's latest code was issued, or nil if that is longer ago
// than SMSCodeInterval.
func (db *DB) latestSMSCode(ctx context.Context, tx *sqlx.Tx, person []byte, now time.Time) (*time.Time, error) {
	var at *time.Time
	err := tx.GetContext(ctx, &at, `
		SELECT max(issued_at) FROM sms_codes WHERE center_id = $1 AND person_digest = $2 AND issued_at > $3`,
		db.center, person, now.Add(-SMSCodeInterval))
	return at, err
}

// A phoneOnFile is the phone of an account of a person.
type phoneOnFile struct {
	account       uuid.UUID
	person, phone []byte
}

// isOwnPhone reports whether the phone is on file for the account and for no other person.
func (db *DB) isOwnPhone(ctx context.Context, tx *sqlx.Tx, p phoneOnFile) (own bool, err error) {
	err = tx.GetContext(ctx, &own, `
		SELECT EXISTS (SELECT 1 FROM accounts WHERE center_id = $1 AND account_id = $2 AND person_digest = $3 AND phone_digest = $4)
			AND NOT EXISTS (SELECT 1 FROM accounts WHERE center_id = $1 AND phone_digest = $4 AND person_digest <> $3)`,
		db.center, p.account, p.person, p.phone)
	return own, err
}

// writeSMSCode replaces the person's code for the purpose and adds the SMS to the outbox, unless
// phone is nil. The message has the id of the code.
func (db *DB) writeSMSCode(ctx context.Context, tx *sqlx.Tx, o SMSCodeOrder, phone []byte, c SMSCode, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE sms_codes SET closed_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND purpose = $3 AND closed_at IS NULL`,
		db.center, o.PersonDigest, o.Purpose, now); err != nil {
		return err
	}
	fingerprints, binding := db.smsCodeDigests(c.ID, o.Code, o.Binding)
	res, err := tx.ExecContext(ctx, `
		INSERT INTO sms_codes (center_id, code_id, purpose, channel, person_digest, account_id, phone_digest, binding_digest,
			code_fingerprint, issued_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT DO NOTHING`,
		db.center, c.ID, o.Purpose, o.Channel, o.PersonDigest, uuid.NullUUID{UUID: o.AccountID, Valid: phone != nil}, phone,
		binding, fingerprints[0], now, c.ExpiresAt)
	if err := changedOne(res, err, ErrTooSoon); err != nil || phone == nil {
		return err // at midnight a concurrent call counts on another day
	}
	sealed, err := db.seal(Notice{ChangedAt: now, Person: o.PersonDigest, Code: o.Code, Phone: phone}, "outbox", c.ID[:])
	if err != nil {
		return err
	}
	if o.Event != "" {
		if err := db.addEvent(ctx, tx, o.AccountID, o.Event, o.Channel, now); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at, expires_at, medium)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, 'sms')`,
		db.center, c.ID, codeKindPrefix+o.Purpose, o.AccountID, sealed, now, c.ExpiresAt)
	return err
}

// smsCodeDigests returns what is stored of a code and of its binding. The fingerprints of the
// code are keyed by the pepper, because a million codes are soon tried.
func (db *DB) smsCodeDigests(id uuid.UUID, code string, binding []byte) (fingerprints [][]byte, bound []byte) {
	return db.pepper.Fingerprints("SMS code", id[:], []byte(code)), db.cipher.Index("binding of a code", binding)
}

// An SMSTry is one try at a code.
type SMSTry struct {
	ID           uuid.UUID
	Purpose      string
	PersonDigest []byte
	Binding      []byte
	Code         string
}

// UseSMSCode uses a code up if it is right. A wrong try stays charged: of any number of
// concurrent tries SMSCodeTries are compared, and of right ones one succeeds. It returns ErrCode
// with the number of tries left, or ErrGone if the code has another purpose, person or binding,
// is used, replaced, expired or out of tries, or if the phone on file has changed since or has
// become another person's, too.
func (db *DB) UseSMSCode(ctx context.Context, t SMSTry) (left int, err error) {
	var verdict error
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) (err error) {
		left, verdict, err = db.useSMSCode(ctx, tx, t, now)
		return err // a wrong try is committed
	})
	if err == nil {
		err = verdict
	}
	return left, err
}

// useSMSCode is UseSMSCode within a transaction. The row stays locked, so tries run one after
// the other.
func (db *DB) useSMSCode(ctx context.Context, tx *sqlx.Tx, t SMSTry, now time.Time) (left int, verdict, err error) {
	var code struct {
		Account     uuid.NullUUID `db:"account_id"`
		Phone       []byte        `db:"phone_digest"`
		Fingerprint []byte        `db:"code_fingerprint"`
		Tries       int           `db:"tries"`
	}
	fingerprints, binding := db.smsCodeDigests(t.ID, t.Code, t.Binding)
	err = tx.GetContext(ctx, &code, `
		UPDATE sms_codes SET tries = tries + 1, closed_at = CASE WHEN tries + 1 >= $7 THEN $6::timestamptz END
		WHERE center_id = $1 AND code_id = $2 AND purpose = $3 AND person_digest = $4 AND binding_digest = $5
			AND closed_at IS NULL AND expires_at > $6
		RETURNING account_id, phone_digest, code_fingerprint, tries`,
		db.center, t.ID, t.Purpose, t.PersonDigest, binding, now, SMSCodeTries)
	if err = mapNoRows(err, ErrGone); errors.Is(err, ErrGone) {
		return 0, ErrGone, nil
	} else if err != nil {
		return 0, nil, err
	}
	right := code.Account.Valid && oneIs(fingerprints, code.Fingerprint)
	if !right {
		return SMSCodeTries - code.Tries, ErrCode, nil
	}
	own, err := db.isOwnPhone(ctx, tx, phoneOnFile{code.Account.UUID, t.PersonDigest, code.Phone})
	if err != nil {
		return 0, nil, err
	}
	if !own {
		verdict = ErrGone
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE sms_codes SET closed_at = $3, used = $4 WHERE center_id = $1 AND code_id = $2`,
		db.center, t.ID, now, own)
	return 0, verdict, err
}

// oneIs compares in constant time.
func oneIs(all [][]byte, want []byte) bool {
	found := 0
	for _, b := range all {
		found |= subtle.ConstantTimeCompare(b, want)
	}
	return found == 1
}
