package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Kinds of an Identity.
const (
	kindOpenID = "open_id"
	kindUserID = "user_id"
)

// Outcomes of MoveToOpenID for one user.
const (
	MoveDone     = "moved"
	MoveNoLink   = "no link"  // the user_id has none: moved before, or unlinked since
	MoveConflict = "conflict" // both identifiers are linked to different persons, or one was moved elsewhere
)

// A Move is the outcome for one user. Accounts are those of the user's links.
type Move struct {
	Outcome  string
	Accounts []uuid.UUID
}

// UserLinkBatch is the number of links that UserLinks returns at most.
const UserLinkBatch = 1000

// A LinkPage is one page of the centre's links.
type LinkPage struct {
	Links int    // number of links read
	Last  []byte // the next page begins after it; nil after the last page

	Users []Identity // of the links whose identifier is a user_id
}

// UserLinks returns the next page of a provider's links after the previous page's Last, or
// the first page if after is nil.
func (db Roster) UserLinks(ctx context.Context, provider string, after []byte) (LinkPage, error) {
	if after == nil {
		after = []byte{}
	}
	var links []struct {
		Digest []byte `db:"identity_digest"`
		Sealed []byte `db:"sealed_identity"`
	}
	if err := db.read(ctx, func(q sqlx.QueryerContext) error {
		links = nil
		return sqlx.SelectContext(ctx, q, &links, `
			SELECT identity_digest, sealed_identity FROM links
			WHERE center_id = $1 AND provider = $2 AND identity_digest > $3 ORDER BY identity_digest LIMIT $4`,
			db.center, provider, after, UserLinkBatch)
	}); err != nil {
		return LinkPage{}, err
	}
	page := LinkPage{Links: len(links)}
	for _, l := range links {
		var id Identity
		if err := db.unseal(l.Sealed, "links", l.Digest, &id); err != nil {
			return LinkPage{}, err
		}
		if page.Last = l.Digest; id.Kind == kindUserID {
			page.Users = append(page.Users, id)
		}
	}
	return page, nil
}

// CountLinks returns how many links of a provider the centre has, and how many of them were
// moved from a user_id to an open_id.
func (db Roster) CountLinks(ctx context.Context, provider string) (all, moved int64, err error) {
	var n struct{ All, Moved int64 }
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &n, `
			SELECT count(*) AS all, count(user_digest) AS moved FROM links WHERE center_id = $1 AND provider = $2`, db.center, provider)
	})
	return n.All, n.Moved, err
}

