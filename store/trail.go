package store

import (
	"bytes"
	"context"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A trail is by what the rows about one person are found.
type trail struct {
	persons    [][]byte // one
	accounts   []uuid.UUID
	identities [][]byte   // digests of every Alipay user the person is or was linked to
	open       []Identity // those of them whose identifier is still kept
	tokens     [][]byte   // of sessions
}

// follow finds the rest of a trail that has the person and the accounts.
func (db *DB) follow(ctx context.Context, q sqlx.QueryerContext, t *trail) error {
	if err := sqlx.SelectContext(ctx, q, &t.identities, `
		SELECT identity_digest FROM alipay_links WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]))
		UNION SELECT identity_digest FROM changes WHERE center_id = $1 AND person_digest = ANY ($2)
		UNION SELECT identity_digest FROM resets WHERE center_id = $1 AND person_digest = ANY ($2)
		UNION SELECT identity_digest FROM link_proofs WHERE center_id = $1 AND person_digest = ANY ($2) AND state = 'used'
		UNION SELECT identity_digest FROM relinks WHERE center_id = $1 AND person_digest = ANY ($2) AND state = 'done'
		UNION SELECT former_digest FROM relinks WHERE center_id = $1 AND person_digest = ANY ($2)
		UNION SELECT lane FROM guess_budgets WHERE center_id = $1 AND person_digest = ANY ($2) AND lane <> $4`,
		db.center, pq.ByteaArray(t.persons), uuids(t.accounts), PublicLane); err != nil {
		return err
	}
	if err := db.openIdentities(ctx, q, t); err != nil {
		return err
	}
	for _, id := range t.open {
		t.identities = append(t.identities, db.digests(id)...)
	}
	return sqlx.SelectContext(ctx, q, &t.tokens, `
		SELECT token_digest FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		db.center, pq.ByteaArray(t.identities))
}

// openIdentities opens the identifiers that links and notices keep sealed.
func (db *DB) openIdentities(ctx context.Context, q sqlx.QueryerContext, t *trail) error {
	var links []struct {
		Digest []byte `db:"identity_digest"`
		Sealed []byte `db:"sealed_identity"`
	}
	if err := sqlx.SelectContext(ctx, q, &links, `
		SELECT identity_digest, sealed_identity FROM alipay_links WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		db.center, pq.ByteaArray(t.identities)); err != nil {
		return err
	}
	for _, l := range links {
		var id Identity
		if err := db.unseal(l.Sealed, "alipay_links", l.Digest, &id); err != nil {
			return err
		}
		t.open = append(t.open, id)
	}
	var told []Delivery
	if err := sqlx.SelectContext(ctx, q, &told, `
		SELECT outbox_id, sealed FROM outbox WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`,
		db.center, uuids(t.accounts)); err != nil {
		return err
	}
	for _, d := range told {
		n, err := db.Notice(d)
		if err != nil {
			return err
		}
		if n.Person == nil || bytes.Equal(n.Person, t.persons[0]) { // not of who held the account before
			t.open = append(t.open, n.Identity)
		}
	}
	return nil
}

// scopes are under what first answers to a person's requests are kept.
func (db *DB) scopes(t trail) [][]byte {
	all := append([][]byte{}, t.identities...)
	for _, token := range t.tokens {
		all = append(all, db.Digest("session", token))
	}
	return all
}

// A letter is a notification of Alipay's that names the person.
type letter struct {
	ID     string `db:"notify_id"`
	Sealed []byte `db:"sealed"`
}

// letterBatch is how many notifications are opened at a time.
const letterBatch = 1000

// lettersAbout opens every notification that is kept: what Alipay wrote has no
// column that names the citizen.
func (db *DB) lettersAbout(ctx context.Context, q sqlx.QueryerContext, t trail) (ids []string, err error) {
	for after := ""; len(t.open) > 0; {
		var batch []letter
		if err := sqlx.SelectContext(ctx, q, &batch, `
			SELECT notify_id, sealed FROM notifications WHERE center_id = $1 AND notify_id > $2
			ORDER BY notify_id LIMIT $3`, db.center, after, letterBatch); err != nil {
			return nil, err
		}
		for _, l := range batch {
			var content []byte
			if err := db.unseal(l.Sealed, "notifications", []byte(l.ID), &content); err != nil {
				return nil, err
			}
			if t.namedIn(content) {
				ids = append(ids, l.ID)
			}
		}
		if len(batch) < letterBatch {
			break
		}
		after = batch[len(batch)-1].ID
	}
	return ids, nil
}

func (t trail) namedIn(content []byte) bool {
	for _, id := range t.open {
		for _, name := range []string{id.Value, id.UserID} {
			if name != "" && bytes.Contains(content, []byte(name)) {
				return true
			}
		}
	}
	return false
}

func uuids(all []uuid.UUID) any {
	texts := make([]string, len(all))
	for i, id := range all {
		texts[i] = id.String()
	}
	return pq.Array(texts)
}
