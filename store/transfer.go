package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

const (
	// TransferLife is how long a transfer can be confirmed once it is due.
	TransferLife = 7 * 24 * time.Hour

	// RejectionLife is how long a rejection prevents further transfers to the person.
	RejectionLife = 30 * 24 * time.Hour
)

// States of a Transfer.
const (
	TransferWaiting   = "waiting"
	TransferDone      = "done"
	TransferRejected  = "rejected"  // by the holder, also with a freeze
	TransferCancelled = "cancelled" // by the requester, or the link or the password has changed
	TransferExpired   = "expired"

	TransferUndeliverable = "undeliverable" // the holder could not be notified
)

// TransferByClerk is the Proof of a Transfer requested with a reset code instead of the
// password.
const TransferByClerk = "clerk"

// A Transfer is a user's request, proven to be by the person, to take over the link that
// another user has to that person.
type Transfer struct {
	ID                uuid.UUID  `db:"transfer_id"`
	Provider          string     `db:"provider"`
	AccountID         uuid.UUID  `db:"account_id"` // whose password was right
	PersonDigest      []byte     `db:"person_digest"`
	Former            []byte     `db:"former_digest"` // holder of the link
	Proof             string     `db:"proof"`
	State             string     `db:"state"`
	CredentialVersion int64      `db:"credential_version"` // of the password that was right
	RequestedAt       time.Time  `db:"requested_at"`
	DueAt             *time.Time `db:"due_at"` // nil: the holder has not been notified yet
	Window            int64      `db:"window_seconds"`
	ExpiresAt         time.Time  `db:"expires_at"`
	ClosedAt          *time.Time `db:"closed_at"`
	Sealed            []byte     `db:"sealed_identity"` // the requester's
}

// transferValid reports whether the link of a waiting transfer r exists and the verified
// password is unchanged; $1 is the centre. With a reset code the password may be frozen.
const transferValid = `(
	EXISTS (SELECT 1 FROM links l
		WHERE l.center_id = $1 AND l.provider = r.provider AND l.identity_digest = r.former_digest AND l.person_digest = r.person_digest)
	AND EXISTS (SELECT 1 FROM password_credentials c
		WHERE c.center_id = $1 AND c.account_id = r.account_id AND c.kind = 'password' AND c.version = r.credential_version
			AND (c.state <> 'frozen' OR r.proof = 'clerk')))`

// transferColumns are the columns of a Transfer; $2 is the time.
const transferColumns = `r.transfer_id, r.provider, r.account_id, r.person_digest, r.former_digest, r.proof,
	CASE WHEN r.state <> 'waiting' THEN r.state
		WHEN r.expires_at <= $2 THEN 'expired'
		WHEN NOT ` + transferValid + ` THEN 'cancelled' ELSE r.state END AS state,
	r.credential_version, r.requested_at, r.due_at, r.window_seconds, r.expires_at, r.closed_at, r.sealed_identity`

// A TransferOrder is the input of RequestTransfer.
type TransferOrder struct {
	Account Account       // proven
	Proof   string        // certdoc, face, phone or TransferByClerk
	Window  time.Duration // the holder's time to reject it; ignored with TransferByClerk, which is completed at once
	Face    *LinkProof    // closed by the request; nil if there is none
	Limit   int           // requests a day
}

// RequestTransfer requests the link of a person for the session's user, who has just been
// proven to be that person. The holder is notified and can reject the transfer until it is
// due; see Delivered and Abandon. Repeating the request returns the waiting transfer, for which
// the first call has used the face up. A transfer that is due is completed; see
// CompleteTransfer.
//
// It returns ErrNotFound if no other user has the link or the account belongs to another
// person now, ErrConflict if a transfer to a third user is waiting, ErrRejected if the
// holder has rejected a transfer to this person within RejectionLife, ErrLimit if the day's
// requests of the person or the user are used up, ErrBlocked if the account has ended, and
// ErrGone if the face proof is closed, late or outdated.
//
// It locks rows in the order of Erase.
func (db *DB) RequestTransfer(ctx context.Context, s Session, order TransferOrder) (Transfer, error) {
	var r Transfer
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var used error // the face, as by an earlier call
		if order.Face != nil {
			used = db.closeLinkProof(ctx, tx, s, order.Face.of(order.Account), LinkProofReplaced, now)
			if used != nil && !errors.Is(used, ErrGone) {
				return used
			}
		}
		found, err := db.waitingTransfer(ctx, tx, s, order, &r, now)
		switch {
		case err != nil:
			return err
		case !found && used != nil:
			return used
		case !found:
			if err := db.makeRoom(ctx, tx, s, order, now); err != nil {
				return err
			}
			if err := db.lockAccount(ctx, tx, order.Account); err != nil {
				return err
			}
			if r, err = db.insertTransfer(ctx, tx, s, order, now); err != nil {
				return err
			}
		}
		if r.DueAt == nil || now.Before(*r.DueAt) {
			return nil
		}
		r, err = db.completeTransfer(ctx, tx, s, r.ID, now)
		return err
	})
	return r, err
}

