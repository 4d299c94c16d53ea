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
func (t importTx) restrictedRows(ctx context.Context, all []Restriction) ([]importRow, error) {
	if len(all) == 0 {
		return nil, nil
	}
	status := make(map[uuid.UUID]string, len(all))
	for _, r := range all {
		status[importedID(t.db.accountNoDigest(r.AccountNo))] = r.Status
	}
	var found []struct {
		ID        uuid.UUID `db:"account_id"`
		AccountNo []byte    `db:"account_no_digest"`
		Person    []byte    `db:"person_digest"`
		Phone     []byte    `db:"phone_digest"`
		Sealed    []byte    `db:"sealed"`
		Status    string    `db:"status"`
	}
	err := t.SelectContext(ctx, &found, `
		SELECT account_id, account_no_digest, person_digest, phone_digest, sealed, status
		FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`, t.db.center, idsOf(status))
	if err != nil {
		return nil, err
	}
	var rows []importRow
	for _, f := range found {
		if f.Status == status[f.ID] {
			continue
		}
		r := importRow{
			accountID: f.ID, accountNo: f.AccountNo, person: f.Person, phone: f.Phone, sealed: f.Sealed,
			status: status[f.ID], state: PasswordFrozen, hash: noHash, // the credential is there already
		}
		var p Person
		if err := t.db.unseal(f.Sealed, "accounts", f.ID[:], &p); err != nil {
			return nil, err
		}
		if r.rowDigest, err = t.db.rowDigest(r, p); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
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
		WHERE center_id = $1 AND person_digest = ANY ($2::bytea[]) AND account_id <> ALL ($3::uuid[])`,
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

// takeable are b's rows without those that would be a new account beside a sibling;
// b.Shortened says which those are.
func (t importTx) takeable(ctx context.Context, b *Batch) ([]importRow, error) {
	b.Shortened = nil
	suspects, err := t.suspects(ctx, b)
	if err != nil || len(suspects) == 0 {
		return b.rows, err
	}
	ids := map[uuid.UUID]bool{}
	for _, i := range suspects {
		ids[b.rows[i].accountID] = true
	}
	var there []uuid.UUID
	if err := t.SelectContext(ctx, &there, `
		SELECT account_id FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`,
		t.db.center, idsOf(ids)); err != nil {
		return nil, err
	}
	for _, id := range there {
		delete(ids, id)
	}
	kept := make([]importRow, 0, len(b.rows))
	for _, r := range b.rows {
		if ids[r.accountID] {
			b.Shortened = append(b.Shortened, r.position)
			continue
		}
		kept = append(kept, r)
	}
	return kept, nil
}

// suspects are the rows that may be in the database, but must not be added: of
// siblings in the batch all but the first that was listed.
func (t importTx) suspects(ctx context.Context, b *Batch) (suspects []int, _ error) {
	persons, ids := make(pq.ByteaArray, len(b.rows)), make(pq.StringArray, len(b.rows))
	for i, r := range b.rows {
		persons[i], ids[i] = r.person, r.accountID.String()
	}
	there, err := t.siblings(ctx, persons, ids)
	if err != nil {
		return nil, err
	}
	first := make(map[sibling]int, len(b.rows))
	for i, r := range b.rows {
		f, twice := first[r.sibling]
		switch {
		case there[r.sibling]:
			suspects = append(suspects, i)
		case !twice:
			first[r.sibling] = i
		case b.rows[f].position < r.position:
			suspects = append(suspects, i)
		default:
			suspects, first[r.sibling] = append(suspects, f), i
		}
	}
	return suspects, nil
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
