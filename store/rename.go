package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/store/pgconn"
)

// The functions below move what the statements of identityColumn cannot: values that are sealed
// with the identifier, and rows of which a user may have one open. Those that read rows first
// lock them in the order of their keys, so that two renamings do not deadlock.

// replaceDuplicateProofs closes a user's open link proof under the old identifier if there
// is one under the new.
func (db Roster) replaceDuplicateProofs(ctx context.Context, tx *sqlx.Tx, r renaming, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE link_proofs o SET state = 'replaced', closed_at = $4
		FROM unnest($2::bytea[], $3::bytea[]) AS m (old, new)
		WHERE o.center_id = $1 AND o.identity_digest = m.old AND o.state = 'started'
			AND EXISTS (SELECT 1 FROM link_proofs n
				WHERE n.center_id = $1 AND n.identity_digest = m.new AND n.state = 'started')`,
		db.center, r.old, r.new, now)
	return err
}

// renameTransfers moves the transfers that the users requested and seals the requesters'
// identities again, to whom a rejection is sent. If a transfer waits under each identifier,
// the one under the old identifier is cancelled.
func (db Roster) renameTransfers(ctx context.Context, tx *sqlx.Tx, r renaming, ids map[string]Identity, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE link_transfers o SET state = 'cancelled', closed_at = $4
		FROM unnest($2::bytea[], $3::bytea[]) AS m (old, new)
		WHERE o.center_id = $1 AND o.identity_digest = m.old AND o.state = 'waiting'
			AND EXISTS (SELECT 1 FROM link_transfers n
				WHERE n.center_id = $1 AND n.identity_digest = m.new AND n.state = 'waiting')`,
		db.center, r.old, r.new, now); err != nil {
		return err
	}
	var requested []struct {
		ID  uuid.UUID `db:"transfer_id"`
		Old []byte    `db:"identity_digest"`
	}
	if err := tx.SelectContext(ctx, &requested, `
		SELECT transfer_id, identity_digest FROM link_transfers
		WHERE center_id = $1 AND identity_digest = ANY ($2) ORDER BY transfer_id FOR UPDATE`,
		db.center, r.old); err != nil {
		return err
	}
	for _, a := range requested {
		id := ids[string(a.Old)]
		sealed, err := db.seal(id, "link_transfers", a.ID[:])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE link_transfers SET identity_digest = $3, sealed_identity = $4 WHERE center_id = $1 AND transfer_id = $2`,
			db.center, a.ID, db.digest(id), sealed); err != nil {
			return err
		}
	}
	return nil
}

// renameLinks moves links and seals each identifier again, because it is bound to the
// digest. The provider is a column of the join; see isPassword.
func (db Roster) renameLinks(ctx context.Context, tx *sqlx.Tx, r renaming, ids map[string]Identity) error {
	sealed := make(pq.ByteaArray, len(r.old))
	for i := range r.old {
		var err error
		if sealed[i], err = db.seal(ids[string(r.old[i])], "links", r.new[i]); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE links l SET identity_digest = m.new, user_digest = m.old, sealed_identity = m.sealed
		FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) AS m (provider, old, new, sealed)
		WHERE l.center_id = $1 AND l.provider = m.provider AND l.identity_digest = m.old`,
		db.center, pq.Array(slices.Repeat([]string{r.provider}, len(r.old))), r.old, r.new, sealed)
	if pgconn.IsConstraintViolation(err) { // the open_id was linked since, which the retry finds
		return pgconn.ErrRetry
	}
	return err
}