// atOnce reports whether the link is transferred without a notification.
func (o TransferOrder) atOnce() bool { return o.Proof == TransferByClerk }

// waitingTransfer reads the same request into r if it is waiting and would not be due sooner now.
func (db *DB) waitingTransfer(ctx context.Context, tx *sqlx.Tx, s Session, order TransferOrder, r *Transfer, now time.Time) (found bool, err error) {
	err = tx.GetContext(ctx, r, `
		SELECT `+transferColumns+` FROM link_transfers r
		WHERE r.center_id = $1 AND r.identity_digest = $3 AND r.state = 'waiting' AND r.expires_at > $2
			AND r.account_id = $4 AND r.person_digest = $5 AND r.credential_version = $6
			AND ($7 OR r.due_at <= $2) AND `+transferValid+`
		FOR UPDATE OF r`,
		db.center, now, s.IdentityDigest, order.Account.ID, order.Account.PersonDigest, order.Account.Version,
		!order.atOnce())
	return err == nil, mapNoRows(err, nil)
}

// makeRoom closes the person's transfers that are no longer valid and any other transfer of
// the user. It returns ErrRejected if the holder has rejected a transfer to the person
// within RejectionLife.
func (db *DB) makeRoom(ctx context.Context, tx *sqlx.Tx, s Session, order TransferOrder, now time.Time) error {
	person := order.Account.PersonDigest
	if _, err := tx.ExecContext(ctx, `
		UPDATE link_transfers r SET state = 'cancelled', closed_at = $2
		WHERE r.center_id = $1 AND r.state = 'waiting'
			AND (r.identity_digest = $3 OR r.person_digest = $4 AND (r.expires_at <= $2 OR NOT `+transferValid+`))`,
		db.center, now, s.IdentityDigest, person); err != nil {
		return err
	}
	var rejected bool
	err := tx.GetContext(ctx, &rejected, `
		SELECT EXISTS (SELECT 1 FROM link_transfers
			WHERE center_id = $1 AND person_digest = $2 AND state = 'rejected' AND requested_at > $3)`,
		db.center, person, now.Add(-RejectionLife))
	if err == nil && rejected && !order.atOnce() {
		err = ErrRejected
	}
	return err
}

