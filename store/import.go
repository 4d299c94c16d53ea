package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// ImportBatch is how many depositors one transaction of an import takes.
const ImportBatch = 5000

// ErrDepositor says that a Depositor is incomplete or occurs twice in one
// batch. Its text names the position, never a value.
var ErrDepositor = errors.New("store: depositor cannot be imported")

// A Depositor is a fund account as the centre's core system lists it, with the
// password it has until its holder changes it here.
type Depositor struct {
	Person      Person
	DocumentKey []byte // document.Document.Key of the person's document
	Status      string // GRZHZT

	InitialRule string // names how the password is derived from the person's data, or
	Hash        string // the password's hash: exactly one of the two
	MustChange  bool   // the password is known to be weak or leaked
}

// Counts say what an import did. Every depositor is counted in one of the first four.
type Counts struct {
	Added     int64 `db:"added"`
	Updated   int64 `db:"updated"`
	Unchanged int64 `db:"unchanged"`
	Refused   int64 `db:"refused"` // lines of a file that are no depositor, or not to be added

	LinksMoved       int64 `db:"links_moved"` // see affectedLink
	LinksEnded       int64 `db:"links_ended"`
	ChangesCancelled int64 `db:"changes_cancelled"` // and resets
}

func (c Counts) plus(d Counts) Counts {
	return Counts{
		c.Added + d.Added, c.Updated + d.Updated, c.Unchanged + d.Unchanged, c.Refused + d.Refused,
		c.LinksMoved + d.LinksMoved, c.LinksEnded + d.LinksEnded, c.ChangesCancelled + d.ChangesCancelled,
	}
}

// A Batch holds depositors, encrypted and with their digests.
type Batch struct {
	rows         []*importRow // by account id
	restrictions []Restriction

	// ImportStep sets it where it may not have taken all depositors, because the numbers
	// of some lost zeros, see sibling: HasAccounts does not know those.
	Incomplete bool
}

// An importRow is what the database holds of a depositor.
type importRow struct {
	accountID                            uuid.UUID
	accountNo, person, sealed, rowDigest []byte
	phone                                []byte // nil: none on file
	status, state, initialRule, hash     string

	position int // among the depositors
	sibling  sibling
}

// ImportDepositors adds accounts that are new and updates the personal data and status
// of the others; links follow their accounts, see affectedLink. It never changes the
// password of an account that exists, because it may be the citizen's own. An unchanged
// depositor writes nothing, so calling it again is safe. A new account that differs from
// another one of its person only by zeros in front of the number is counted as refused.
// Each ImportBatch of depositors is one transaction. It returns ErrDepositor before
// anything of that batch is written.
func (db Roster) ImportDepositors(ctx context.Context, ds []Depositor) (Counts, error) {
	var sum Counts
	several := len(ds) > ImportBatch // the account that a merged one went into may be in a later batch
	for len(ds) > 0 {
		n := min(len(ds), ImportBatch)
		b, err := db.SealBatch(ds[:n])
		if err != nil {
			return sum, err
		}
		var c Counts
		err = db.inImportTx(ctx, func(t importTx) error {
			if c, err = t.merge(ctx, b, !several); err == nil && several && n == len(ds) {
				var merged Counts
				merged, err = t.followMerged(ctx)
				c = c.plus(merged)
			}
			return err
		})
		if err != nil {
			return sum, err
		}
		sum, ds = sum.plus(c), ds[n:]
	}
	return sum, nil
}

// SealBatch does the part of an import that needs no database: digests and
// encryption. It may run on all cores at once. It returns ErrDepositor.
func (db Roster) SealBatch(ds []Depositor) (*Batch, error) {
	b := &Batch{rows: make([]*importRow, len(ds))}
	rows, seen := make([]importRow, len(ds)), make(map[uuid.UUID]int, len(ds))
	for i, d := range ds {
		row, err := db.sealDepositor(d)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if first, twice := seen[row.accountID]; twice {
			return nil, fmt.Errorf("%w: entries %d and %d have the same account number", ErrDepositor, first, i)
		}
		seen[row.accountID], row.position = i, i
		rows[i] = row
		b.rows[i] = &rows[i]
	}
	slices.SortFunc(b.rows, sortRows)
	return b, nil
}

