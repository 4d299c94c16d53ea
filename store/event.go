package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Kinds of events a citizen can read.
const (
	EventLinked          = "linked"
	EventUnlinked        = "unlinked"
	EventSignedIn        = "signed_in" // with the password or another proof, by no provider
	EventChangeOpened    = "change_opened"
	EventPasswordChanged = "password_changed"
	EventPasswordWrong   = "password_wrong"
	EventPasswordLocked  = "password_locked"

	EventResetOpened     = "reset_opened"
	EventResetCodeIssued = "reset_code_issued"
	EventPasswordReset   = "password_reset"

	EventAuthorisationWithdrawn = "authorisation_withdrawn" // ends the link

	EventTransferRequested = "transfer_requested" // another user requested the link
	EventTransferRejected  = "transfer_rejected"  // the holder rejected the request
	EventLinkTransferred   = "link_transferred"   // the other user received the link
	EventAccountChosen     = "account_chosen"     // the link points to another account of the person

	EventPasswordFrozen = "password_frozen"
	EventUnlocked       = "unlocked"

	EventMessagesDeclined = "messages_declined" // by withdrawing the consent to them

	// Somebody has requested a code that was sent to the phone on file: with the right
	// password for the first three, with name and document for the last.
	EventSignInCodeSent = "sign_in_code_sent"
	EventDeviceCodeSent = "device_code_sent"
	EventLinkCodeSent   = "link_code_sent"
	EventResetCodeSent  = "reset_code_sent"
)

// An Event is one entry of a citizen's record.
type Event struct {
	ID      uuid.UUID `db:"event_id" json:"event_id"`
	At      time.Time `db:"at" json:"at"`
	Kind    string    `db:"kind" json:"kind"`
	Channel string    `db:"channel" json:"channel"`
}

// addEvent adds an event to the record of an account, in the transaction of what it records:
// the record neither lacks a deed nor shows one that was rolled back.
func (db *DB) addEvent(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, kind, channel string, now time.Time) error {
	return db.insertEvent(ctx, tx, account, newEvent(kind, channel, now))
}

func newEvent(kind, channel string, now time.Time) Event {
	return Event{ID: uuid.New(), At: now, Kind: kind, Channel: channel}
}

// insertEvent adds an event whose id the caller needs.
func (db *DB) insertEvent(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, e Event) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO events (center_id, at, event_id, account_id, kind, channel) VALUES ($1, $2, $3, $4, $5, $6)`,
		db.center, e.At, e.ID, account, e.Kind, e.Channel)
	return err
}

// Events returns the latest n events of an account within the last year, newest first. The id
// orders events of the same moment, so that two reads show the same order.
func (db *DB) Events(ctx context.Context, account uuid.UUID, n int) ([]Event, error) {
	events := []Event{}
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.SelectContext(ctx, q, &events, `
			SELECT event_id, at, kind, channel FROM events
			WHERE center_id = $1 AND account_id = $2 AND at > $3
			ORDER BY at DESC, event_id LIMIT $4`,
			db.center, account, db.clock().AddDate(-1, 0, 0), n)
	})
	return events, err
}