// insertTransfer stores the transfer and notifies the holder if they can reject it.
func (db *DB) insertTransfer(ctx context.Context, tx *sqlx.Tx, s Session, order TransferOrder, now time.Time) (Transfer, error) {
	held, err := db.holder(ctx, tx, s, order.Account.PersonDigest)
	if err != nil {
		return Transfer{}, err
	}
	r, err := db.newTransfer(s, order, held, now)
	if err != nil {
		return Transfer{}, err
	}
	counted := start{countTransfersOfPerson, countTransfersOfUser, r.PersonDigest, s.IdentityDigest}
	if err := db.countStart(ctx, tx, counted, StartLimit{order.Limit, order.Limit}, now); err != nil {
		return Transfer{}, err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO link_transfers (center_id, transfer_id, provider, channel, identity_digest, former_digest, person_digest, account_id, sealed_identity,
			credential_version, proof, state, requested_at, due_at, window_seconds, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT DO NOTHING`,
		db.center, r.ID, r.Provider, s.Channel, s.IdentityDigest, r.Former, r.PersonDigest, r.AccountID, r.Sealed,
		r.CredentialVersion, r.Proof, r.State, r.RequestedAt, r.DueAt, r.Window, r.ExpiresAt)
	if err := changedOne(res, err, ErrConflict); err != nil || order.atOnce() {
		return r, err
	}
	if err := db.addEvent(ctx, tx, held.Account, EventTransferRequested, s.Channel, now); err != nil {
		return Transfer{}, err
	}
	return r, db.queueNotice(ctx, tx, notice{r.ID, NoticeTransferRequested, held.Account, held.Identity, r.PersonDigest}, now)
}

// newTransfer returns the transfer of a link that another user holds.
func (db *DB) newTransfer(s Session, order TransferOrder, held heldLink, now time.Time) (Transfer, error) {
	of, id := order.Account, uuid.New()
	sealed, err := db.seal(s.Visitor.Identity, "link_transfers", id[:])
	r := Transfer{
		ID: id, Provider: s.Provider, AccountID: of.ID, PersonDigest: of.PersonDigest, Former: held.Digest, Proof: order.Proof, State: TransferWaiting, CredentialVersion: of.Version,
		RequestedAt: now, Window: int64(order.Window.Seconds()), ExpiresAt: now.Add(NoticeLife + TransferLife), Sealed: sealed,
	}
	if order.atOnce() {
		r.DueAt, r.Window = &now, 0
	}
	return r, err
}

// A heldLink is a link and the identity of its holder.
type heldLink struct {
	Digest   []byte    `db:"identity_digest"`
	Account  uuid.UUID `db:"account_id"`
	Sealed   []byte    `db:"sealed_identity"`
	Identity Identity  `db:"-"`
}

// holder returns the holder's link and locks it until the transfer is stored or completed. A
// shared lock would not do: of two clerks' transfers each would wait for the other to end it.
func (db *DB) holder(ctx context.Context, tx *sqlx.Tx, s Session, person []byte) (heldLink, error) {
	var held heldLink
	err := tx.GetContext(ctx, &held, `
		SELECT identity_digest, account_id, sealed_identity FROM links
		WHERE center_id = $1 AND provider = $2 AND person_digest = $3 AND identity_digest <> $4 FOR UPDATE`,
		db.center, s.Provider, person, s.IdentityDigest)
	if err != nil {
		return heldLink{}, mapNoRows(err, ErrNotFound)
	}
	return held, db.unseal(held.Sealed, "links", held.Digest, &held.Identity)
}

// CompleteTransfer transfers the link in one transaction: it marks the transfer done, ends
// the holder's link, open change, open reset and sessions, and writes the link of the
// session's user, with events and notices to both. Of concurrent calls one succeeds; the
// others return ErrGone, as does a transfer that is not due, late, rejected, cancelled or
// another user's, or whose password has changed. It returns ErrConflict if the user is
// linked otherwise, ErrBlocked if the account has ended, and ErrNotFound if it belongs to
// another person now; these leave the transfer waiting.
//
// A concurrent confirm of a change either commits before the password is compared, and
// CompleteTransfer returns ErrGone, or finds its change cancelled.
func (db *DB) CompleteTransfer(ctx context.Context, s Session, id uuid.UUID) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := db.completeTransfer(ctx, tx, s, id, now)
		return err
	})
}

// completeTransfer is CompleteTransfer within a transaction. It returns the transfer.
func (db *DB) completeTransfer(ctx context.Context, tx *sqlx.Tx, s Session, id uuid.UUID, now time.Time) (Transfer, error) {
	var r Transfer
	if err := tx.GetContext(ctx, &r, `
		UPDATE link_transfers r SET state = 'done', closed_at = $2
		WHERE r.center_id = $1 AND r.transfer_id = $3 AND r.identity_digest = $4
			AND r.state = 'waiting' AND r.due_at <= $2 AND r.expires_at > $2
		RETURNING `+transferColumns,
		db.center, now, id, s.IdentityDigest); err != nil {
		return Transfer{}, mapNoRows(err, ErrGone)
	}
	a := Account{ID: r.AccountID, PersonDigest: r.PersonDigest}
	if err := db.lockAccount(ctx, tx, a); err != nil {
		return Transfer{}, err
	}
	if err := db.endFormer(ctx, tx, s, r, now); err != nil {
		return Transfer{}, err
	}
	n, err := db.newLink(s, a)
	if err != nil {
		return Transfer{}, err
	}
	return r, db.writeLink(ctx, tx, n, now)
}

// endFormer ends the former holder's link, open change, open reset and sessions.
func (db *DB) endFormer(ctx context.Context, tx *sqlx.Tx, s Session, r Transfer, now time.Time) error {
	var held heldLink
	if err := tx.GetContext(ctx, &held, `
		DELETE FROM links WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 AND person_digest = $4
		RETURNING identity_digest, account_id, sealed_identity`,
		db.center, r.Provider, r.Former, r.PersonDigest); err != nil {
		return mapNoRows(err, ErrGone)
	}
	if err := db.unseal(held.Sealed, "links", held.Digest, &held.Identity); err != nil {
		return err
	}
	if err := db.cancelOpenOf(ctx, tx, r.PersonDigest, now); err != nil {
		return err
	}
	var same int
	if err := tx.GetContext(ctx, &same, `
		SELECT 1 FROM password_credentials
		WHERE center_id = $1 AND account_id = $2 AND kind = 'password' AND version = $3 AND (state <> 'frozen' OR $4) FOR SHARE`,
		db.center, r.AccountID, r.CredentialVersion, r.Proof == TransferByClerk); err != nil {
		return mapNoRows(err, ErrGone)
	}
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		db.center, byteas(db.digests(held.Identity)...)); err != nil {
		return err
	}
	if err := db.addEvent(ctx, tx, held.Account, EventLinkTransferred, s.Channel, now); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{uuid.New(), NoticeLinkTransferred, held.Account, held.Identity, r.PersonDigest}, now)
}

// cancelOpenOf cancels a person's open change and reset, whoever opened them.
func (db *DB) cancelOpenOf(ctx context.Context, tx *sqlx.Tx, person []byte, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE resets SET state = 'cancelled', closed_at = $3
		WHERE center_id = $1 AND person_digest = $2 AND state IN ('started', 'passed')`,
		db.center, person, now); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE changes SET state = 'cancelled', closed_at = $3
		WHERE center_id = $1 AND person_digest = $2 AND state = 'open'`,
		db.center, person, now)
	return err
}
