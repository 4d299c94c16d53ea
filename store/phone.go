package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// phonePayloadLife is how long a payload stays its first sender's after its last use.
// Alipay's payload has no time and never expires by itself, so a day or two would only
// make a thief wait. It ends at all because carriers give numbers to new people, who
// get the very same payload.
const phonePayloadLife = 365 * 24 * time.Hour

// A PhoneProof is a phone number that Alipay vouched for.
type PhoneProof struct {
	Payload []byte // digest of what Alipay signed
	Mobile  string // digits; kept sealed
}

// BindPhone notes that the citizen of this session has shown the phone number. The
// payload becomes theirs, over all processes: sent by another user it is
// ErrConflict. The same user may send it again, in a later session, too, because
// Alipay makes the same payload each time. A later number takes the place of an
// earlier one. ErrNotFound when the session has ended. Calling it twice is safe.
func (db *DB) BindPhone(ctx context.Context, s Session, proof PhoneProof) error {
	sealed, err := db.seal(proof.Mobile, "session phones", s.TokenDigest)
	if err != nil {
		return err
	}
	payload := db.cipher.Index("phone payload", proof.Payload)
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.claimPayload(ctx, tx, phonePayload{payload, s.IdentityDigest, now}); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			UPDATE sessions SET phone_digest = $3, sealed_phone = $4
			WHERE center_id = $1 AND token_digest = $2`,
			db.center, s.TokenDigest, db.phoneDigest(proof.Mobile), sealed)
		return changedOne(res, err, ErrNotFound)
	})
}

type phonePayload struct {
	digest, identity []byte
	at               time.Time
}

// claimPayload makes the payload its first sender's. The insert waits for another one
// under way; then the update's WHERE decides.
func (db *DB) claimPayload(ctx context.Context, tx *sqlx.Tx, p phonePayload) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO phone_payloads (center_id, payload_digest, identity_digest, used_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (center_id, payload_digest) DO NOTHING`,
		db.center, p.digest, p.identity, p.at)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE phone_payloads SET used_at = $4
		WHERE center_id = $1 AND payload_digest = $2 AND identity_digest = $3`,
		db.center, p.digest, p.identity, p.at)
	return changedOne(res, err, ErrConflict)
}

// VerifiedPhone returns the phone number bound to the session, or ErrNotFound.
func (db *DB) VerifiedPhone(ctx context.Context, s Session) (string, error) {
	var sealed []byte
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return q.QueryRowxContext(ctx, `
			SELECT sealed_phone FROM sessions
			WHERE center_id = $1 AND token_digest = $2 AND sealed_phone IS NOT NULL`,
			db.center, s.TokenDigest).Scan(&sealed)
	})
	if err != nil {
		return "", mapNoRows(err, ErrNotFound)
	}
	var mobile string
	err = db.unseal(sealed, "session phones", s.TokenDigest, &mobile)
	return mobile, err
}

func (db *DB) phoneDigest(mobile string) []byte {
	return db.cipher.Index("phone", []byte(db.center), []byte(mobile))
}
