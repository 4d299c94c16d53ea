package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Events of links that an update of the centre's records changed.
const (
	EventLinkMoved = "link_moved" // to another account of the person, after a merger
	EventLinkEnded = "link_ended" // the account was merged, moved out or closed, or belongs to another person
)

// An affectedLink is a link whose account has changed with the imported batch.
//
// The present state of the account (GRZHZT of JGJ/T 320) alone decides what happens to the
// link, so a status that is reverted needs no rule of its own:
//
//	                                    open change
//	account now                link     or reset     sessions  event, notice
//	01, 02 sealed, 99          stays    stays        stay      none
//	06 frozen                  stays    cancelled    stay      none (no new change either)
//	03 merged, the person has
//	  another open account     moves    cancelled    stay      link_moved
//	03 merged, has none        ends     cancelled    end       link_ended
//	04 moved out, 05 closed    ends     cancelled    end       link_ended
//	any, of another document   ends     cancelled    end       link_ended
//
// An open account has status 01, 02, 06 or 99. Of several the first by status and id is
// taken, as in attemptedAccount. The rules are the same for the links of all providers. A
// new name, phone or employer, and a document number that changed only from 15 to 18
// digits, have no effect. A link that ended is not restored when the centre corrects the
// status: the owner links again. Passwords are never changed: each account keeps its own,
// and a link that moves uses the password of its new account.
type affectedLink struct {
	Provider string        `db:"provider"`
	Identity []byte        `db:"identity_digest"`
	Person   []byte        `db:"person_digest"`
	Account  uuid.UUID     `db:"account_id"`
	Sealed   []byte        `db:"sealed_identity"`
	Ends     bool          `db:"ends"`
	Target   uuid.NullUUID `db:"target"` // the account that the link moves to; valid only if Ends
}

// endedStatuses are the statuses of Account.Ended in SQL.
const endedStatuses = `('03', '04', '05')`

// followAccounts updates links, changes and sessions after the accounts of the batch were
// changed, in the same transaction. It reads only the database, so repeating it has no
// further effect.
func (t importTx) followAccounts(ctx context.Context, mergersToo bool) (Counts, error) {
	return t.followLinks(ctx, `
		FROM import_rows s
		JOIN accounts a ON a.center_id = $1 AND a.account_id = s.account_id
		JOIN links l ON l.center_id = $1 AND l.account_id = s.account_id
		WHERE l.person_digest <> a.person_digest OR a.status IN ('04', '05', '06') OR a.status = '03' AND $2`, mergersToo)
}

// followMerged is followAccounts for all merged accounts of the centre. It runs after the
// whole file, because the account that another was merged into may follow later in the
// file.
func (t importTx) followMerged(ctx context.Context) (Counts, error) {
	return t.followLinks(ctx, `
		FROM links l
		JOIN accounts a ON a.center_id = $1 AND a.account_id = l.account_id
		WHERE l.center_id = $1 AND l.person_digest = a.person_digest AND a.status = '03'`)
}

// followLinks locks the links that a query selects, and moves or ends them.
func (t importTx) followLinks(ctx context.Context, from string, args ...any) (Counts, error) {
	var links []affectedLink
	err := t.SelectContext(ctx, &links, `
		SELECT l.provider, l.identity_digest, l.person_digest, l.account_id, l.sealed_identity,
			l.person_digest <> a.person_digest OR a.status IN `+endedStatuses+` AS ends,
			CASE WHEN l.person_digest = a.person_digest AND a.status = '03' THEN (
				SELECT b.account_id FROM accounts b
				WHERE b.center_id = $1 AND b.person_digest = l.person_digest AND b.status NOT IN `+endedStatuses+`
				ORDER BY b.status, b.account_id LIMIT 1) END AS target`+from+`
		ORDER BY l.identity_digest
		FOR UPDATE OF l`, append([]any{t.db.center}, args...)...)
	if err != nil || len(links) == 0 {
		return Counts{}, err
	}
	cancelled, err := t.cancelOpen(ctx, links)
	if err != nil {
		return Counts{}, err
	}
	var moved, ended []affectedLink
	for _, l := range links {
		switch {
		case l.Target.Valid:
			moved = append(moved, l)
		case l.Ends:
			ended = append(ended, l)
		}
	}
	if err := t.moveLinks(ctx, moved); err != nil {
		return Counts{}, err
	}
	if err := t.endLinks(ctx, ended); err != nil {
		return Counts{}, err
	}
	return Counts{LinksMoved: int64(len(moved)), LinksEnded: int64(len(ended)), ChangesCancelled: cancelled}, nil
}

