package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

const (
	// RelinkLife is how long a relink that is due waits for who asked for it.
	RelinkLife = 7 * 24 * time.Hour

	// relinkAtOnce is how long one by a clerk's code waits: its second transaction
	// follows the first, unless the process died.
	relinkAtOnce = time.Minute

	// ObjectionLife is how long an objection keeps every Alipay user of the person from
	// asking again.
	ObjectionLife = 30 * 24 * time.Hour
)

// States of a Relink.
const (
	RelinkWaiting   = "waiting"
	RelinkDone      = "done"
	RelinkObjected  = "objected"  // by the holder of the link, or by their 不是我
	RelinkCancelled = "cancelled" // by who asked; or the link or the password is not what it was
	RelinkExpired   = "expired"

	RelinkUndeliverable = "undeliverable" // the holder could not be told
)

// RelinkByClerk is the Proof of a Relink whose password a clerk's code stood for.
const RelinkByClerk = "clerk"

// A Relink is the wish of an Alipay user, proven to be a person, to take over the link
// that another Alipay user has to that person.
type Relink struct {
	ID                uuid.UUID  `db:"relink_id"`
	AccountID         uuid.UUID  `db:"account_id"` // whose password was right
	PersonDigest      []byte     `db:"person_digest"`
	Former            []byte     `db:"former_digest"` // whose link it is
	Proof             string     `db:"proof"`
	State             string     `db:"state"`
	CredentialVersion int64      `db:"credential_version"` // of the password that was right
	AskedAt           time.Time  `db:"asked_at"`
	DueAt             *time.Time `db:"due_at"` // nil: the holder was not told yet
	Window            int64      `db:"window_seconds"`
	ExpiresAt         time.Time  `db:"expires_at"`
	ClosedAt          *time.Time `db:"closed_at"`
	Sealed            []byte     `db:"sealed_identity"` // of who asks
}

// relinkStands is what a waiting relink r needs: the link it is about, and the password
// that was right; $1 is the centre. A clerk's code is good though the password is frozen.
const relinkStands = `(
	EXISTS (SELECT 1 FROM alipay_links l
		WHERE l.center_id = $1 AND l.identity_digest = r.former_digest AND l.person_digest = r.person_digest)
	AND EXISTS (SELECT 1 FROM password_credentials c
		WHERE c.center_id = $1 AND c.account_id = r.account_id AND c.version = r.credential_version
			AND (c.state <> 'frozen' OR r.proof = 'clerk')))`

// relinkColumns go with Relink; $2 is the time.
const relinkColumns = `r.relink_id, r.account_id, r.person_digest, r.former_digest, r.proof,
	CASE WHEN r.state <> 'waiting' THEN r.state
		WHEN r.expires_at <= $2 THEN 'expired'
		WHEN NOT ` + relinkStands + ` THEN 'cancelled' ELSE r.state END AS state,
	r.credential_version, r.asked_at, r.due_at, r.window_seconds, r.expires_at, r.closed_at, r.sealed_identity`

// A RelinkOrder is what AskRelink is asked for.
type RelinkOrder struct {
	Account Account       // proven
	Proof   string        // certdoc, face, phone or RelinkByClerk
	Window  time.Duration // for the holder to object, from when they were told; of no account with RelinkByClerk, which is due at once
	Face    *LinkProof    // used up by it; nil: nothing waited for a face
	Limit   int           // asks a day
}

// AskRelink asks for the link of a person to whom the session's Alipay user was just
// proven. The holder is told, and from then on may object until it is due: see Delivered
// and Abandon. The same wish again is the
// one that stands. ErrNotFound means that nobody else has the link, or that the account is
// another person's now; ErrConflict that a third Alipay user waits for it; ErrObjected
// that the holder has refused an Alipay user of this person lately; ErrLimit that the day's asks are used up,
// of the person or the user; ErrBlocked that the account has ended; ErrGone that the face
// proof is closed, late or outdated. Calling it twice is safe.
//
// Its locks are taken in the order of Erase: what waits, account, link.
func (db *DB) AskRelink(ctx context.Context, s Session, order RelinkOrder) (Relink, error) {
	var r Relink
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		a := asking{tx, db, s, order, now}
		if order.Face != nil {
			face := *order.Face
			face.AccountID, face.PersonDigest = order.Account.ID, order.Account.PersonDigest // it must be for these
			if err := db.closeLinkProof(ctx, tx, s, face, LinkProofReplaced, now); err != nil {
				return err
			}
		}
		found, err := a.standing(ctx, &r)
		if err != nil || found {
			return err
		}
		if err := a.makeRoom(ctx); err != nil {
			return err
		}
		if err := db.lockAccount(ctx, tx, order.Account); err != nil {
			return err
		}
		r, err = a.insert(ctx)
		return err
	})
	return r, err
}

