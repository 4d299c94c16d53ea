package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrRenamed reports that the session's user was moved to another identifier after the
// session was read. The call succeeds once the session is read again.
var ErrRenamed = errors.New("store: the user has moved to another identifier")

// resolveIdentity returns the identity under which a session for id is opened. An identity
// with an open_id and a user_id moves the rows of the user_id to the open_id. A user_id
// alone resolves to the open_id if its link was moved there. An open_id alone is returned
// as it is, because its user_id is unknown.
func (db *DB) resolveIdentity(ctx context.Context, tx *sqlx.Tx, id Identity, now time.Time) (Identity, error) {
	switch {
	case id.Kind == kindUserID:
		return db.currentIdentity(ctx, tx, id)
	case id.UserID == "":
		return id, nil
	}
	var inUse bool
	if err := tx.GetContext(ctx, &inUse, identityInUse, db.center, db.digest(id.asUser())); err != nil || !inUse {
		return id, err
	}
	moves, err := db.Roster().moveToOpenID(ctx, tx, []Identity{id}, now)
	if err == nil && moves[0].Outcome == MoveConflict {
		db.log.LogAttrs(ctx, slog.LevelWarn, "a user's user_id and open_id are linked to two persons; neither link was changed",
			slog.Any("accounts", moves[0].Accounts))
	}
	return id, err
}

// currentIdentity returns the open_id to which the link of a user_id was moved, or the
// user_id. It waits for a concurrent move.
func (db *DB) currentIdentity(ctx context.Context, tx *sqlx.Tx, id Identity) (Identity, error) {
	var links []struct {
		Digest []byte `db:"identity_digest"`
		Sealed []byte `db:"sealed_identity"`
	}
	digest := db.digest(id)
	if err := tx.SelectContext(ctx, &links, `
		SELECT identity_digest, sealed_identity FROM links
		WHERE center_id = $1 AND provider = $2 AND (identity_digest = $3 OR user_digest = $3)
		ORDER BY identity_digest FOR UPDATE`, db.center, id.Provider, digest); err != nil {
		return id, err
	}
	if len(links) != 1 || bytes.Equal(links[0].Digest, digest) {
		return id, nil
	}
	var moved Identity
	err := db.unseal(links[0].Sealed, "links", links[0].Digest, &moved)
	return moved, err
}

// Renamed reports whether the session's user was moved to another identifier after s was
// read.
func (db *DB) Renamed(ctx context.Context, s Session) (bool, error) {
	var renamed bool
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &renamed, `
			SELECT EXISTS (SELECT 1 FROM sessions
				WHERE center_id = $1 AND token_digest = $2 AND identity_digest <> $3)`,
			db.center, s.TokenDigest, s.IdentityDigest)
	})
	return renamed, err
}