func (d Depositor) check() error {
	switch {
	case d.Person.AccountNo == "":
		return errors.New("no account number")
	case len(d.DocumentKey) == 0:
		return errors.New("no document key")
	case len(d.Status) != 2:
		return errors.New("status must have two characters")
	case (d.InitialRule == "") == (d.Hash == ""):
		return errors.New("either an initial rule or a hash is needed")
	}
	return nil
}

func (db Roster) sealDepositor(d Depositor) (importRow, error) {
	r, plain, err := db.digestDepositor(d)
	if err != nil {
		return r, err
	}
	if d.Person.Phone != "" {
		r.phone = db.phoneDigest(d.Person.Phone)
	}
	r.sealed, err = db.cipher.Seal(plain, db.rowContext("accounts", r.accountID[:]))
	return r, err
}

// digestDepositor makes the digests by which a row is found and compared. It also
// returns the personal data as seal encodes them. It returns ErrDepositor.
func (db Roster) digestDepositor(d Depositor) (r importRow, plain []byte, err error) {
	if err := d.check(); err != nil {
		return r, nil, fmt.Errorf("%w: %w", ErrDepositor, err)
	}
	r = importRow{status: d.Status, state: d.state(), initialRule: d.InitialRule, hash: d.Hash}
	r.accountNo = db.accountNoDigest(d.Person.AccountNo)
	r.accountID = importedID(r.accountNo)
	r.person = db.PersonDigest(d.DocumentKey)
	r.sibling = siblingOf(r.person, d.Person.AccountNo)
	plain, err = json.Marshal(d.Person)
	r.rowDigest = db.rowDigest(r, plain, d.Person.Phone != "")
	return r, plain, err
}

func (d Depositor) state() string {
	switch {
	case d.MustChange:
		return PasswordMustChange
	case d.Hash != "":
		return PasswordSet
	}
	return PasswordInitial
}

// importedID derives an account's id from its number's digest, so that its
// columns can be sealed before the database was asked whether the account
// exists, and two imports at once agree. It is a UUID of version 8 (RFC 9562).
func importedID(accountNoDigest []byte) uuid.UUID {
	id := uuid.UUID(accountNoDigest[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// HasAccounts returns for each account number whether the account was imported, in
// which case its password need not be hashed. An account may appear right after.
func (db Roster) HasAccounts(ctx context.Context, accountNos []string) ([]bool, error) {
	ids := make([]uuid.UUID, len(accountNos))
	for i, no := range accountNos {
		ids[i] = importedID(db.accountNoDigest(no))
	}
	var held map[uuid.UUID]bool
	err := db.read(ctx, func(q sqlx.QueryerContext) (err error) {
		held, err = db.heldAmong(ctx, q, ids)
		return err
	})
	has := make([]bool, len(ids))
	for i, id := range ids {
		has[i] = held[id]
	}
	return has, err
}

// heldAmong returns those of the accounts that are in the database. Each is looked up by
// itself (LATERAL, OFFSET 0): an array of thousands would be compared with every row of the
// centre.
func (db Roster) heldAmong(ctx context.Context, q sqlx.QueryerContext, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var found []uuid.UUID
	err := sqlx.SelectContext(ctx, q, &found, `
		SELECT a.account_id FROM unnest($2::uuid[]) AS n (id) CROSS JOIN LATERAL (
			SELECT account_id FROM accounts WHERE center_id = $1 AND account_id = n.id OFFSET 0) a`, db.center, uuids(ids))
	held := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		held[id] = true
	}
	return held, err
}
