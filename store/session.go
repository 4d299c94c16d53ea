package store

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Limits of a session.
const (
	SessionIdle = 15 * time.Minute // without a request
	SessionLife = 2 * time.Hour    // in all

	// seenStep is how old seen_at may be before a request renews it, so that not every
	// request writes.
	seenStep = 30 * time.Second
)

// A Session is a signed-in session of a user.
type Session struct {
	TokenDigest    []byte
	Provider       string // of the identity
	Channel        string // of the session and its requests
	IdentityDigest []byte
	Device         []byte // thumbprint of the key to which the session is bound; nil: none
	Link           *Link  // nil if the user is not linked
	Visitor        Visitor
	Phone          string // digits; verified in this session, see BindPhone; "" = none
	RenewalDue     bool   // see RenewSession
}

// A Link connects a user to a person and one of the person's accounts.
type Link struct {
	AccountID    uuid.UUID
	PersonDigest []byte
	Password     PasswordStatus
	HasOpenStep  bool // whether the person has an open change or reset; see OpenSteps
}

// A Visitor is the user of a session, as the provider knows them; it is stored sealed.
type Visitor struct {
	Identity    Identity `json:"i"`
	AccessToken string   `json:"t,omitempty"` // of Alipay, which a link needs
}

// SpendAuthCode marks an auth code as used. Over all processes the first call returns nil
// and every other ErrConflict.
func (db *DB) SpendAuthCode(ctx context.Context, code string) error {
	return db.spend(ctx, db.cipher.Index("auth code", []byte(code)))
}

// OpenSession opens a session on a channel for visitor. tokenDigest is the SHA-256 of a
// random token that only the front end has. A user known by user_id whose visitor has both
// identifiers is moved to the open_id first; see MoveToOpenID. Calling OpenSession twice
// with one token fails.
func (db *DB) OpenSession(ctx context.Context, channel string, tokenDigest []byte, visitor Visitor) (Session, error) {
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		id, err := db.resolveIdentity(ctx, tx, visitor.Identity, now)
		if err != nil {
			return err
		}
		return db.insertSession(ctx, tx, channel, tokenDigest, nil, Visitor{id, visitor.AccessToken}, now)
	})
	if err != nil {
		return Session{}, err
	}
	return db.Session(ctx, tokenDigest)
}