// asking is the transaction of AskRelink.
type asking struct {
	*sqlx.Tx
	db    *DB
	s     Session
	order RelinkOrder
	now   time.Time
}

// atOnce reports whether the order waits for nobody.
func (o RelinkOrder) atOnce() bool { return o.Proof == RelinkByClerk }

// standing finds this very wish, unless it would be due sooner now.
func (a asking) standing(ctx context.Context, r *Relink) (found bool, err error) {
	err = a.GetContext(ctx, r, `
		SELECT `+relinkColumns+` FROM relinks r
		WHERE r.center_id = $1 AND r.identity_digest = $3 AND r.state = 'waiting' AND r.expires_at > $2
			AND r.account_id = $4 AND r.person_digest = $5 AND r.credential_version = $6
			AND ($7 OR r.due_at <= $2) AND `+relinkStands+`
		FOR UPDATE OF r`,
		a.db.center, a.now, a.s.IdentityDigest, a.order.Account.ID, a.order.Account.PersonDigest, a.order.Account.Version,
		!a.order.atOnce())
	return err == nil, mapNoRows(err, nil)
}

// makeRoom closes what stands no longer, and another wish of the same user. It refuses
// whoever is the person that the holder has refused.
func (a asking) makeRoom(ctx context.Context) error {
	person := a.order.Account.PersonDigest
	if _, err := a.ExecContext(ctx, `
		UPDATE relinks r SET state = 'cancelled', closed_at = $2
		WHERE r.center_id = $1 AND r.state = 'waiting'
			AND (r.identity_digest = $3 OR r.person_digest = $4 AND (r.expires_at <= $2 OR NOT `+relinkStands+`))`,
		a.db.center, a.now, a.s.IdentityDigest, person); err != nil {
		return err
	}
	var objected bool
	err := a.GetContext(ctx, &objected, `
		SELECT EXISTS (SELECT 1 FROM relinks
			WHERE center_id = $1 AND person_digest = $2 AND state = 'objected' AND asked_at > $3)`,
		a.db.center, person, a.now.Add(-ObjectionLife))
	if err == nil && objected && !a.order.atOnce() {
		err = ErrObjected
	}
	return err
}

// insert keeps the wish, and tells the holder where they may object.
func (a asking) insert(ctx context.Context) (Relink, error) {
	held, err := a.holder(ctx)
	if err != nil {
		return Relink{}, err
	}
	if err := a.db.countStart(ctx, a.Tx, startOfRelink(a.s, a.order.Account.PersonDigest), StartLimit{a.order.Limit, a.order.Limit}, a.now); err != nil {
		return Relink{}, err
	}
	r, err := a.wish(held)
	if err != nil {
		return Relink{}, err
	}
	res, err := a.ExecContext(ctx, `
		INSERT INTO relinks (center_id, relink_id, identity_digest, former_digest, person_digest, account_id, sealed_identity,
			credential_version, proof, state, asked_at, due_at, window_seconds, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT DO NOTHING`,
		a.db.center, r.ID, a.s.IdentityDigest, r.Former, r.PersonDigest, r.AccountID, r.Sealed,
		r.CredentialVersion, r.Proof, r.State, r.AskedAt, r.DueAt, r.Window, r.ExpiresAt)
	if err := changedOne(res, err, ErrConflict); err != nil || a.order.atOnce() {
		return r, err
	}
	if err := a.db.addEvent(ctx, a.Tx, held.Account, EventRelinkAsked, a.now); err != nil {
		return Relink{}, err
	}
	return r, a.db.queueNotice(ctx, a.Tx, notice{r.ID, NoticeRelinkAsked, held.Account, held.Identity, r.PersonDigest}, a.now)
}

