package store

import "context"

// What a difference changes, where it is no status (GRZHZT).
const (
	KindNew      = "new"      // a new account
	KindDocument = "document" // the holder is another person, or has another document
	KindDetails  = "details"  // name or phone
)

// A ChangeKind counts the differences of one kind. Each is of the first kind that fits: new,
// document, the status it gets, details.
type ChangeKind struct {
	Kind     string `db:"kind"` // KindNew, KindDocument, KindDetails or a status
	Accounts int64  `db:"accounts"`
	Linked   int64  `db:"linked"` // of them
}

// kinds counts what the differences change, those that plan counts and those that change no
// link. Merged, moved, closed and frozen accounts are in it by their status.
func (c comparing) kinds(ctx context.Context, take func([]ChangeKind)) error {
	if take == nil {
		return nil
	}
	var all []ChangeKind
	err := c.SelectContext(ctx, &all, `
		SELECT kind, count(*) AS accounts, count(l.account_id) AS linked
		FROM (SELECT n.account_id, CASE
				WHEN n.is_new THEN 'new'
				WHEN a.person_digest <> n.person_digest THEN 'document'
				WHEN a.status <> n.status THEN n.status
				ELSE 'details' END AS kind
			FROM sync_changed n LEFT JOIN sync_accounts a ON a.account_id = n.account_id
			WHERE n.superseded_by IS NULL AND NOT n.shortened AND NOT n.same AND NOT (n.is_new AND n.passwordless)) k
		LEFT JOIN (SELECT DISTINCT account_id FROM sync_links) l ON l.account_id = k.account_id
		GROUP BY kind ORDER BY kind COLLATE "C"`)
	if err == nil {
		take(all)
	}
	return err
}
