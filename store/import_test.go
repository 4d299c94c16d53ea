package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// depositor is a made-up account with an initial password.
func depositor(n int, change ...func(*store.Depositor)) store.Depositor {
	d := store.Depositor{
		Person: store.Person{
			Name: "测试甲", IDType: "03", IDNumber: fmt.Sprintf("E%08d", n),
			Phone: fmt.Sprintf("142%08d", n), AccountNo: fmt.Sprintf("88%010d", n), EmployerNo: "9900001",
		},
		Status: store.StatusNormal, InitialRule: "id-last6",
	}
	d.DocumentKey = []byte("03:" + d.Person.IDNumber)
	for _, f := range change {
		f(&d)
	}
	return d
}

func depositors(from, n int) []store.Depositor {
	ds := make([]store.Depositor, n)
	for i := range ds {
		ds[i] = depositor(from + i)
	}
	return ds
}

func renamed(d *store.Depositor)   { d.Person.Name = "测试乙" }
func suspended(d *store.Depositor) { d.Status = store.StatusSealed }
func moved(d *store.Depositor) {
	d.Person.IDNumber = "E99999999"
	d.DocumentKey = []byte("03:E99999999")
}
func hashed(d *store.Depositor) { d.InitialRule, d.Hash = "", "$argon2id$made-up" }
func weak(d *store.Depositor)   { d.MustChange = true }

// importedAccount is the account as somebody who presents its document finds it.
func importedAccount(t testing.TB, db *store.DB, d store.Depositor) store.Account {
	t.Helper()
	a, err := db.ReserveAttempt(t.Context(), store.AttemptRequest{
		PersonDigest: db.PersonDigest(d.DocumentKey), Scope: store.PublicScope, AccountNo: d.Person.AccountNo, Policy: tiers,
	})
	if err != nil {
		t.Fatal(err)
	}
	if a.Account == nil {
		t.Fatal("account not found")
	}
	return *a.Account
}