// cancelOpen cancels the open resets and changes of the links' accounts, resets first, in
// the order of the other transactions.
func (t importTx) cancelOpen(ctx context.Context, links []affectedLink) (int64, error) {
	c := columnsOf(links)
	resets, err := t.affected(ctx, `
		UPDATE resets r SET state = 'cancelled', closed_at = $4
		FROM unnest($2::bytea[], $3::uuid[]) AS l (person_digest, account_id)
		WHERE r.center_id = $1 AND r.person_digest = l.person_digest AND r.account_id = l.account_id
			AND r.state IN ('started', 'passed') AND r.expires_at > $4`,
		t.db.center, c.persons, c.accounts, t.now)
	if err != nil {
		return 0, err
	}
	changes, err := t.affected(ctx, `
		UPDATE changes c SET state = 'cancelled', closed_at = $4
		FROM unnest($2::bytea[], $3::uuid[]) AS l (person_digest, account_id)
		WHERE c.center_id = $1 AND c.person_digest = l.person_digest AND c.account_id = l.account_id
			AND c.state = 'open' AND c.expires_at > $4`,
		t.db.center, c.persons, c.accounts, t.now)
	return resets + changes, err
}

// moveLinks moves links to their targets and adds events and notices.
func (t importTx) moveLinks(ctx context.Context, moved []affectedLink) error {
	if len(moved) == 0 {
		return nil
	}
	c := columnsOf(moved)
	if _, err := t.ExecContext(ctx, `
		UPDATE links l SET account_id = m.target
		FROM unnest($2::text[], $3::bytea[], $4::uuid[]) AS m (provider, identity_digest, target)
		WHERE l.center_id = $1 AND l.provider = m.provider AND l.identity_digest = m.identity_digest`,
		t.db.center, c.providers, c.identities, c.targets); err != nil {
		return err
	}
	// Both accounts get the event, because the citizen reads the events of the new one.
	if err := t.addEvents(ctx, EventLinkMoved, append(c.accounts, c.targets...)); err != nil {
		return err
	}
	return t.addLinkEndedNotices(ctx, NoticeLinkMoved, moved)
}

// endLinks deletes links and the sessions of their users, and adds events and notices.
func (t importTx) endLinks(ctx context.Context, ended []affectedLink) error {
	if len(ended) == 0 {
		return nil
	}
	c := columnsOf(ended)
	if _, err := t.ExecContext(ctx, `
		DELETE FROM links l USING unnest($2::text[], $3::bytea[]) AS m (provider, identity_digest)
		WHERE l.center_id = $1 AND l.provider = m.provider AND l.identity_digest = m.identity_digest`,
		t.db.center, c.providers, c.identities); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `
		DELETE FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2)`,
		t.db.center, c.identities); err != nil {
		return err
	}
	if err := t.addEvents(ctx, EventLinkEnded, c.accounts); err != nil {
		return err
	}
	return t.addLinkEndedNotices(ctx, NoticeLinkEnded, ended)
}

// addEvents adds one event to each of the accounts.
func (t importTx) addEvents(ctx context.Context, kind string, accounts pq.StringArray) error {
	_, err := t.ExecContext(ctx, `
		INSERT INTO events (center_id, at, event_id, account_id, kind, channel)
		SELECT $1, $2, e.event_id, e.account_id, $5, $6
		FROM unnest($3::uuid[], $4::uuid[]) AS e (event_id, account_id)`,
		t.db.center, t.now, newIDs(len(accounts)), accounts, kind, ChannelCentre)
	return err
}

// linkColumns are affected links as one array a column, for unnest.
type linkColumns struct {
	identities, persons          pq.ByteaArray
	providers, accounts, targets pq.StringArray
}

func columnsOf(links []affectedLink) (c linkColumns) {
	for _, l := range links {
		c.identities, c.persons = append(c.identities, l.Identity), append(c.persons, l.Person)
		c.accounts, c.targets = append(c.accounts, l.Account.String()), append(c.targets, l.Target.UUID.String())
		c.providers = append(c.providers, l.Provider)
	}
	return c
}

func newIDs(n int) pq.StringArray {
	ids := make(pq.StringArray, n)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	return ids
}

// requireNotFrozen returns ErrBlocked if the centre has frozen the account. The caller
// holds the link's lock, so a later freeze waits and cancels what the caller has opened.
func (db *DB) requireNotFrozen(ctx context.Context, tx *sqlx.Tx, account uuid.UUID) error {
	var status string
	err := tx.GetContext(ctx, &status, `
		SELECT status FROM accounts WHERE center_id = $1 AND account_id = $2`, db.center, account)
	if err == nil && status == StatusFrozen {
		err = ErrBlocked
	}
	return mapNoRows(err, ErrNotFound)
}