// MoveToOpenID moves links from a user_id to the open_id of the same user, with everything
// that is counted, stored or open under the user_id; see identityColumns. Open sessions go
// on. Each of ids has an open_id and the user_id that Alipay returned with it, and occurs
// once; all are of one provider. MoveToOpenID returns one Move for each, in the same order.
// With dryRun it writes nothing.
//
// Calling it twice is safe. If both identifiers of a user are linked, they are linked to
// different persons, because a person has one link, and neither is changed. All of ids are
// moved in one transaction, so the caller passes few.
//
// It locks rows in the order of Erase. A concurrent request that links, unlinks, changes,
// freezes or signs in either commits first or finds the link under the new identifier. A
// request that has read its session before and writes afterwards finds nothing under the
// old identifier and gets ErrNotFound, ErrGone or ErrRenamed; see Renamed. A request that
// needs no link (a consent, a phone number, an attempt) may still write under the old
// identifier; the next session with both identifiers moves that row.
func (db Roster) MoveToOpenID(ctx context.Context, ids []Identity, dryRun bool) ([]Move, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var done []Move
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var err error
		if done, err = db.moveToOpenID(ctx, tx, ids, now); err == nil && dryRun {
			err = errDryRun
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return done, err
}

// moveToOpenID is MoveToOpenID within a transaction.
func (db Roster) moveToOpenID(ctx context.Context, tx *sqlx.Tx, ids []Identity, now time.Time) ([]Move, error) {
	users := make([]*user, len(ids))
	for i, id := range ids {
		users[i] = &user{id: id, old: db.digest(id.asUser()), new: db.digest(id)}
	}
	if err := db.lockUsers(ctx, tx, users); err != nil {
		return nil, err
	}
	moves := make([]Move, len(users))
	var free []*user
	for i, u := range users {
		moves[i] = u.plan()
		if moves[i].Outcome != MoveConflict {
			free = append(free, u)
		}
	}
	return moves, db.moveUsers(ctx, tx, free, now)
}

// asUser returns the user_id of id as an identity of its own.
func (id Identity) asUser() Identity {
	return Identity{Provider: id.Provider, AppID: id.AppID, Kind: kindUserID, Value: id.UserID}
}

// A user is a user under both identifiers.
type user struct {
	id       Identity
	old, new []byte
	links    []userLink // of either identifier
}

// A userLink is a link of a user; Former is the user_id from which it was moved.
type userLink struct {
	Digest  []byte    `db:"identity_digest"`
	Former  []byte    `db:"user_digest"`
	Person  []byte    `db:"person_digest"`
	Account uuid.UUID `db:"account_id"`
}

// plan returns the outcome that follows from the user's links.
func (u *user) plan() Move {
	m := Move{Outcome: MoveNoLink}
	for _, l := range u.links {
		m.Accounts = append(m.Accounts, l.Account)
		if bytes.Equal(l.Digest, u.old) {
			m.Outcome = MoveDone
		}
	}
	for _, l := range u.links {
		foreign := l.Former != nil && !(bytes.Equal(l.Former, u.old) && bytes.Equal(l.Digest, u.new))
		if len(u.links) > 1 || foreign {
			m.Outcome = MoveConflict
		}
	}
	return m
}

// lockUsers locks the users' link proofs, transfers and links, and reads the links.
func (db Roster) lockUsers(ctx context.Context, tx *sqlx.Tx, users []*user) error {
	var olds, both pq.ByteaArray
	for _, u := range users {
		olds, both = append(olds, u.old), append(both, u.old, u.new)
	}
	var pending []int
	if err := tx.SelectContext(ctx, &pending, `
		SELECT 1 FROM link_proofs WHERE center_id = $1 AND identity_digest = ANY ($2)
		ORDER BY proof_id FOR UPDATE`, db.center, both); err != nil {
		return err
	}
	if err := tx.SelectContext(ctx, &pending, `
		SELECT 1 FROM link_transfers
		WHERE center_id = $1 AND (identity_digest = ANY ($2) OR former_digest = ANY ($2) AND state = 'done')
		ORDER BY transfer_id FOR UPDATE`, db.center, both); err != nil {
		return err
	}
	var links []userLink
	err := tx.SelectContext(ctx, &links, `
		SELECT identity_digest, user_digest, person_digest, account_id FROM links
		WHERE center_id = $1 AND provider = $2 AND (identity_digest = ANY ($3) OR user_digest = ANY ($4))
		ORDER BY identity_digest FOR UPDATE`, db.center, users[0].id.Provider, both, olds)
	for _, l := range links {
		for _, u := range users {
			if bytes.Equal(l.Digest, u.old) || bytes.Equal(l.Digest, u.new) || bytes.Equal(l.Former, u.old) {
				u.links = append(u.links, l)
			}
		}
	}
	return err
}

// moveUsers moves all rows of the old identifiers.
func (db Roster) moveUsers(ctx context.Context, tx *sqlx.Tx, users []*user, now time.Time) error {
	if len(users) == 0 {
		return nil
	}
	r, ids := renaming{provider: users[0].id.Provider}, map[string]Identity{}
	for _, u := range users {
		person := []byte{}
		if len(u.links) > 0 {
			person = u.links[0].Person
		}
		r.old, r.new, r.person = append(r.old, u.old), append(r.new, u.new), append(r.person, person)
		ids[string(u.old)] = u.id
	}
	if err := db.replaceDuplicateProofs(ctx, tx, r, now); err != nil {
		return err
	}
	for _, c := range identityColumns {
		var err error
		switch {
		case c.fixed:
		case !c.special:
			err = db.rename(ctx, tx, c, r)
		case c.table == "link_transfers":
			err = db.renameTransfers(ctx, tx, r, ids, now)
		case c.table == "sessions":
			err = db.renameSessions(ctx, tx, r, ids)
		case c.table == "idempotency_records":
			err = db.renameIdempotencyRecords(ctx, tx, r, ids)
		default:
			err = db.renameLinks(ctx, tx, r, ids)
		}
		if err != nil {
			return err
		}
	}
	if err := db.renameNotices(ctx, tx, users, ids); err != nil {
		return err
	}
	return db.requireNoneLinked(ctx, tx, r)
}