// insertSession adds a session, bound to a device unless that is nil, and records that its user
// has signed in.
func (db *DB) insertSession(ctx context.Context, tx *sqlx.Tx, channel string, tokenDigest, device []byte, visitor Visitor, now time.Time) error {
	digest := db.digest(visitor.Identity)
	sealed, err := db.seal(visitor, "sessions", tokenDigest)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO sessions (center_id, token_digest, provider, channel, identity_digest, sealed, created_at, seen_at, device_jkt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)`,
		db.center, tokenDigest, visitor.Identity.Provider, channel, digest, sealed, now, device)
	if err != nil {
		return err
	}
	return db.authorise(ctx, tx, visitor.Identity.Provider, digest, now)
}

// Session returns the session with a token digest, with its link and the state of its
// password. It returns ErrNotFound if the session is unknown, ended, idle or too old, or if it
// is bound to a device, whose token is nothing without a proof; see DeviceSession.
func (db *DB) Session(ctx context.Context, tokenDigest []byte) (Session, error) {
	return db.readSession(ctx, tokenDigest, nil)
}

// OpenedSession is Session for who has just opened the session on a device, or on none if that
// is nil, and needs no other proof.
func (db *DB) OpenedSession(ctx context.Context, tokenDigest, device []byte) (Session, error) {
	return db.readSession(ctx, tokenDigest, device)
}

// readSession is for both, so that each has its own name in a trace.
func (db *DB) readSession(ctx context.Context, tokenDigest, device []byte) (s Session, err error) {
	err = db.read(ctx, func(q sqlx.QueryerContext) (err error) {
		s, err = db.session(ctx, q, tokenDigest, device, db.clock())
		return err
	})
	return s, err
}

// session returns the session that is bound to the device, or to none if that is nil. Every
// request calls it, so it is one statement whose row is scanned by hand.
func (db *DB) session(ctx context.Context, q sqlx.QueryerContext, tokenDigest, device []byte, now time.Time) (Session, error) {
	s := Session{TokenDigest: tokenDigest, Device: device}
	var link Link
	var account uuid.NullUUID
	var seenAt time.Time
	var visitor, phone []byte
	p := &link.Password
	err := q.QueryRowxContext(ctx, `
		SELECT s.provider, s.channel, s.identity_digest, s.sealed, s.sealed_phone, s.seen_at, l.account_id, l.person_digest,
			coalesce(c.state, ''), coalesce(a.status, ''), c.changed_at,
			coalesce(b.attempts, 0), coalesce(b.tier, 0), b.locked_until, a.sealed,
			EXISTS (SELECT 1 FROM changes WHERE center_id = $1 AND person_digest = l.person_digest AND state = 'open')
			OR EXISTS (SELECT 1 FROM resets WHERE center_id = $1 AND person_digest = l.person_digest AND state IN ('started', 'passed'))
		FROM sessions s
		LEFT JOIN links l ON l.center_id = s.center_id AND l.provider = s.provider AND l.identity_digest = s.identity_digest
		LEFT JOIN accounts a ON a.center_id = l.center_id AND a.account_id = l.account_id
		LEFT JOIN password_credentials c ON c.center_id = l.center_id AND c.account_id = l.account_id AND `+isPassword+`
		LEFT JOIN lockouts b ON b.center_id = l.center_id AND b.person_digest = l.person_digest
			AND b.scope = $5
		WHERE s.center_id = $1 AND s.token_digest = $2 AND s.seen_at > $3 AND s.created_at > $4
			AND s.device_jkt IS NOT DISTINCT FROM $6::bytea`,
		db.center, tokenDigest, now.Add(-SessionIdle), now.Add(-SessionLife), OwnerScope, device,
	).Scan(&s.Provider, &s.Channel, &s.IdentityDigest, &visitor, &phone, &seenAt, &account, &link.PersonDigest,
		&p.State, &p.Account, &p.ChangedAt, &p.Attempts, &p.Tier, &p.LockedUntil, &p.sealed, &link.HasOpenStep)
	if err != nil {
		return Session{}, mapNoRows(err, ErrNotFound)
	}
	s.RenewalDue = now.Sub(seenAt) > seenStep
	if account.Valid {
		link.AccountID = account.UUID
		s.Link = &link
	}
	return s, db.unsealSession(&s, visitor, phone)
}

// unsealSession sets what is stored sealed. It is done once a request, so that no later step
// needs a key or another read.
func (db *DB) unsealSession(s *Session, visitor, phone []byte) error {
	if phone != nil {
		if err := db.unseal(phone, "session phones", s.TokenDigest, &s.Phone); err != nil {
			return err
		}
	}
	return db.unseal(visitor, "sessions", s.TokenDigest, &s.Visitor)
}

// RenewSession records that the session is in use. It returns ErrNotFound if the session
// has ended since it was read.
func (db *DB) RenewSession(ctx context.Context, tokenDigest []byte) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		return db.renewSession(ctx, tx, tokenDigest, now)
	})
}

// renewSession renews a session that is not idle yet.
func (db *DB) renewSession(ctx context.Context, tx *sqlx.Tx, tokenDigest []byte, now time.Time) error {
	res, err := tx.ExecContext(ctx, `
		UPDATE sessions SET seen_at = $3
		WHERE center_id = $1 AND token_digest = $2 AND seen_at > $4`,
		db.center, tokenDigest, now, now.Add(-SessionIdle))
	return changedOne(res, err, ErrNotFound)
}

// Holder returns the holder of the linked account according to the centre's records.
func (db *DB) Holder(l Link) (Person, error) {
	var p Person
	err := db.unseal(l.Password.sealed, "accounts", l.AccountID[:], &p)
	return p, err
}

// EndSession ends a session. Ending it twice is no error.
func (db *DB) EndSession(ctx context.Context, tokenDigest []byte) error {
	return db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			DELETE FROM sessions WHERE center_id = $1 AND token_digest = $2`, db.center, tokenDigest)
		return err
	})
}

// endOtherSessions ends every session of the session's user but the session itself. Sessions
// of the person's users of other providers stay.
func (db *DB) endOtherSessions(ctx context.Context, tx *sqlx.Tx, s Session, now time.Time) error {
	_, err := db.endSessions(ctx, tx, sessionsOf{identities: [][]byte{s.IdentityDigest}, except: s.TokenDigest}, now)
	return err
}

// sessionsOf selects the sessions to end, on every channel.
type sessionsOf struct {
	person     []byte   // of all users linked to the person; nil for none
	identities [][]byte // and of these users
	except     []byte   // token digest of the session that stays; nil for none
}

// endSessions ends sessions and returns how many of them were alive. The ARRAY makes the
// sub-select run once.
func (db *DB) endSessions(ctx context.Context, tx *sqlx.Tx, of sessionsOf, now time.Time) (int, error) {
	var alive []bool
	err := tx.SelectContext(ctx, &alive, `
		DELETE FROM sessions
		WHERE center_id = $1 AND token_digest IS DISTINCT FROM $4
			AND identity_digest = ANY ($2::bytea[] || ARRAY(
				SELECT identity_digest FROM links WHERE center_id = $1 AND person_digest = $3))
		RETURNING seen_at > $5 AND created_at > $6`,
		db.center, byteas(of.identities...), of.person, of.except, now.Add(-SessionIdle), now.Add(-SessionLife))
	return countTrue(alive), err
}

// Owns reports whether identityDigest is that of the session's user.
func (s Session) Owns(identityDigest []byte) bool {
	return bytes.Equal(s.IdentityDigest, identityDigest)
}
