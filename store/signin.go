package store

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// A SignIn opens a session of the holder of an account, whom the centre itself identifies.
type SignIn struct {
	Channel     string
	TokenDigest []byte // SHA-256 of a random token that only the front end has
	Account     Account
	Device      *SignInDevice // to which the session is bound; nil: to none
	Passed      *Passed       // the attempt with the right password; nil if the person is proven otherwise
}

// centreIdentity returns the identity of a person at ProviderCentre. It is the same on every
// channel, so all of them reach the same link.
func centreIdentity(personDigest []byte) Identity {
	return Identity{Provider: ProviderCentre, Kind: "person", Value: hex.EncodeToString(personDigest)}
}

// SignIn opens a session for the holder of an account and passes the attempt, in one
// transaction. The first sign-in adds the link of ProviderCentre, which holds the person's
// record like the link of any other provider; a sign-in to another account of the person
// moves it there, as ChooseAccount does. SignIn returns ErrConflict if the password was
// changed or frozen since the account was read, ErrBlocked if the account has ended, and
// ErrNotFound if it belongs to another person now, and ErrDevice for an unknown device that
// may not be added. Calling it twice with one token fails.
//
// It locks rows in the order of writeLink and FinishChange: attempts, account, link,
// credential, device, sessions. A concurrent change or freeze either ends the new session or is
// seen.
func (db *DB) SignIn(ctx context.Context, in SignIn) error {
	id := centreIdentity(in.Account.PersonDigest)
	s := Session{Provider: id.Provider, Channel: in.Channel, IdentityDigest: db.digest(id), Visitor: Visitor{Identity: id}}
	link, err := db.newLink(s, in.Account)
	if err != nil {
		return err
	}
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if err := db.passAttempt(ctx, tx, in.Passed, now); err != nil {
			return err
		}
		if err := db.lockAccount(ctx, tx, in.Account); err != nil {
			return err
		}
		if err := db.linkToCentre(ctx, tx, link, now); err != nil {
			return err
		}
		if err := db.requireCredential(ctx, tx, in.Account); err != nil {
			return err
		}
		device, err := db.useDevice(ctx, tx, in, now)
		if err != nil {
			return err
		}
		if err := db.insertSession(ctx, tx, in.Channel, in.TokenDigest, device, s.Visitor, now); err != nil {
			return err
		}
		return db.addEvent(ctx, tx, in.Account.ID, EventSignedIn, in.Channel, now)
	})
}

// linkToCentre adds the person's link of ProviderCentre, or locks it and points it to the
// account.
func (db *DB) linkToCentre(ctx context.Context, tx *sqlx.Tx, n newLink, now time.Time) error {
	fresh, err := db.insertLink(ctx, tx, n, now)
	if fresh || err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	var former uuid.UUID
	err = tx.GetContext(ctx, &former, `
		SELECT account_id FROM links
		WHERE center_id = $1 AND provider = $2 AND identity_digest = $3 FOR UPDATE`,
		db.center, n.Provider, n.IdentityDigest)
	if err != nil || former == n.account.ID {
		return mapNoRows(err, ErrRunning) // ended meanwhile
	}
	n.Link = &Link{AccountID: former, PersonDigest: n.account.PersonDigest}
	return db.moveLink(ctx, tx, n.Session, n.account.ID, now)
}

// requireCredential locks the account's password against a change until the session is
// written. It returns ErrConflict if it is not the one that was proven.
func (db *DB) requireCredential(ctx context.Context, tx *sqlx.Tx, a Account) error {
	var same bool
	err := tx.GetContext(ctx, &same, `
		SELECT version = $3 AND state = $4 FROM password_credentials
		WHERE center_id = $1 AND account_id = $2 AND kind = 'password' FOR SHARE`,
		db.center, a.ID, a.Version, a.State)
	if err == nil && !same {
		err = ErrConflict
	}
	return mapNoRows(err, ErrNotFound)
}

// PersonOfAccount returns the digest of the person who holds the account with this number.
// For an unknown number it returns a digest of no person, so that attempts at it are counted
// and cost the same.
func (db *DB) PersonOfAccount(ctx context.Context, accountNo string) ([]byte, error) {
	number := db.accountNoDigest(accountNo)
	person := db.cipher.Index("person of an unknown account", []byte(db.center), number)
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &person, `
			SELECT coalesce((SELECT person_digest FROM accounts WHERE center_id = $1 AND account_no_digest = $2), $3)`,
			db.center, number, person)
	})
	return person, err
}
