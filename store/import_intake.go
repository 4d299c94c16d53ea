package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A Restriction is the status in a line that is refused for another field. It applies
// to an account that is in the database: a frozen or closed account must not stay
// usable because of a broken phone number.
type Restriction struct {
	Line      int64
	AccountNo string
	Status    string // merged, moved, closed or frozen
}

// Restrict adds restrictions of accounts that are not among b's depositors.
func (b *Batch) Restrict(all []Restriction) { b.restrictions = all }

// restrictedRows returns the restricted accounts as the database holds them, with the
// new status. It leaves out an account that has that status or is not there.
func (t importTx) restrictedRows(ctx context.Context, all []Restriction) (rows []*importRow, _ error) {
	if len(all) == 0 {
		return nil, nil
	}
	status, ids := make(map[uuid.UUID]string, len(all)), make([]uuid.UUID, len(all))
	for i, r := range all {
		ids[i] = importedID(t.db.accountNoDigest(r.AccountNo))
		status[ids[i]] = r.Status
	}
	var found []heldAccount
	err := t.SelectContext(ctx, &found, `
		SELECT account_id, account_no_digest, person_digest, phone_digest, sealed, status
		FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`, t.db.center, uuids(ids))
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		if a.Status == status[a.ID] {
			continue
		}
		r, err := t.db.Roster().withStatus(a, status[a.ID])
		if err != nil {
			return nil, err
		}
		rows = append(rows, &r)
	}
	return rows, nil
}

// A heldAccount is a row of accounts.
type heldAccount struct {
	ID        uuid.UUID `db:"account_id"`
	AccountNo []byte    `db:"account_no_digest"`
	Person    []byte    `db:"person_digest"`
	Phone     []byte    `db:"phone_digest"`
	Sealed    []byte    `db:"sealed"`
	Status    string    `db:"status"`
}

// withStatus returns the account as a file would list it in another status.
func (db Roster) withStatus(a heldAccount, status string) (importRow, error) {
	r := importRow{accountID: a.ID, accountNo: a.AccountNo, person: a.Person, phone: a.Phone, sealed: a.Sealed, status: status}
	var p Person
	if err := db.unseal(a.Sealed, "accounts", a.ID[:], &p); err != nil {
		return r, err
	}
	plain, err := json.Marshal(p)
	r.rowDigest = db.rowDigest(r, plain, p.Phone != "")
	return r, err
}

// phoneDigested makes the row digest of an account with a phone differ from those of
// accounts that have no phone digest yet, so that the next file adds it.
var phoneDigested = []byte("phone digest")

// rowDigest returns the digest that tells a changed account from an unchanged one.
func (db Roster) rowDigest(r importRow, plain []byte, hasPhone bool) []byte {
	parts := [][]byte{r.accountID[:], r.person, []byte(r.status), plain}
	if hasPhone {
		parts = append(parts, phoneDigested)
	}
	return db.Digest("imported row", parts...)
}

// A sibling is what accounts of one person have in common whose numbers differ at most
// by zeros in front. Spreadsheets drop those, and a second account would bring back the
// password that the first had when it was imported.
type sibling struct{ person, number string }

func siblingOf(person []byte, accountNo string) sibling {
	return sibling{string(person), strings.TrimLeft(accountNo, "0")}
}

// siblings returns what the persons' accounts in the database are, except those that
// are among held. Each person is looked up by itself for the reason of heldAmong.
func (t importTx) siblings(ctx context.Context, persons pq.ByteaArray, held map[uuid.UUID]bool) (map[sibling]bool, error) {
	if len(persons) == 0 {
		return nil, nil
	}
	rows, err := t.QueryxContext(ctx, `
		SELECT a.account_id, a.person_digest, a.sealed FROM unnest($2::bytea[]) AS n (person) CROSS JOIN LATERAL (
			SELECT account_id, person_digest, sealed FROM accounts WHERE center_id = $1 AND person_digest = n.person OFFSET 0) a`, t.db.center, persons)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[sibling]bool{}
	for rows.Next() {
		var a heldAccount
		if err := rows.Scan(&a.ID, &a.Person, &a.Sealed); err != nil {
			return nil, err
		}
		if held[a.ID] {
			continue
		}
		var p Person
		if err := t.db.unseal(a.Sealed, "accounts", a.ID[:], &p); err != nil {
			return nil, err
		}
		found[siblingOf(a.Person, p.AccountNo)] = true
	}
	return found, rows.Err()
}

// divide separates the rows that are new from those that the database holds. It leaves
// out a new one that has a sibling there, or one that was listed before it.
func (t importTx) divide(ctx context.Context, rows []*importRow) (added, held []*importRow, _ error) {
	first, isHeld, err := t.firstOf(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	added = make([]*importRow, 0, len(rows)-len(isHeld))
	for _, r := range rows {
		switch {
		case isHeld[r.accountID]:
			held = append(held, r)
		case first[r.sibling] == r.position:
			added = append(added, r)
		}
	}
	return added, held, nil
}

// inDatabase is the position of an account that the database holds.
const inDatabase = -1

// firstOf returns the position of the first of all siblings, and which accounts the
// database holds.
func (t importTx) firstOf(ctx context.Context, rows []*importRow) (first map[sibling]int, held map[uuid.UUID]bool, err error) {
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.accountID
	}
	if held, err = t.db.Roster().heldAmong(ctx, t, ids); err != nil {
		return nil, nil, err
	}
	first = make(map[sibling]int, len(rows))
	var persons pq.ByteaArray
	for _, r := range rows {
		if held[r.accountID] {
			first[r.sibling] = inDatabase
			continue
		}
		persons = append(persons, r.person)
		if earlier, ok := first[r.sibling]; !ok || r.position < earlier {
			first[r.sibling] = r.position
		}
	}
	there, err := t.siblings(ctx, persons, held)
	for s := range there {
		first[s] = inDatabase
	}
	return first, held, err
}

// AccountNoLengths returns the lengths, in order, of the account numbers that the
// centre holds. It reads a thousand of them; their order is that of digests, so they
// are a random thousand.
func (db Roster) AccountNoLengths(ctx context.Context) ([]int, error) {
	var rows []struct {
		ID     uuid.UUID `db:"account_id"`
		Sealed []byte    `db:"sealed"`
	}
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT account_id, sealed FROM accounts WHERE center_id = $1 ORDER BY account_id LIMIT 1000`, db.center)
	})
	if err != nil {
		return nil, err
	}
	var has [64]bool
	for _, r := range rows {
		var p Person
		if err := db.unseal(r.Sealed, "accounts", r.ID[:], &p); err != nil {
			return nil, err
		}
		has[min(len(p.AccountNo), len(has)-1)] = true
	}
	var lengths []int
	for n, is := range has {
		if is {
			lengths = append(lengths, n)
		}
	}
	return lengths, nil
}

// sortRows orders rows by three of the four indexes, so that a batch visits each page
// once.
func sortRows(x, y *importRow) int { return bytes.Compare(x.accountID[:], y.accountID[:]) }
