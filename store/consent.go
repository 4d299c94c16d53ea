package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// How a consent was given.
const (
	ConsentAsked  = "asked" // by a request of its own
	ConsentByForm = "form"  // by submitting the form that showed the text

	ConsentRefused = "refused" // withdrawn before it was given
)

// A Consent is a user's agreement to one version of a text.
type Consent struct {
	Purpose     string     `json:"purpose" db:"purpose"`
	Version     string     `json:"text_version" db:"text_version"`
	How         string     `json:"how" db:"how"`
	GivenAt     time.Time  `json:"given_at" db:"given_at"`
	WithdrawnAt *time.Time `json:"withdrawn_at" db:"withdrawn_at"`
}

// Consents returns the user's latest consent for each purpose, including withdrawn ones.
func (db *DB) Consents(ctx context.Context, s Session) (map[string]Consent, error) {
	var rows []Consent
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT DISTINCT ON (purpose) purpose, text_version, how, given_at, withdrawn_at FROM consents
			WHERE center_id = $1 AND identity_digest = $2
			ORDER BY purpose, given_at DESC`,
			db.center, s.IdentityDigest)
	})
	latest := make(map[string]Consent, len(rows))
	for _, c := range rows {
		latest[c.Purpose] = c
	}
	return latest, err
}

// GiveConsents records the user's consents, of which Purpose, Version and How are set. A
// consent in force for the same version is kept, so calling it twice is safe.
func (db *DB) GiveConsents(ctx context.Context, s Session, consents []Consent) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		for _, c := range consents {
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO consents (center_id, identity_digest, purpose, text_version, how, given_at)
				SELECT $1::text, $2::bytea, $3::text, $4::text, $5::text, $6::timestamptz
				WHERE NOT coalesce((SELECT text_version = $4 AND withdrawn_at IS NULL FROM consents
					WHERE center_id = $1 AND identity_digest = $2 AND purpose = $3
					ORDER BY given_at DESC LIMIT 1), false)
				ON CONFLICT (center_id, identity_digest, purpose, given_at) DO NOTHING`,
				db.center, s.IdentityDigest, c.Purpose, c.Version, c.How, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// WithdrawConsent withdraws the user's consent for one purpose, in every version. If there
// is none, it records a refusal of this version. For "phone" it also deletes the phone
// numbers of the user's sessions; for "message" it adds an event for a linked owner.
// Calling it twice is safe.
func (db *DB) WithdrawConsent(ctx context.Context, s Session, purpose, version string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE consents SET withdrawn_at = $4
			WHERE center_id = $1 AND identity_digest = $2 AND purpose = $3 AND withdrawn_at IS NULL`,
			db.center, s.IdentityDigest, purpose, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO consents (center_id, identity_digest, purpose, text_version, how, given_at, withdrawn_at)
			SELECT $1::text, $2::bytea, $3::text, $4::text, 'refused', $5::timestamptz, $5::timestamptz
			WHERE NOT EXISTS (SELECT 1 FROM consents
				WHERE center_id = $1 AND identity_digest = $2 AND purpose = $3)
			ON CONFLICT (center_id, identity_digest, purpose, given_at) DO NOTHING`,
			db.center, s.IdentityDigest, purpose, version, now); err != nil {
			return err
		}
		if purpose == "message" && s.Link != nil {
			return db.addEvent(ctx, tx, s.Link.AccountID, EventMessagesDeclined, s.Channel, now)
		}
		if purpose != "phone" {
			return nil
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE sessions SET phone_digest = NULL, sealed_phone = NULL
			WHERE center_id = $1 AND identity_digest = $2 AND sealed_phone IS NOT NULL`,
			db.center, s.IdentityDigest)
		return err
	})
}
