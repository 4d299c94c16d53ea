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

	// clerkTransferLife is how long a transfer by a reset code can be completed, which
	// takes a second transaction.
	clerkTransferLife = time.Minute

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
	Window  time.Duration // the holder's time to reject it; ignored with TransferByClerk, which is due at once
	Face    *LinkProof    // closed by the request; nil if there is none
	Limit   int           // requests a day
}

// RequestTransfer requests the link of a person for the session's user, who has just been
// proven to be that person. The holder is notified and can reject the transfer until it is
// due; see Delivered and Abandon. Repeating the request returns the waiting transfer, for which
// the first call has used the face up.
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
		q := transferRequest{tx, db, s, order, now}
		used := false // the face, as by an earlier call
		if order.Face != nil {
			face := *order.Face
			face.AccountID, face.PersonDigest = order.Account.ID, order.Account.PersonDigest // compared by closeLinkProof
			err := db.closeLinkProof(ctx, tx, s, face, LinkProofReplaced, now)
			if used = errors.Is(err, ErrGone); err != nil && !used {
				return err
			}
		}
		found, err := q.waiting(ctx, &r)
		switch {
		case err != nil, found:
			return err
		case used:
			return ErrGone
		}
		if err := q.makeRoom(ctx); err != nil {
			return err
		}
		if err := db.lockAccount(ctx, tx, order.Account); err != nil {
			return err
		}
		r, err = q.insert(ctx)
		return err
	})
	return r, err
}

// A transferRequest is the transaction of RequestTransfer.
type transferRequest struct {
	*sqlx.Tx
	db    *DB
	s     Session
	order TransferOrder
	now   time.Time
}

// atOnce reports whether the transfer is due without a notification.
func (o TransferOrder) atOnce() bool { return o.Proof == TransferByClerk }

// waiting reads the same request into r if it is waiting and would not be due sooner now.
func (q transferRequest) waiting(ctx context.Context, r *Transfer) (found bool, err error) {
	err = q.GetContext(ctx, r, `
		SELECT `+transferColumns+` FROM link_transfers r
		WHERE r.center_id = $1 AND r.identity_digest = $3 AND r.state = 'waiting' AND r.expires_at > $2
			AND r.account_id = $4 AND r.person_digest = $5 AND r.credential_version = $6
			AND ($7 OR r.due_at <= $2) AND `+transferValid+`
		FOR UPDATE OF r`,
		q.db.center, q.now, q.s.IdentityDigest, q.order.Account.ID, q.order.Account.PersonDigest, q.order.Account.Version,
		!q.order.atOnce())
	return err == nil, mapNoRows(err, nil)
}

// makeRoom closes the person's transfers that are no longer valid and any other transfer of
// the user. It returns ErrRejected if the holder has rejected a transfer to the person
// within RejectionLife.
func (q transferRequest) makeRoom(ctx context.Context) error {
	person := q.order.Account.PersonDigest
	if _, err := q.ExecContext(ctx, `
		UPDATE link_transfers r SET state = 'cancelled', closed_at = $2
		WHERE r.center_id = $1 AND r.state = 'waiting'
			AND (r.identity_digest = $3 OR r.person_digest = $4 AND (r.expires_at <= $2 OR NOT `+transferValid+`))`,
		q.db.center, q.now, q.s.IdentityDigest, person); err != nil {
		return err
	}
	var rejected bool
	err := q.GetContext(ctx, &rejected, `
		SELECT EXISTS (SELECT 1 FROM link_transfers
			WHERE center_id = $1 AND person_digest = $2 AND state = 'rejected' AND requested_at > $3)`,
		q.db.center, person, q.now.Add(-RejectionLife))
	if err == nil && rejected && !q.order.atOnce() {
		err = ErrRejected
	}
	return err
}

