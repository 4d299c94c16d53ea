package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// phonePayloadLife is how long a payload belongs to its first sender after its last use. A
// payload has no time and never expires at Alipay, so a short life would only delay a
// thief. It ends because carriers reassign numbers, and the new owner gets the same
// payload.
const phonePayloadLife = 365 * 24 * time.Hour

// A PhoneProof is a phone number confirmed by Alipay.
type PhoneProof struct {
	Payload []byte // digest of the signed payload
	Mobile  string // digits; stored sealed
}

// BindPhone records that the session's user has proven a phone number, which replaces an
// earlier one. The payload is bound to the user over all processes: BindPhone returns
// ErrConflict if another user sends it. The same user may send it again, also in a later
// session, because Alipay returns the same payload each time. BindPhone returns ErrNotFound
// if the session has ended. Calling it twice is safe.
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

// A phonePayload is the use of a payload by a user.
type phonePayload struct {
	digest, identity []byte
	at               time.Time
}

// claimPayload binds the payload to its first sender. The insert waits for a concurrent
// one; then the update's WHERE decides.
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

// phoneDigest returns the blind index of a phone number within the centre. Sessions and
// accounts use the same index, so that they can be compared.
func (db *DB) phoneDigest(mobile string) []byte {
	return db.cipher.Index("phone", []byte(db.center), []byte(mobile))
}