func importAll(t testing.TB, db *store.DB, ds ...store.Depositor) store.Counts {
	t.Helper()
	c, err := db.Roster().ImportDepositors(t.Context(), ds)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rowsOnDisk is the accounts table down to where its rows stand: a row that was
// written or locked shows.
func rowsOnDisk(t *testing.T, db *store.DB) []string {
	t.Helper()
	var rows []string
	err := storetest.ProbeOf(db).Select(&rows, `SELECT concat(ctid, ' ', xmin, ' ', xmax, ' ', account_id) FROM accounts ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestImport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before []func(*store.Depositor)
		now    []func(*store.Depositor)
		want   store.Counts
		state  string
	}{
		{"new", nil, nil, store.Counts{Unchanged: 1}, store.PasswordInitial},
		{"new with hash", []func(*store.Depositor){hashed}, []func(*store.Depositor){hashed}, store.Counts{Unchanged: 1}, store.PasswordSet},
		{"new and weak", []func(*store.Depositor){hashed, weak}, []func(*store.Depositor){hashed, weak}, store.Counts{Unchanged: 1}, store.PasswordMustChange},
		{"weak rule", []func(*store.Depositor){weak}, nil, store.Counts{Unchanged: 1}, store.PasswordMustChange},
		{"renamed", nil, []func(*store.Depositor){renamed}, store.Counts{Updated: 1}, store.PasswordInitial},
		{"suspended", nil, []func(*store.Depositor){suspended}, store.Counts{Updated: 1}, store.PasswordInitial},
		{"other document", nil, []func(*store.Depositor){moved}, store.Counts{Updated: 1}, store.PasswordInitial},
		{"other password", nil, []func(*store.Depositor){hashed}, store.Counts{Unchanged: 1}, store.PasswordInitial},
		{"password back to initial", []func(*store.Depositor){hashed}, nil, store.Counts{Unchanged: 1}, store.PasswordSet},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			first, again := depositor(1, tt.before...), depositor(1, tt.now...)
			if c := importAll(t, db, first); c != (store.Counts{Added: 1}) {
				t.Errorf("first import: %+v", c)
			}
			if c := importAll(t, db, again); c != tt.want {
				t.Errorf("second import: %+v, want %+v", c, tt.want)
			}
			got := importedAccount(t, db, again)
			if d := cmp.Diff(again.Person, got.Person); d != "" {
				t.Error(d)
			}
			if got.Status != again.Status || got.State != tt.state || got.Version != 1 {
				t.Errorf("got status %s, state %s, version %d", got.Status, got.State, got.Version)
			}
			if got.InitialRule != first.InitialRule || got.Hash != first.Hash {
				t.Errorf("the first password did not stay: %+v", got)
			}
		})
	}
}

// An account whose citizen chose a password keeps it, whatever is imported.
func TestImportKeepsCitizensPassword(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1))
	_, err := storetest.ProbeOf(db).Exec(`UPDATE password_credentials SET version = 7, state = 'set', initial_rule = NULL, hash = 'theirs'`)
	if err != nil {
		t.Fatal(err)
	}
	importAll(t, db, depositor(1, renamed, hashed, weak))
	got := importedAccount(t, db, depositor(1))
	if got.Hash != "theirs" || got.State != store.PasswordSet || got.Version != 7 || got.Person.Name != "测试乙" {
		t.Errorf("got %s %s %d", got.Hash, got.State, got.Version)
	}
}

// A link was proven with a document. When the account's holder has another one,
// the link ends and the record says so; any other change leaves it.
func TestImportEndsLinkOfOtherPerson(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1))
	token := []byte("the digest of a token")
	visitor := store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "somebody"}}
	session, err := db.OpenSession(t.Context(), store.ChannelAlipay, token, visitor)
	if err != nil {
		t.Fatal(err)
	}
	account := importedAccount(t, db, depositor(1))
	if err := db.AddLink(t.Context(), session, account, nil); err != nil {
		t.Fatal(err)
	}
	linked := func() bool {
		s, err := db.Session(t.Context(), token)
		if err != nil && !errors.Is(err, store.ErrNotFound) { // it ends with the link
			t.Fatal(err)
		}
		return s.Link != nil
	}
	importAll(t, db, depositor(1, renamed, suspended))
	if !linked() {
		t.Fatal("a new name ended the link")
	}
	importAll(t, db, depositor(1, moved))
	if linked() {
		t.Error("the link of the former holder stayed")
	}
	events, err := db.Events(t.Context(), account.ID, 1)
	if err != nil || len(events) != 1 || events[0].Kind != store.EventLinkEnded || events[0].Channel != store.ChannelCentre {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestImportSeveralBatches(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ds := depositors(0, store.ImportBatch+7)
	if c := importAll(t, db, ds...); c != (store.Counts{Added: store.ImportBatch + 7}) {
		t.Errorf("first: %+v", c)
	}
	renamed(&ds[3])
	suspended(&ds[store.ImportBatch+1])
	if c := importAll(t, db, append(ds, depositor(1e6))...); c != (store.Counts{Added: 1, Updated: 2, Unchanged: store.ImportBatch + 5}) {
		t.Errorf("second: %+v", c)
	}
}

func TestImportUnchangedWritesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ds := depositors(0, 300)
	importAll(t, db, ds...)
	before := rowsOnDisk(t, db)
	importAll(t, db, ds...)
	if d := cmp.Diff(before, rowsOnDisk(t, db)); d != "" {
		t.Error(d)
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	tests := []struct {
		name   string
		change func(*store.Depositor)
	}{
		{"no account number", func(d *store.Depositor) { d.Person.AccountNo = "" }},
		{"no document key", func(d *store.Depositor) { d.DocumentKey = nil }},
		{"no status", func(d *store.Depositor) { d.Status = "" }},
		{"long status", func(d *store.Depositor) { d.Status = "001" }},
		{"no password", func(d *store.Depositor) { d.InitialRule = "" }},
		{"two passwords", func(d *store.Depositor) { d.Hash = "x" }},
		{"twice", func(d *store.Depositor) { d.Person.AccountNo = depositor(0).Person.AccountNo }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := db.Roster().ImportDepositors(t.Context(), []store.Depositor{depositor(0), depositor(1, tt.change)})
			if !errors.Is(err, store.ErrDepositor) {
				t.Fatalf("got %v", err)
			}
			for _, secret := range []string{"E00000001", "测试甲", "880000000001", "880000000000", "14200000001"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error tells %s: %v", secret, err)
				}
			}
		})
	}
	if n := len(rowsOnDisk(t, db)); n != 0 {
		t.Errorf("%d rows of refused batches", n)
	}
}

// Nothing personal stands readable in any column an import writes.
func TestImportSealsEverything(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	var row string
	if err := storetest.ProbeOf(db).Get(&row, `SELECT concat(a, c, encode(a.sealed, 'escape')) FROM accounts a JOIN password_credentials c USING (center_id, account_id)`); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{d.Person.Name, d.Person.IDNumber, d.Person.Phone, d.Person.AccountNo, d.Person.EmployerNo} {
		if strings.Contains(row, secret) {
			t.Errorf("%s stands readable", secret)
		}
	}
}

func TestHasAccounts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositors(5, 3)...)
	var numbers []string
	for _, d := range depositors(4, 5) {
		numbers = append(numbers, d.Person.AccountNo)
	}
	got, err := db.Roster().HasAccounts(t.Context(), numbers)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]bool{false, true, true, true, false}, got); d != "" {
		t.Error(d)
	}
}

// Two that import overlapping people in opposite order do not block each other
// for good and do not count anybody twice.
func TestImportsCross(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	ds := depositors(0, testenv.Rounds(600, 2000))
	back := make([]store.Depositor, len(ds))
	for i, d := range ds {
		back[len(ds)-1-i] = d
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var added int64
	for _, order := range [][]store.Depositor{ds, back, ds, back} {
		db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
		wg.Go(func() {
			for len(order) > 0 {
				c, err := db.Roster().ImportDepositors(context.Background(), order[:100])
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				added += c.Added
				mu.Unlock()
				order = order[100:]
			}
		})
	}
	wg.Wait()
	if added != int64(len(ds)) {
		t.Errorf("%d added, want %d", added, len(ds))
	}
}
