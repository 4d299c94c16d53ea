package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// TicketLife is how long a ticket for a sealed password is good.
const TicketLife = 15 * time.Minute

// AddTicket gives a session a ticket, of which only the digest is kept.
// Calling it twice with one ticket fails.
func (db *DB) AddTicket(ctx context.Context, s Session, ticket string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO password_tickets (center_id, ticket_digest, token_digest, made_at)
			VALUES ($1, $2, $3, $4)`,
			db.center, db.ticketDigest(ticket), s.TokenDigest, now)
		return err
	})
}

// SpendTicket uses a ticket up for one sealed text and reports whether it was
// good: known, of this session, in time and not spent. With again, a ticket
// spent for this very text is good: an earlier run of the same request did it.
func (db *DB) SpendTicket(ctx context.Context, s Session, ticket string, sealed []byte, again bool) (bool, error) {
	text := sha256.Sum256(sealed)
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		res, err := tx.ExecContext(ctx, `
			UPDATE password_tickets SET spent_at = $5, spent_by = $4
			WHERE center_id = $1 AND ticket_digest = $2 AND token_digest = $3 AND made_at > $6
				AND (spent_at IS NULL OR $7 AND spent_by = $4)`,
			db.center, db.ticketDigest(ticket), s.TokenDigest, text[:], now, now.Add(-TicketLife), again)
		return changedOne(res, err, ErrGone)
	})
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	return err == nil, err
}

func (db *DB) ticketDigest(ticket string) []byte {
	return db.box.Index("password ticket", []byte(ticket))
}
