package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrRenamed says that the session's user was moved to another identifier since
// the session was read. Read again, the same call goes through.
var ErrRenamed = errors.New("store: the user goes by another identifier since")

// resolveIdentity is under which identity a session is opened for id, in the transaction that
// opens it. A grant with both identifiers brings along what stands under the user_id;
// one with a user_id alone finds a link that was moved to the open_id. An open_id alone
// is taken as it is: nothing tells whose user_id it might be.
func (db *DB) resolveIdentity(ctx context.Context, tx *sqlx.Tx, id Identity, now time.Time) (Identity, error) {
	switch {
	case id.Kind == kindUserID:
		return db.currentIdentity(ctx, tx, id)
	case id.UserID == "":
		return id, nil
	}
	var something bool
	if err := tx.GetContext(ctx, &something, identityInUse, db.center, db.digest(id.asUser())); err != nil || !something {
		return id, err
	}
	moves, err := db.moveToOpenID(ctx, tx, []Identity{id}, now)
	if err == nil && moves[0].Outcome == MoveConflict {
		db.log.LogAttrs(ctx, slog.LevelWarn, "a citizen's user_id and open_id are linked to two people; neither link was touched",
			slog.Any("accounts", moves[0].Accounts))
	}
	return id, err
}

// currentIdentity is the open_id to which the link of a user_id was moved, or the user_id. It
// waits for a move that is under way.
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

// Renamed reports whether the session's user goes by another identifier than
// when s was read.
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
