package store

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A Restriction is the status of a line that is refused for something else. It
// holds for an account that is there: a frozen or closed account must not stay
// usable because of a broken phone number.
type Restriction struct {
	Line      int64
	AccountNo string
	Status    string // merged, moved, closed or frozen
}

// Restrict adds restrictions of accounts that are not among b's depositors.
func (b *Batch) Restrict(all []Restriction) { b.restrictions = all }

// restrictedRows are the restricted accounts as they stand, with the new status. An
// account that has it, or is not there, is left out.
func (t importTx) restrictedRows(ctx context.Context, all []Restriction) (rows []importRow, _ error) {
	if len(all) == 0 {
		return nil, nil
	}
	status := make(map[uuid.UUID]string, len(all))
	for _, r := range all {
		status[importedID(t.db.accountNoDigest(r.AccountNo))] = r.Status
	}
	var found []heldAccount
	err := t.SelectContext(ctx, &found, `
		SELECT account_id, account_no_digest, person_digest, phone_digest, sealed, status
		FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`, t.db.center, idsOf(status))
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		if a.Status == status[a.ID] {
			continue
		}
		r, err := t.db.withStatus(a, status[a.ID])
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
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

// withStatus is the account as a file would list it in another status.
func (db *DB) withStatus(a heldAccount, status string) (importRow, error) {
	r := importRow{
		accountID: a.ID, accountNo: a.AccountNo, person: a.Person, phone: a.Phone, sealed: a.Sealed,
		status: status, state: PasswordFrozen, hash: noHash, // the credential is there already
	}
	var p Person
	if err := db.unseal(a.Sealed, "accounts", a.ID[:], &p); err != nil {
		return r, err
	}
	var err error
	r.rowDigest, err = db.rowDigest(r, p)
	return r, err
}

// noHash is no hash of any password.
const noHash = "!"

func idsOf[V any](m map[uuid.UUID]V) pq.StringArray {
	ids := make(pq.StringArray, 0, len(m))
	for id := range m {
		ids = append(ids, id.String())
	}
	return ids
}

// rowDigest is what tells a changed account from an unchanged one.
func (db *DB) rowDigest(r importRow, p Person) ([]byte, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	parts := [][]byte{r.accountID[:], r.person, []byte(r.status), plain}
	if p.Phone != "" {
		parts = append(parts, phoneDigested)
	}
	return db.Digest("imported row", parts...), nil
}

// A sibling names accounts of one person whose numbers differ at most by zeros in
// front. Spreadsheets drop those, and a second account would bring the password
// back that the first had when it was imported.
type sibling struct{ person, number string }

func (db *DB) siblingOf(person []byte, accountNo string) sibling {
	return sibling{string(person), string(db.Digest("account number without zeros", []byte(strings.TrimLeft(accountNo, "0"))))}
}

// siblings finds, of the persons' accounts, those that are not among ids.
func (t importTx) siblings(ctx context.Context, persons pq.ByteaArray, ids pq.StringArray) (map[sibling]bool, error) {
	rows, err := t.QueryxContext(ctx, `
		SELECT account_id, person_digest, sealed FROM accounts
		WHERE center_id = $1 AND person_digest = ANY ($2::bytea[])
			AND account_id NOT IN (SELECT unnest($3::uuid[])) -- hashed, unlike <> ALL with a parameter`,
		t.db.center, persons, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[sibling]bool{}
	for rows.Next() {
		var id uuid.UUID
		var person, sealed []byte
		if err := rows.Scan(&id, &person, &sealed); err != nil {
			return nil, err
		}
		var p Person
		if err := t.db.unseal(sealed, "accounts", id[:], &p); err != nil {
			return nil, err
		}
		found[t.db.siblingOf(person, p.AccountNo)] = true
	}
	return found, rows.Err()
}

// takeable are b's rows without those that would be a new account beside a sibling,
// of siblings that are all new without all but the first that was listed.
// b.Shortened says which are left out.
func (t importTx) takeable(ctx context.Context, b *Batch) ([]importRow, error) {
	b.Shortened = nil
	there, groups, err := t.doubtful(ctx, b)
	if err != nil || len(groups) == 0 {
		return b.rows, err
	}
	exist, err := t.existing(ctx, b, groups)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID]bool{}
	for sibling, rows := range groups {
		known := there[sibling] || slices.ContainsFunc(rows, func(i int) bool { return exist[b.rows[i].accountID] })
		first := slices.MinFunc(rows, func(i, j int) int { return b.rows[i].position - b.rows[j].position })
		for _, i := range rows {
			out[b.rows[i].accountID] = !exist[b.rows[i].accountID] && (known || i != first)
		}
	}
	kept := make([]importRow, 0, len(b.rows))
	for _, r := range b.rows {
		if out[r.accountID] {
			b.Shortened = append(b.Shortened, r.position)
			continue
		}
		kept = append(kept, r)
	}
	return kept, nil
}

// doubtful are the rows that have siblings: there in the database, or in the batch.
func (t importTx) doubtful(ctx context.Context, b *Batch) (there map[sibling]bool, groups map[sibling][]int, _ error) {
	persons, ids := make(pq.ByteaArray, len(b.rows)), make(pq.StringArray, len(b.rows))
	for i, r := range b.rows {
		persons[i], ids[i] = r.person, r.accountID.String()
	}
	there, err := t.siblings(ctx, persons, ids)
	if err != nil {
		return nil, nil, err
	}
	times := make(map[sibling]int, len(b.rows))
	for _, r := range b.rows {
		times[r.sibling]++
	}
	groups = map[sibling][]int{}
	for i, r := range b.rows {
		if there[r.sibling] || times[r.sibling] > 1 {
			groups[r.sibling] = append(groups[r.sibling], i)
		}
	}
	return there, groups, nil
}

// existing are the accounts of groups that are in the database.
func (t importTx) existing(ctx context.Context, b *Batch, groups map[sibling][]int) (map[uuid.UUID]bool, error) {
	var ids pq.StringArray
	for _, rows := range groups {
		for _, i := range rows {
			ids = append(ids, b.rows[i].accountID.String())
		}
	}
	var found []uuid.UUID
	err := t.SelectContext(ctx, &found, `
		SELECT account_id FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`, t.db.center, ids)
	exist := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		exist[id] = true
	}
	return exist, err
}

// AccountNoLengths are the lengths, in order, of the account numbers that the
// centre holds. It looks at a thousand of them; their order is that of digests, so
// they are any thousand.
func (db *DB) AccountNoLengths(ctx context.Context) ([]int, error) {
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

// sortRows puts rows in the order of three of the four indexes, so that a batch
// visits each page once.
func sortRows(x, y importRow) int { return bytes.Compare(x.accountID[:], y.accountID[:]) }
