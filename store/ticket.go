package store

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jmoiron/sqlx"
)

// TicketLife is how long a ticket for a sealed password is valid.
const TicketLife = 15 * time.Minute

// AddTicket stores the digest of a ticket for a session. Calling it twice with one ticket
// fails.
func (db *DB) AddTicket(ctx context.Context, s Session, ticket string) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO password_tickets (center_id, ticket_digest, token_digest, made_at)
			VALUES ($1, $2, $3, $4)`,
			db.center, db.ticketDigest(ticket), s.TokenDigest, now)
		return err
	})
}

// SpendTicket spends a ticket for one sealed text and reports whether the ticket was valid:
// known, of this session, not expired and not spent. With again, a ticket spent for the
// same text is valid, because an earlier run of the request spent it.
func (db *DB) SpendTicket(ctx context.Context, s Session, ticket string, sealed []byte, again bool) (bool, error) {
	text := sha256.Sum256(sealed)
	var good bool
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		return tx.GetContext(ctx, &good, spendTicket,
			db.center, db.ticketDigest(ticket), s.TokenDigest, text[:], now, now.Add(-TicketLife), again)
	})
	return err == nil && good, err
}

// spendTicket writes one row for any ticket, also for an unknown one, so that the time of a
// refusal does not reveal its reason.
const spendTicket = `
	INSERT INTO password_tickets AS t (center_id, ticket_digest, token_digest, made_at, spent_at, spent_by, admitted)
	VALUES ($1, $2, $3, $5, $5, $4, false)
	ON CONFLICT (center_id, ticket_digest) DO UPDATE SET
		admitted = t.token_digest = $3 AND t.made_at > $6 AND (t.spent_at IS NULL OR $7 AND t.spent_by = $4),
		spent_at = coalesce(t.spent_at, CASE WHEN t.token_digest = $3 THEN $5::timestamptz END),
		spent_by = coalesce(t.spent_by, CASE WHEN t.token_digest = $3 THEN $4::bytea END)
	RETURNING admitted`

// ticketDigest returns the blind index of a ticket.
func (db *DB) ticketDigest(ticket string) []byte {
	return db.cipher.Index("password ticket", []byte(ticket))
}