// renameSessions moves sessions and seals their visitors with the new identifier, which
// links and notices use.
func (db Roster) renameSessions(ctx context.Context, tx *sqlx.Tx, r renaming, ids map[string]Identity) error {
	var open []struct {
		Token  []byte `db:"token_digest"`
		Old    []byte `db:"identity_digest"`
		Sealed []byte `db:"sealed"`
	}
	if err := tx.SelectContext(ctx, &open, `
		SELECT token_digest, identity_digest, sealed FROM sessions
		WHERE center_id = $1 AND identity_digest = ANY ($2) ORDER BY token_digest FOR UPDATE`,
		db.center, r.old); err != nil || len(open) == 0 {
		return err
	}
	var tokens, digests, sealed pq.ByteaArray
	for _, s := range open {
		var v Visitor
		if err := db.unseal(s.Sealed, "sessions", s.Token, &v); err != nil {
			return err
		}
		v.Identity = ids[string(s.Old)]
		again, err := db.seal(v, "sessions", s.Token)
		if err != nil {
			return err
		}
		tokens, digests, sealed = append(tokens, s.Token), append(digests, db.digest(v.Identity)), append(sealed, again)
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE sessions s SET identity_digest = m.new, sealed = m.sealed
		FROM unnest($2::bytea[], $3::bytea[], $4::bytea[]) AS m (token, new, sealed)
		WHERE s.center_id = $1 AND s.token_digest = m.token`,
		db.center, tokens, digests, sealed)
	return err
}

// renameIdempotencyRecords moves records and seals each answer again, because it is bound
// to the scope. If a key was used under both identifiers, the record under the new one
// stays.
func (db Roster) renameIdempotencyRecords(ctx context.Context, tx *sqlx.Tx, r renaming, ids map[string]Identity) error {
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM idempotency_records o USING unnest($2::bytea[], $3::bytea[]) AS m (old, new)
		WHERE o.center_id = $1 AND o.scope = m.old AND EXISTS (SELECT 1 FROM idempotency_records n
			WHERE n.center_id = $1 AND n.scope = m.new AND n.key_digest = o.key_digest)`,
		db.center, r.old, r.new); err != nil {
		return err
	}
	var kept []struct {
		Scope  []byte `db:"scope"`
		Key    []byte `db:"key_digest"`
		Sealed []byte `db:"sealed_reply"` // nil while its request runs
	}
	if err := tx.SelectContext(ctx, &kept, `
		SELECT scope, key_digest, sealed_reply FROM idempotency_records
		WHERE center_id = $1 AND scope = ANY ($2) ORDER BY scope, key_digest FOR UPDATE`,
		db.center, r.old); err != nil {
		return err
	}
	for _, k := range kept {
		scope, sealed := db.digest(ids[string(k.Scope)]), k.Sealed
		if sealed != nil {
			var a Answer
			err := db.unseal(sealed, "idempotency_records", idempotencyContext(k.Scope, k.Key), &a)
			if err != nil {
				return err
			}
			if sealed, err = db.seal(a, "idempotency_records", idempotencyContext(scope, k.Key)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE idempotency_records SET scope = $4, sealed_reply = $5 WHERE center_id = $1 AND scope = $2 AND key_digest = $3`,
			db.center, k.Scope, k.Key, scope, sealed)
		if pgconn.IsConstraintViolation(err) { // a concurrent request under the new identifier has inserted it
			return pgconn.ErrRetry
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renameNotices addresses undelivered notices to the open_id, because an application that
// has moved to open_ids may be unable to write to a user_id.
func (db Roster) renameNotices(ctx context.Context, tx *sqlx.Tx, users []*user, ids map[string]Identity) error {
	var accounts []uuid.UUID
	for _, u := range users {
		for _, l := range u.links {
			accounts = append(accounts, l.Account)
		}
	}
	var waiting []Delivery
	if err := tx.SelectContext(ctx, &waiting, `
		SELECT outbox_id, sealed FROM outbox
		WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) AND done_at IS NULL AND failed_at IS NULL
		ORDER BY outbox_id FOR UPDATE`, db.center, uuids(accounts)); err != nil {
		return err
	}
	for _, d := range waiting {
		n, err := db.Outbox().Notice(d)
		if err != nil {
			return err
		}
		id, moves := ids[string(db.digest(n.Identity))]
		if !moves {
			continue
		}
		n.Identity = id
		sealed, err := db.seal(n, "outbox", d.ID[:])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE outbox SET sealed = $3 WHERE center_id = $1 AND outbox_id = $2`,
			db.center, d.ID, sealed); err != nil {
			return err
		}
	}
	return nil
}

// requireNoneLinked returns pgconn.ErrRetry if a session was linked under an old identifier
// after the links were locked. Later sessions cannot; see holdSession.
func (db Roster) requireNoneLinked(ctx context.Context, tx *sqlx.Tx, r renaming) error {
	var linked bool
	err := tx.GetContext(ctx, &linked, `
		SELECT EXISTS (SELECT 1 FROM links WHERE center_id = $1 AND provider = $2 AND identity_digest = ANY ($3))`,
		db.center, r.provider, r.old)
	if err == nil && linked {
		err = pgconn.ErrRetry
	}
	return err
}