// insert stores the transfer and notifies the holder if they can reject it.
func (q transferRequest) insert(ctx context.Context) (Transfer, error) {
	held, err := q.holder(ctx)
	if err != nil {
		return Transfer{}, err
	}
	r, err := q.newTransfer(held)
	if err != nil {
		return Transfer{}, err
	}
	counted := start{countTransfersOfPerson, countTransfersOfUser, r.PersonDigest, q.s.IdentityDigest}
	if err := q.db.countStart(ctx, q.Tx, counted, StartLimit{q.order.Limit, q.order.Limit}, q.now); err != nil {
		return Transfer{}, err
	}
	res, err := q.ExecContext(ctx, `
		INSERT INTO link_transfers (center_id, transfer_id, provider, channel, identity_digest, former_digest, person_digest, account_id, sealed_identity,
			credential_version, proof, state, requested_at, due_at, window_seconds, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT DO NOTHING`,
		q.db.center, r.ID, r.Provider, q.s.Channel, q.s.IdentityDigest, r.Former, r.PersonDigest, r.AccountID, r.Sealed,
		r.CredentialVersion, r.Proof, r.State, r.RequestedAt, r.DueAt, r.Window, r.ExpiresAt)
	if err := changedOne(res, err, ErrConflict); err != nil || q.order.atOnce() {
		return r, err
	}
	if err := q.db.addEvent(ctx, q.Tx, held.Account, EventTransferRequested, q.s.Channel, q.now); err != nil {
		return Transfer{}, err
	}
	return r, q.db.queueNotice(ctx, q.Tx, notice{r.ID, NoticeTransferRequested, held.Account, held.Identity, r.PersonDigest}, q.now)
}

func (q transferRequest) newTransfer(held heldLink) (Transfer, error) {
	of, id := q.order.Account, uuid.New()
	sealed, err := q.db.seal(q.s.Visitor.Identity, "link_transfers", id[:])
	r := Transfer{
		ID: id, Provider: q.s.Provider, AccountID: of.ID, PersonDigest: of.PersonDigest, Former: held.Digest, Proof: q.order.Proof, State: TransferWaiting, CredentialVersion: of.Version,
		RequestedAt: q.now, Window: int64(q.order.Window.Seconds()), ExpiresAt: q.now.Add(NoticeLife + TransferLife), Sealed: sealed,
	}
	if q.order.atOnce() {
		r.DueAt, r.Window, r.ExpiresAt = &q.now, 0, q.now.Add(clerkTransferLife)
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

// holder returns the holder's link and locks it until the transfer is stored.
func (q transferRequest) holder(ctx context.Context) (heldLink, error) {
	var held heldLink
	err := q.GetContext(ctx, &held, `
		SELECT identity_digest, account_id, sealed_identity FROM links
		WHERE center_id = $1 AND provider = $2 AND person_digest = $3 AND identity_digest <> $4 FOR SHARE`,
		q.db.center, q.s.Provider, q.order.Account.PersonDigest, q.s.IdentityDigest)
	if err != nil {
		return heldLink{}, mapNoRows(err, ErrNotFound)
	}
	return held, q.db.unseal(held.Sealed, "links", held.Digest, &held.Identity)
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
		var r Transfer
		if err := tx.GetContext(ctx, &r, `
			UPDATE link_transfers r SET state = 'done', closed_at = $2
			WHERE r.center_id = $1 AND r.transfer_id = $3 AND r.identity_digest = $4
				AND r.state = 'waiting' AND r.due_at <= $2 AND r.expires_at > $2
			RETURNING `+transferColumns,
			db.center, now, id, s.IdentityDigest); err != nil {
			return mapNoRows(err, ErrGone)
		}
		n, err := db.newLink(s, Account{ID: r.AccountID, PersonDigest: r.PersonDigest})
		if err != nil {
			return err
		}
		if err := db.lockAccount(ctx, tx, n.account); err != nil {
			return err
		}
		if err := db.endFormer(ctx, tx, s, r, now); err != nil {
			return err
		}
		return db.writeLink(ctx, tx, n, now)
	})
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
