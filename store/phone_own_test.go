package store_test

import (
	"encoding/json"
	"strings"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A phone identifies its holder while no other person of the centre has it on file,
// whatever the status of the account.
func TestOwnPhone(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	db := storetest.Open(t, dsn)
	family := func(d *store.Depositor) { d.Person.Phone = "14200009999" }
	closed := func(d *store.Depositor) { d.Status = store.StatusClosed }
	parent, child, alone, none := depositor(1, family), depositor(2, family, closed), depositor(3), depositor(4, func(d *store.Depositor) { d.Person.Phone = "" })
	second := depositor(5, func(d *store.Depositor) { d.Person.Phone = alone.Person.Phone })
	second.Person.IDNumber, second.DocumentKey = alone.Person.IDNumber, alone.DocumentKey
	importAll(t, db, parent, child, alone, second, none)
	for name, tt := range map[string]struct {
		d   store.Depositor
		own bool
	}{"parent": {parent, false}, "child": {child, false}, "alone": {alone, true}, "second": {second, true}, "none": {none, false}} {
		if got := importedAccount(t, db, tt.d).OwnPhone; got != tt.own {
			t.Errorf("%s: own %v", name, got)
		}
	}
	child.Person.Phone = "14200008888"
	importAll(t, db, child)
	if !importedAccount(t, db, parent).OwnPhone || !importedAccount(t, db, child).OwnPhone {
		t.Error("not own after the child got another number")
	}
	none.Person.Phone = parent.Person.Phone
	importAll(t, db, none)
	if importedAccount(t, db, parent).OwnPhone {
		t.Error("own although a new person has the number")
	}
	none.Person.Phone = ""
	importAll(t, db, none)
	if !importedAccount(t, db, parent).OwnPhone {
		t.Error("not own although the other person has no number now")
	}
	if got := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM accounts WHERE position(convert_to('14200009999', 'UTF8') IN phone_digest) > 0 OR length(phone_digest) < 16`)[0]; got != "0" {
		t.Error("phone is readable in its digest")
	}
}

// An account without a phone digest proves nobody by phone. The next import sets its digest
// and writes nothing else.
func TestPhoneDigestsOfOldAccounts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	with, without := depositor(1), depositor(2, func(d *store.Depositor) { d.Person.Phone = "" })
	importAll(t, db, with, without)
	for _, d := range []store.Depositor{with, without} {
		a := importedAccount(t, db, d)
		plain, err := json.Marshal(d.Person)
		noError(t, err)
		before := db.Digest("imported row", a.ID[:], a.PersonDigest, []byte(d.Status), plain)
		storetest.ProbeOf(db).MustExec(`UPDATE accounts SET phone_digest = NULL, row_digest = $2 WHERE account_id = $1`, a.ID, before)
	}
	if importedAccount(t, db, with).OwnPhone {
		t.Error("own without a digest")
	}
	for i, want := range []store.Counts{{Updated: 1, Unchanged: 1}, {Unchanged: 2}} {
		if got := importAll(t, db, with, without); got != want {
			t.Errorf("file %d: %+v, want %+v", i+1, got, want)
		}
	}
	if !importedAccount(t, db, with).OwnPhone {
		t.Error("digest not set by the import")
	}
}

// The query of ownPhone uses an index, however many accounts have one number, such as a
// made-up one.
func TestOwnPhonePlan(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	storetest.ProbeOf(db).MustExec(`INSERT INTO accounts (center_id, account_id, account_no_digest, person_digest, phone_digest, status, sealed, row_digest, updated_at)
		SELECT $1, gen_random_uuid(), n::text::bytea, n::text::bytea, CASE WHEN n % 2 = 0 THEN 'made up'::bytea ELSE sha256(n::text::bytea) END, '01', 'x', 'x', now()
		FROM generate_series(1, 20000) n`, storetest.Center)
	storetest.ProbeOf(db).MustExec(`ANALYZE`)
	for _, person := range []string{"2", "3"} {
		plan := strings.Join(list(t, storetest.ProbeOf(db), `EXPLAIN SELECT a.account_id, `+store.OwnPhone+`
			FROM accounts a WHERE a.center_id = $1 AND a.person_digest = $2`, storetest.Center, []byte(person)), "\n")
		if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "accounts_phone") {
			t.Errorf("person %s:\n%s", person, plan)
		}
	}
}
