package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

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
