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

// What MoveToOpenID did to one user.
const (
	MoveDone     = "moved"
	MoveNoLink   = "no link"  // none under the user_id: moved before, or unlinked since
	MoveConflict = "conflict" // both identifiers are linked, to two people, or one of them elsewhere
)

// A Move is what became of one user. Accounts are those of the links concerned.
type Move struct {
	Outcome  string
	Accounts []uuid.UUID
}

// UserLinkBatch is how many links one read of a walk over all of them takes.
const UserLinkBatch = 1000

// A LinkPage is what a walk over the centre's links reads at once.
type LinkPage struct {
	Links int    // read
	Last  []byte // where the next page begins; nil after the last one

	Users []Identity // those of the links that stand under a user_id
}

// UserLinks returns the centre's next UserLinkBatch links of a provider after a page's Last,
// in the order of their key; nil is before all.
func (db *DB) UserLinks(ctx context.Context, provider string, after []byte) (LinkPage, error) {
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
func (db *DB) CountLinks(ctx context.Context, provider string) (all, moved int64, err error) {
	var n struct{ All, Moved int64 }
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &n, `
			SELECT count(*) AS all, count(user_digest) AS moved FROM links WHERE center_id = $1 AND provider = $2`, db.center, provider)
	})
	return n.All, n.Moved, err
}

// MoveToOpenID makes links that were made under a user_id links under the open_id by
// which Alipay calls the same citizen now, with everything that is counted, kept or
// open under the user_id, see identityColumns: the citizen notices nothing, and a session that
// is open goes on. Each of ids has an open_id and the user_id beside it, as Alipay said
// them in one breath, and is in the list once; a Move comes back for each, in the same
// order; all are of one provider. With dryRun nothing is written.
//
// Calling it again is safe and changes nothing. A user of whom both identifiers are
// linked, which no step of ours brings about, is linked to two people, because a person
// has one link: nothing of theirs is touched. All of ids are one transaction, so let
// them be few.
//
// It locks as Erase does. Whoever links, unlinks, changes, freezes or logs in at the
// same moment does so before it, or finds the link under the new identifier; a request
// that read its session before and comes after finds nothing under the old one and is
// told ErrNotFound, ErrGone or ErrRenamed, see Renamed. One that only adds what needs no
// link (a consent, a phone number, an attempt) may leave it under the old identifier, where
// the next grant with both finds it.
func (db *DB) MoveToOpenID(ctx context.Context, ids []Identity, dryRun bool) ([]Move, error) {
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

func (db *DB) moveToOpenID(ctx context.Context, tx *sqlx.Tx, ids []Identity, now time.Time) ([]Move, error) {
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

// asUser is the user_id beside an open_id, as an identity of its own.
func (id Identity) asUser() Identity {
	return Identity{Provider: id.Provider, AppID: id.AppID, Kind: kindUserID, Value: id.UserID}
}

// A user is one citizen under both identifiers.
type user struct {
	id       Identity
	old, new []byte
	links    []userLink // under either
}

type userLink struct {
	Digest  []byte    `db:"identity_digest"`
	Former  []byte    `db:"user_digest"`
	Person  []byte    `db:"person_digest"`
	Account uuid.UUID `db:"account_id"`
}

// plan decides by what is linked.
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

// lockUsers takes the pending links and what the users ask for, then the links.
func (db *DB) lockUsers(ctx context.Context, tx *sqlx.Tx, users []*user) error {
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

// moveUsers moves all that stands under the old identifiers.
func (db *DB) moveUsers(ctx context.Context, tx *sqlx.Tx, users []*user, now time.Time) error {
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
