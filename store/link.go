package store

import (
	"context"
	"errors"
	"time"

	"github.com/lib/pq"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// AddLink links the session's user to an account and passes the attempt, which may be nil,
// in the same transaction; see PassAttempt. Both unique keys are in one table, so of
// concurrent calls at most one succeeds for a user and for a person. AddLink returns
// ErrConflict if either is linked otherwise, ErrBlocked if the account has ended,
// ErrNotFound if it belongs to another person now, and ErrGone if the session has ended.
// Adding the same link again is no error.
func (db *DB) AddLink(ctx context.Context, s Session, a Account, passed *Passed) error {
	return db.addLink(ctx, s, a, nil, passed)
}

// FinishLink is AddLink for a link that a proof has waited for, which it uses up in the same
// transaction. Of concurrent calls one succeeds. It returns ErrGone, too, if the proof is closed
// or late, or if the password was changed or frozen or the reset code replaced or used since.
// ErrConflict and ErrBlocked leave the proof open.
func (db *DB) FinishLink(ctx context.Context, s Session, a Account, p LinkProof, passed *Passed) error {
	return db.addLink(ctx, s, a, new(p.of(a)), passed)
}

// addLink writes a link, with the proof that it uses up unless that is nil.
func (db *DB) addLink(ctx context.Context, s Session, a Account, proof *LinkProof, passed *Passed) error {
	n, err := db.newLink(s, a)
	if err != nil {
		return err
	}
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.passAttempt(ctx, tx, passed, now); err != nil {
			return err
		}
		if proof != nil {
			if err := db.closeLinkProof(ctx, tx, s, *proof, LinkProofUsed, now); err != nil {
				return err
			}
		}
		return db.writeLink(ctx, tx, n, now)
	})
}

// newLink returns the link of the session's user to an account, sealed before the
// transaction begins.
func (db *DB) newLink(s Session, a Account) (newLink, error) {
	sealed, err := db.seal(s.Visitor.Identity, "links", s.IdentityDigest)
	return newLink{s, a, sealed}, err
}

// writeLink adds the link, its notice and its event.
func (db *DB) writeLink(ctx context.Context, tx *sqlx.Tx, n newLink, now time.Time) error {
	if err := db.lockAccount(ctx, tx, n.account); err != nil {
		return err
	}
	fresh, err := db.insertLink(ctx, tx, n, now)
	if err != nil || !fresh {
		return err
	}
	if err := db.holdSession(ctx, tx, n.Session); err != nil {
		return err
	}
	return db.recordLinked(ctx, tx, n, now)
}

// recordLinked adds the event and the notice of a new link.
func (db *DB) recordLinked(ctx context.Context, tx *sqlx.Tx, n newLink, now time.Time) error {
	linked := notice{uuid.New(), NoticeLinked, n.account.ID, n.Visitor.Identity, n.account.PersonDigest}
	if err := db.queueNotice(ctx, tx, linked, now); err != nil {
		return err
	}
	return db.addEvent(ctx, tx, n.account.ID, EventLinked, n.Channel, now)
}

// lockAccount locks the account against changes by the centre until the link is written. It
// returns ErrBlocked if the account has ended and ErrNotFound if it belongs to another
// person.
func (db *DB) lockAccount(ctx context.Context, tx *sqlx.Tx, a Account) error {
	var now Account
	err := tx.GetContext(ctx, &now.Status, `
		SELECT status FROM accounts
		WHERE center_id = $1 AND account_id = $2 AND person_digest = $3 FOR SHARE`,
		db.center, a.ID, a.PersonDigest)
	if err == nil && now.Ended() {
		err = ErrBlocked
	}
	return mapNoRows(err, ErrNotFound)
}

// A newLink is a link of the session's user to be written.
type newLink struct {
	Session
	account Account
	sealed  []byte // the identity
}

