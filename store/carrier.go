package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/store/pgconn"
)

// A carrier is a table whose rows name an Alipay user by the digest of an identifier,
// and what becomes of them when Alipay calls the user by another one.
type carrier struct {
	table, column string

	apart  bool     // what moves them is written in rename.go
	stays  bool     // keeps the old digest
	person bool     // found by the linked person: no index leads from the identifier to them
	only   string   // which rows o of the table name an Alipay user
	also   string   // what else of a row o names the user, to become m.new
	keys   []string // unique together with the column; a row n under the new identifier may be there
	merge  string   // what n takes from o then; "": nothing
}

// carriers are all of them, in the order in which their rows are locked (see Erase). A
// table that is new gets its line here; TestCarriers fails until it has one.
//
// Everything moves. What must not be counted anew is added up or the stricter of two;
// where the same thing stands under both, the row under the new identifier stays. Not
// here, because they name no identifier: events, operators' actions, imports, tickets
// (by session), codes and histories (by account). The outbox, relinks and sessions
// hold the identifier itself, sealed, and are sealed anew; so are receipts, whose answers
// are bound to it.
var carriers = []carrier{
	{table: "link_proofs", column: "identity_digest",
		also: "lane = CASE WHEN o.lane = m.old THEN m.new ELSE o.lane END"},
	{table: "relinks", column: "identity_digest", apart: true},
	{table: "relinks", column: "former_digest", person: true},             // whose link it is
	{table: "relinks", column: "former_digest", only: "o.state = 'done'"}, // whose it was, who may freeze
	{table: "alipay_links", column: "identity_digest", apart: true},
	{table: "alipay_links", column: "user_digest", stays: true}, // what it is for
	{table: "resets", column: "identity_digest", person: true},
	{table: "changes", column: "identity_digest", person: true},
	{table: "spraying", column: "actor", only: "o.kind = 'user'", keys: []string{"kind", "since"},
		merge: `persons = ARRAY(SELECT unnest(n.persons) UNION SELECT unnest(o.persons)),
			tried = n.tried + o.tried, refused = n.refused + o.refused`},
	{table: "guess_budgets", column: "lane", person: true, keys: []string{"person_digest"}, // the owner's own lane
		merge: `used = greatest(n.used, o.used), round = greatest(n.round, o.round),
			locked_until = greatest(n.locked_until, o.locked_until), refused = n.refused + o.refused,
			updated_at = greatest(n.updated_at, o.updated_at)`},
	{table: "phone_payloads", column: "identity_digest"},
	{table: "consents", column: "identity_digest", keys: []string{"purpose", "given_at"}},
	{table: "message_subscriptions", column: "identity_digest", keys: []string{}},
	{table: "sessions", column: "identity_digest", apart: true},
	{table: "receipts", column: "scope", apart: true},
	{table: "daily_counts", column: "subject_digest", keys: []string{"purpose", "day"},
		only:  "o.purpose IN ('" + countResetsOfUser + "', '" + countLinksOfUser + "', '" + countRelinksOfUser + "')",
		merge: "count = n.count + o.count"},
}

// renaming are users of whom a transaction moves everything, in arrays.
type renaming struct{ old, new, person pq.ByteaArray }

// pairs reads a renaming from $2 to $4. A user without a link has an empty person, who
// is nobody.
const pairs = `unnest($2::bytea[], $3::bytea[], $4::bytea[]) AS m (old, new, person)`

// rename moves the rows of one carrier. Whoever writes a row under the new identifier
// at this moment makes it fail with pgconn.ErrRetry.
func (db *DB) rename(ctx context.Context, tx *sqlx.Tx, c carrier, r renaming) error {
	for _, statement := range c.statements() {
		_, err := tx.ExecContext(ctx, statement, db.center, r.old, r.new, r.person)
		if pgconn.IsConstraintViolation(err) {
			return pgconn.ErrRetry
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c carrier) statements() (all []string) {
	match := c.match("m.old")
	if c.person {
		match += " AND o.person_digest = m.person"
	}
	if c.keys != nil {
		drop := fmt.Sprintf(`DELETE FROM %[1]s o USING %[2]s WHERE %[3]s AND EXISTS (SELECT 1 FROM %[1]s n WHERE %[4]s)`,
			c.table, pairs, match, c.rival("m.new"))
		if c.merge != "" { // in one statement: what is charged meanwhile is in the row that it gets
			drop = fmt.Sprintf(`WITH o AS (%s RETURNING o.*, m.new) UPDATE %s n SET %s FROM o WHERE %s`,
				drop, c.table, c.merge, c.rival("o.new"))
		}
		all = append(all, drop)
	}
	set := c.column + " = m.new"
	if c.also != "" {
		set += ", " + c.also
	}
	return append(all, fmt.Sprintf(`UPDATE %s o SET %s FROM %s WHERE %s`, c.table, set, pairs, match))
}

// rival finds the row n under the new identifier that row o would collide with.
func (c carrier) rival(digest string) string {
	same := fmt.Sprintf("n.center_id = $1 AND n.%s = %s", c.column, digest)
	for _, k := range c.keys {
		same += fmt.Sprintf(" AND n.%[1]s = o.%[1]s", k)
	}
	return same
}

func (c carrier) match(digest string) string {
	match := fmt.Sprintf("o.center_id = $1 AND o.%s = %s", c.column, digest)
	if c.only != "" {
		match += " AND " + c.only
	}
	return match
}

// carried asks whether anything stands under the digest $2, where an index tells.
var carried = func() string {
	var all []string
	for _, c := range carriers {
		if !c.person && !c.stays {
			all = append(all, fmt.Sprintf("EXISTS (SELECT 1 FROM %s o WHERE %s)", c.table, c.match("$2")))
		}
	}
	return "SELECT " + strings.Join(all, " OR ")
}()
