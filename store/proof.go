package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// A Proof is a verified proof of possession of a device's key, RFC 9449.
type Proof struct {
	Thumbprint []byte // of the key, RFC 7638
	Digest     []byte // of the proof
	ExpiresAt  time.Time
}

// ErrSpent reports that a proof was used before.
var ErrSpent = errors.New("store: proof was used before")

// SpendProof marks a proof as used. Over all processes the first call for its digest returns
// nil and every other ErrSpent. The row is kept until the proof has expired.
func (db *DB) SpendProof(ctx context.Context, p Proof) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		return db.spendProof(ctx, tx, p)
	})
}

func (db *DB) spendProof(ctx context.Context, tx *sqlx.Tx, p Proof) error {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO dpop_proofs (center_id, proof_digest, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (center_id, proof_digest) DO NOTHING`,
		db.center, p.Digest, p.ExpiresAt)
	return changedOne(res, err, ErrSpent)
}

// DeviceSession returns the session with a token digest that is bound to the key of the proof,
// and spends the proof. It returns ErrNotFound as Session does, also for a session of another
// key or of none, which spends nothing: a stranger with a key of their own writes no rows. It
// returns ErrSpent for a proof that was used before.
func (db *DB) DeviceSession(ctx context.Context, tokenDigest []byte, p Proof) (s Session, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if s, err = db.session(ctx, tx, tokenDigest, p.Thumbprint, now); err != nil {
			return err
		}
		return db.spendProof(ctx, tx, p)
	})
	return s, err
}

// ProofNonceKey returns the key of the nonces that proofs must contain. It is the same on every
// server of the centre and does not change, so that a proof made with the nonce of one server
// is accepted by another.
func (db *DB) ProofNonceKey() []byte {
	return db.cipher.Index("proof nonces", []byte(db.center))
}
