package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/store/pgconn"
)

// An identityColumn is a column with the digest of a user's identifier. It says how rows
// move when the provider gives the user another identifier.
type identityColumn struct {
	table, column string

	special  bool     // what moves them is written in rename.go
	fixed    bool     // keeps the old digest
	byPerson bool     // found by the linked person: no index leads from the identifier to them
	where    string   // which rows o of the table name a user
	set      string   // what else of a row o names the user, to become m.new
	keys     []string // unique together with the column; a row n under the new identifier may be there
	merge    string   // what n takes from o then; "": nothing
}

// identityColumns lists these columns in the order in which their rows are locked (see
// Erase). A new table needs an entry; TestIdentityColumns fails without it.
//
// All rows move. Counters are added up or the stricter one is kept; of two rows with the
// same key, the one under the new identifier stays. Events, operators' actions, imports,
// tickets, codes and password histories have no identifier and are not listed. The outbox,
// transfers, sessions and idempotency records contain sealed values that are bound to the
// identifier and are sealed again.
var identityColumns = []identityColumn{
	{table: "link_proofs", column: "identity_digest",
		set: "scope = CASE WHEN o.scope = m.old THEN m.new ELSE o.scope END"},
	{table: "link_transfers", column: "identity_digest", special: true},
	{table: "link_transfers", column: "former_digest", byPerson: true},            // holder of a link
	{table: "link_transfers", column: "former_digest", where: "o.state = 'done'"}, // former holder, who may freeze
	{table: "links", column: "identity_digest", special: true},
	{table: "links", column: "user_digest", fixed: true}, // the column exists to keep it
	{table: "resets", column: "identity_digest", byPerson: true},
	{table: "changes", column: "identity_digest", byPerson: true},
	{table: "spraying", column: "actor", where: "o.kind = 'user'", keys: []string{"kind", "since"},
		merge: `persons = ARRAY(SELECT unnest(n.persons) UNION SELECT unnest(o.persons)),
			tried = n.tried + o.tried, refused = n.refused + o.refused`},
	{table: "lockouts", column: "scope", byPerson: true, keys: []string{"person_digest"}, // the owner's own scope
		merge: `attempts = greatest(n.attempts, o.attempts), tier = greatest(n.tier, o.tier),
			locked_until = greatest(n.locked_until, o.locked_until), refused = n.refused + o.refused,
			updated_at = greatest(n.updated_at, o.updated_at)`},
	{table: "phone_payloads", column: "identity_digest"},
	{table: "consents", column: "identity_digest", keys: []string{"purpose", "given_at"}},
	{table: "message_subscriptions", column: "identity_digest", keys: []string{}},
	{table: "sessions", column: "identity_digest", special: true},
	{table: "idempotency_records", column: "scope", special: true},
	{table: "daily_counts", column: "subject_digest", keys: []string{"purpose", "day"},
		where: "o.purpose IN ('" + countResetsOfUser + "', '" + countLinksOfUser + "', '" + countTransfersOfUser + "')",
		merge: "count = n.count + o.count"},
}

// A renaming lists the users of one provider whose rows a transaction moves.
type renaming struct {
	provider         string
	old, new, person pq.ByteaArray
}

// pairs reads a renaming from $2 to $4. A user without a link has an empty person digest.
const pairs = `unnest($2::bytea[], $3::bytea[], $4::bytea[]) AS m (old, new, person)`

// rename moves the rows of one column. It returns pgconn.ErrRetry if a concurrent
// transaction writes a row under the new identifier.
func (db Roster) rename(ctx context.Context, tx *sqlx.Tx, c identityColumn, r renaming) error {
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

// statements returns the statements that move the rows of the column: first the one that
// merges or deletes rows whose key exists under the new identifier, then the update.
func (c identityColumn) statements() (all []string) {
	match := c.match("m.old")
	if c.byPerson {
		match += " AND o.person_digest = m.person"
	}
	if c.keys != nil {
		drop := fmt.Sprintf(`DELETE FROM %[1]s o USING %[2]s WHERE %[3]s AND EXISTS (SELECT 1 FROM %[1]s n WHERE %[4]s)`,
			c.table, pairs, match, c.collision("m.new"))
		if c.merge != "" { // one statement, so that a concurrent charge is not lost
			drop = fmt.Sprintf(`WITH o AS (%s RETURNING o.*, m.new) UPDATE %s n SET %s FROM o WHERE %s`,
				drop, c.table, c.merge, c.collision("o.new"))
		}
		all = append(all, drop)
	}
	set := c.column + " = m.new"
	if c.set != "" {
		set += ", " + c.set
	}
	return append(all, fmt.Sprintf(`UPDATE %s o SET %s FROM %s WHERE %s`, c.table, set, pairs, match))
}

// collision returns the condition for the row n under the new identifier with which row o
// would collide.
func (c identityColumn) collision(digest string) string {
	same := fmt.Sprintf("n.center_id = $1 AND n.%s = %s", c.column, digest)
	for _, k := range c.keys {
		same += fmt.Sprintf(" AND n.%[1]s = o.%[1]s", k)
	}
	return same
}

// match returns the condition for the rows o of a digest.
func (c identityColumn) match(digest string) string {
	match := fmt.Sprintf("o.center_id = $1 AND o.%s = %s", c.column, digest)
	if c.where != "" {
		match += " AND " + c.where
	}
	return match
}

// identityInUse is the query that reports whether any column indexed by identifier has the
// digest $2.
var identityInUse = func() string {
	var all []string
	for _, c := range identityColumns {
		if !c.byPerson && !c.fixed {
			all = append(all, fmt.Sprintf("EXISTS (SELECT 1 FROM %s o WHERE %s)", c.table, c.match("$2")))
		}
	}
	return "SELECT " + strings.Join(all, " OR ")
}()
