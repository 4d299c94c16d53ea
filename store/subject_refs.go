package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// subjectRefs are the keys of the rows about one person.
type subjectRefs struct {
	persons    [][]byte // exactly one
	accounts   []uuid.UUID
	identities [][]byte // digests of the users who hold or held the person's link and hold no other
	linked     [][]byte // digests of the users who hold it now
	tokens     [][]byte // of sessions
}

// resolve adds the identities and tokens to t, which has the person and the accounts. A
// user belongs to the person only by a link of any provider. An attempt in a scope of the
// user's own does not count, because relatives may share a phone number, nor does a
// requested transfer, which the holder may have rejected. A user who is linked to another
// person now belongs to that person.
func (db Operations) resolve(ctx context.Context, q sqlx.QueryerContext, t *subjectRefs) error {
	if err := sqlx.SelectContext(ctx, q, &t.identities, `
		SELECT identity_digest FROM links WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]))
		UNION SELECT identity_digest FROM changes WHERE center_id = $1 AND person_digest = ANY ($2)
		UNION SELECT identity_digest FROM resets WHERE center_id = $1 AND person_digest = ANY ($2)
		UNION SELECT identity_digest FROM link_proofs WHERE center_id = $1 AND person_digest = ANY ($2) AND state = 'used'
		UNION SELECT identity_digest FROM link_transfers WHERE center_id = $1 AND person_digest = ANY ($2) AND state = 'done'
		UNION SELECT former_digest FROM link_transfers WHERE center_id = $1 AND person_digest = ANY ($2)`,
		db.center, pq.ByteaArray(t.persons), uuids(t.accounts)); err != nil {
		return err
	}
	linked, err := db.linkedIdentities(ctx, q, *t)
	if err != nil {
		return err
	}
	notified, err := db.notifiedIdentities(ctx, q, *t)
	if err != nil {
		return err
	}
	for _, id := range linked {
		t.linked = append(t.linked, db.digests(id)...)
	}
	open := append(linked, notified...)
	for _, id := range open {
		t.identities = append(t.identities, db.digests(id)...)
	}
	if err := db.excludeOthers(ctx, q, t, open); err != nil {
		return err
	}
	return sqlx.SelectContext(ctx, q, &t.tokens, `
		SELECT token_digest FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		db.center, pq.ByteaArray(t.identities))
}

// linkedIdentities returns the identities of the person's links of all providers.
func (db Operations) linkedIdentities(ctx context.Context, q sqlx.QueryerContext, t subjectRefs) (open []Identity, err error) {
	var links []struct {
		Digest []byte `db:"identity_digest"`
		Sealed []byte `db:"sealed_identity"`
	}
	if err := sqlx.SelectContext(ctx, q, &links, `
		SELECT identity_digest, sealed_identity FROM links
		WHERE center_id = $1 AND identity_digest = ANY ($2) AND person_digest = ANY ($3)`,
		db.center, pq.ByteaArray(t.identities), pq.ByteaArray(t.persons)); err != nil {
		return nil, err
	}
	for _, l := range links {
		var id Identity
		if err := db.unseal(l.Sealed, "links", l.Digest, &id); err != nil {
			return nil, err
		}
		open = append(open, id)
	}
	return open, nil
}

// notifiedIdentities returns the identities that were sent notices as holders of the link.
func (db Operations) notifiedIdentities(ctx context.Context, q sqlx.QueryerContext, t subjectRefs) (open []Identity, err error) {
	var notices []Delivery
	if err := sqlx.SelectContext(ctx, q, &notices, `
		SELECT outbox_id, sealed FROM outbox
		WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) AND kind <> ALL ($3)`,
		db.center, uuids(t.accounts), pq.Array(requesterNotices)); err != nil {
		return nil, err
	}
	for _, d := range notices {
		n, err := db.Outbox().Notice(d)
		if err != nil {
			return nil, err
		}
		if n.Identity != (Identity{}) && bytes.Equal(n.Person, t.persons[0]) { // no code, and not that of a former holder of the account
			open = append(open, n.Identity)
		}
	}
	return open, nil
}

// excludeOthers removes from t the identifiers of users who are linked to another person:
// those of the link, and those of the same users in open.
func (db Operations) excludeOthers(ctx context.Context, q sqlx.QueryerContext, t *subjectRefs, open []Identity) error {
	var foreign [][]byte
	if err := sqlx.SelectContext(ctx, q, &foreign, `
		SELECT unnest(ARRAY[identity_digest, user_digest]) FROM links
		WHERE center_id = $1 AND (identity_digest = ANY ($2) OR user_digest = ANY ($2)) AND person_digest <> ALL ($3)`,
		db.center, pq.ByteaArray(t.identities), pq.ByteaArray(t.persons)); err != nil || len(foreign) == 0 {
		return err
	}
	is := func(digest []byte) bool {
		return slices.ContainsFunc(foreign, func(f []byte) bool { return bytes.Equal(f, digest) })
	}
	for _, id := range open {
		if all := db.digests(id); slices.ContainsFunc(all, is) {
			foreign = append(foreign, all...)
		}
	}
	t.identities = slices.DeleteFunc(t.identities, is)
	return nil
}

// within reports whether other has all identities of t.
func (t subjectRefs) within(other subjectRefs) bool {
	return !slices.ContainsFunc(t.identities, func(d []byte) bool {
		return !slices.ContainsFunc(other.identities, func(o []byte) bool { return bytes.Equal(o, d) })
	})
}

// scopes returns the scopes of the idempotency records of a person's requests.
func (db Operations) scopes(t subjectRefs) [][]byte {
	all := append([][]byte{}, t.identities...)
	for _, token := range t.tokens {
		all = append(all, db.Digest("session", token))
	}
	return all
}

// uuids returns ids as a parameter.
func uuids(all []uuid.UUID) any {
	texts := make([]string, len(all))
	for i, id := range all {
		texts[i] = id.String()
	}
	return pq.Array(texts)
}