// wish is the relink as it is ordered.
func (a asking) wish(held heldLink) (Relink, error) {
	visitor, err := a.db.Visitor(a.s)
	if err != nil {
		return Relink{}, err
	}
	of, id := a.order.Account, uuid.New()
	sealed, err := a.db.seal(visitor.Identity, "relinks", id[:])
	r := Relink{
		ID: id, AccountID: of.ID, PersonDigest: of.PersonDigest, Former: held.Digest, Proof: a.order.Proof, State: RelinkWaiting, CredentialVersion: of.Version,
		AskedAt: a.now, Window: int64(a.order.Window.Seconds()), ExpiresAt: a.now.Add(NoticeLife + RelinkLife), Sealed: sealed,
	}
	if a.order.atOnce() {
		r.DueAt, r.Window, r.ExpiresAt = &a.now, 0, a.now.Add(relinkAtOnce)
	}
	return r, err
}

// A heldLink is somebody's link and whom to tell of it.
type heldLink struct {
	Digest   []byte    `db:"identity_digest"`
	Account  uuid.UUID `db:"account_id"`
	Sealed   []byte    `db:"sealed_identity"`
	Identity Identity  `db:"-"`
}

// holder finds who has the link, and keeps it there until the wish stands.
func (a asking) holder(ctx context.Context) (heldLink, error) {
	var held heldLink
	err := a.GetContext(ctx, &held, `
		SELECT identity_digest, account_id, sealed_identity FROM alipay_links
		WHERE center_id = $1 AND person_digest = $2 AND identity_digest <> $3 FOR SHARE`,
		a.db.center, a.order.Account.PersonDigest, a.s.IdentityDigest)
	if err != nil {
		return heldLink{}, mapNoRows(err, ErrNotFound)
	}
	return held, a.db.unseal(held.Sealed, "alipay_links", held.Digest, &held.Identity)
}

// FinishRelink takes the link over: the relink is done, the holder's link, open change,
// open reset and sessions end, and the link of the session's Alipay user is written, with
// events and notices to both, in one transaction. Of any number of racing calls one
// succeeds; a later one is ErrGone, as is a relink that is not due, late, objected to,
// cancelled or another user's, or whose password is not the one that was right.
// ErrConflict means that this Alipay user is linked otherwise, ErrBlocked that the account
// has ended, ErrNotFound that it is another person's now; these leave it waiting.
//
// A change that is being confirmed at the same moment is done before the password is
// compared, and then the relink is ErrGone; or it finds itself cancelled.
func (db *DB) FinishRelink(ctx context.Context, s Session, id uuid.UUID) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var r Relink
		if err := tx.GetContext(ctx, &r, `
			UPDATE relinks r SET state = 'done', closed_at = $2
			WHERE r.center_id = $1 AND r.relink_id = $3 AND r.identity_digest = $4
				AND r.state = 'waiting' AND r.due_at <= $2 AND r.expires_at > $2
			RETURNING `+relinkColumns,
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
		if err := db.endFormer(ctx, tx, r, now); err != nil {
			return err
		}
		return db.writeLink(ctx, tx, s, n, now)
	})
}

// endFormer ends the link that is taken over, and what its holder had open.
func (db *DB) endFormer(ctx context.Context, tx *sqlx.Tx, r Relink, now time.Time) error {
	var held heldLink
	if err := tx.GetContext(ctx, &held, `
		DELETE FROM alipay_links WHERE center_id = $1 AND identity_digest = $2 AND person_digest = $3
		RETURNING identity_digest, account_id, sealed_identity`,
		db.center, r.Former, r.PersonDigest); err != nil {
		return mapNoRows(err, ErrGone)
	}
	if err := db.unseal(held.Sealed, "alipay_links", held.Digest, &held.Identity); err != nil {
		return err
	}
	if err := db.cancelOpenOf(ctx, tx, r.PersonDigest, now); err != nil {
		return err
	}
	var same int
	if err := tx.GetContext(ctx, &same, `
		SELECT 1 FROM password_credentials
		WHERE center_id = $1 AND account_id = $2 AND version = $3 AND (state <> 'frozen' OR $4) FOR SHARE`,
		db.center, r.AccountID, r.CredentialVersion, r.Proof == RelinkByClerk); err != nil {
		return mapNoRows(err, ErrGone)
	}
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		db.center, byteas(db.digests(held.Identity)...)); err != nil {
		return err
	}
	if err := db.addEvent(ctx, tx, held.Account, EventRelinked, now); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{uuid.New(), NoticeRelinked, held.Account, held.Identity, r.PersonDigest}, now)
}

// cancelOpenOf closes whatever a person has open, whoever opened it.
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