// insertLink inserts the link and reports whether it is new. It returns ErrConflict if the
// user or the person is linked otherwise.
func (db *DB) insertLink(ctx context.Context, tx *sqlx.Tx, n newLink, now time.Time) (fresh bool, err error) {
	authorised, err := db.lastAuthorised(ctx, tx, n.IdentityDigest, now)
	if err != nil {
		return false, err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO links (center_id, provider, channel, identity_digest, person_digest, account_id, sealed_identity, linked_at, authorised_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT DO NOTHING`,
		db.center, n.Provider, n.Channel, n.IdentityDigest, n.account.PersonDigest, n.account.ID, n.sealed, now, authorised)
	if err = changedOne(res, err, ErrConflict); !errors.Is(err, ErrConflict) {
		return err == nil, err
	}
	var same bool
	err = tx.GetContext(ctx, &same, `
		SELECT EXISTS (SELECT 1 FROM links
			WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 AND person_digest = $4 AND account_id = $5)`,
		db.center, n.Provider, n.IdentityDigest, n.account.PersonDigest, n.account.ID)
	if err == nil && !same {
		err = ErrConflict
	}
	return false, err
}

// lastAuthorised returns when the user's newest session was opened, or now if there is
// none; see authorise. It is a separate statement because a distributed planner refuses a
// sub-select in VALUES.
func (db *DB) lastAuthorised(ctx context.Context, tx *sqlx.Tx, identityDigest []byte, now time.Time) (time.Time, error) {
	var at *time.Time
	err := tx.GetContext(ctx, &at, `
		SELECT max(created_at) FROM sessions WHERE center_id = $1 AND identity_digest = $2`, db.center, identityDigest)
	if at == nil {
		at = &now
	}
	return *at, err
}

// holdSession locks the session until the link is written. It returns ErrGone if the
// session has ended, because whatever ended it found no link to end, and ErrRenamed if the
// session was moved to another identifier, for which a link would be a second one of the
// user.
func (db *DB) holdSession(ctx context.Context, tx *sqlx.Tx, s Session) error {
	var same bool
	err := tx.GetContext(ctx, &same, `
		SELECT identity_digest = $3 FROM sessions WHERE center_id = $1 AND token_digest = $2 FOR SHARE`,
		db.center, s.TokenDigest, s.IdentityDigest)
	if err == nil && !same {
		err = ErrRenamed
	}
	return mapNoRows(err, ErrGone)
}

// RemoveLink unlinks the session's user, cancels the open change and reset and ends the
// user's other sessions. It returns ErrNotFound if the link no longer exists and ErrBlocked
// if the password is frozen.
func (db *DB) RemoveLink(ctx context.Context, s Session) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.lockUnfrozen(ctx, tx, s); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			DELETE FROM links WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 AND account_id = $4`,
			db.center, s.Provider, s.IdentityDigest, s.Link.AccountID)
		if err := changedOne(res, err, ErrNotFound); err != nil {
			return err
		}
		if err := db.closeOpenResets(ctx, tx, s, now); err != nil {
			return err
		}
		if _, err := db.closeOpenChanges(ctx, tx, s, now); err != nil {
			return err
		}
		if err := db.endOtherSessions(ctx, tx, s, now); err != nil {
			return err
		}
		return db.addEvent(ctx, tx, s.Link.AccountID, EventUnlinked, s.Channel, now)
	})
}

// LinkedAccount returns a linked account, or ErrNotFound.
func (db *DB) LinkedAccount(ctx context.Context, accountID uuid.UUID) (Account, error) {
	var row accountRow
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &row, `
			SELECT `+accountColumns+`
			FROM accounts a JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id AND `+isPassword+`
			WHERE a.center_id = $1 AND a.account_id = $2`,
			db.center, accountID)
	})
	if err != nil {
		return Account{}, mapNoRows(err, ErrNotFound)
	}
	return db.account(row)
}

// Notices to the owner of a link that the centre's records ended or moved.
const (
	NoticeLinkEnded = "link_ended"
	NoticeLinkMoved = "link_moved"
)

// addLinkEndedNotices adds a notice for each link to the outbox in one statement. The
// addressee is sealed in the link and is sealed again for the outbox. The notice of a link
// that moved names the new account.
func (t importTx) addLinkEndedNotices(ctx context.Context, kind string, links []affectedLink) error {
	ids, accounts := make(pq.StringArray, len(links)), make(pq.StringArray, len(links))
	sealed, media := make(pq.ByteaArray, len(links)), make(pq.StringArray, len(links))
	for i, l := range links {
		n := Notice{ChangedAt: t.now, Person: l.Person}
		if err := t.db.unseal(l.Sealed, "links", l.Identity, &n.Identity); err != nil {
			return err
		}
		id, account := uuid.New(), l.Account
		if l.Target.Valid {
			account = l.Target.UUID
		}
		var err error
		if sealed[i], err = t.db.seal(n, "outbox", id[:]); err != nil {
			return err
		}
		ids[i], accounts[i], media[i] = id.String(), account.String(), mediumOf(n.Identity)
	}
	_, err := t.ExecContext(ctx, `
		INSERT INTO outbox (center_id, outbox_id, kind, account_id, sealed, created_at, next_at, expires_at, medium)
		SELECT $1, o.outbox_id, $5, o.account_id, o.sealed, $6, $6, $7, o.medium
		FROM unnest($2::uuid[], $3::uuid[], $4::bytea[], $8::text[]) AS o (outbox_id, account_id, sealed, medium)`,
		t.db.center, ids, accounts, sealed, kind, t.now, t.now.Add(NoticeLife), media)
	return err
}
