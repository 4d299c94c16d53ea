package store_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Of several open accounts a link moves to the one that attempts use: the first by status,
// then by id. It never moves to an ended account or another person's.
func TestMergeChoosesAccount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		statuses []string // of the person's other accounts
		want     string   // "" if there is none
	}{
		{"normal before sealed", []string{"02", "01", "06"}, "01"},
		{"oldest of two", []string{"02", "02", "06"}, "02"},
		{"frozen is open", []string{"05", "06", "03"}, "06"},
		{"unknown is open", []string{"99", "04"}, "99"},
		{"all ended", []string{"03", "04", "05"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			ds := []store.Depositor{depositor(1)}
			for i, status := range tt.statuses {
				ds = append(ds, secondAccount(ds[0], 10+i, status))
			}
			importAll(t, db, append(ds, depositor(2))...)
			s := linkedSession(t, db, "somebody", importedAccount(t, db, ds[0]))
			var want uuid.UUID
			for _, d := range ds[1:] {
				id := importedAccount(t, db, d).ID
				if d.Status == tt.want && (want == uuid.Nil || bytes.Compare(id[:], want[:]) < 0) {
					want = id
				}
			}
			ds[0].Status = store.StatusMerged
			importAll(t, db, ds[0])
			now, err := db.Session(t.Context(), s.TokenDigest)
			switch {
			case tt.want == "" && !errors.Is(err, store.ErrNotFound):
				t.Errorf("session not ended: %+v, %v", now, err)
			case tt.want != "" && (err != nil || now.Link == nil || now.Link.AccountID != want || now.Link.Password.Account != tt.want):
				t.Errorf("got %+v, %v", now.Link, err)
			}
		})
	}
}

// A moved link uses the password of its new account, and the owner can change it.
func TestMergeKeepsPasswords(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	old, other := depositor(1, hashed), secondAccount(depositor(1), 2, store.StatusNormal)
	importAll(t, db, old, other)
	s := linkedSession(t, db, "somebody", importedAccount(t, db, old))
	old.Status = store.StatusMerged
	importAll(t, db, old)
	s, err := db.Session(t.Context(), s.TokenDigest)
	if err != nil || s.Link == nil || s.Link.Password.State != store.PasswordInitial {
		t.Fatalf("got %+v, %v", s.Link, err)
	}
	a, err := db.LinkedAccount(t.Context(), s.Link.AccountID)
	if err != nil || a.InitialRule != "account-last6" || a.Hash != "" {
		t.Fatalf("got %+v, %v", a, err)
	}
	c, err := db.OpenChange(t.Context(), s, a, []byte("old print"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "theirs", Fingerprint: []byte("new print")}); err != nil {
		t.Fatal(err)
	}
	if a := importedAccount(t, db, old); a.Hash != depositor(1, hashed).Hash || a.Version != 1 {
		t.Errorf("password of the merged account: %+v", a)
	}
}

// A new name, phone or employer, and a document number that grew from 15 to 18 digits, do
// not make another person, because the document's key stays.
func TestLinkStaysWithPerson(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	l := lifecycleCase{d: d, who: "somebody", want: lifecycleOutcomes["stays"]}
	l.link(t, db)
	for _, change := range []func(*store.Person){
		func(p *store.Person) { p.Name = "测试丙" },
		func(p *store.Person) { p.Phone = "14200000099" },
		func(p *store.Person) { p.EmployerNo = "9900009" },
		func(p *store.Person) { p.IDNumber = "19" + p.IDNumber },
	} {
		change(&d.Person)
		if c := importAll(t, db, d); c != (store.Counts{Updated: 1}) {
			t.Errorf("got %+v", c)
		}
		if got := l.observe(t, db); got != l.want {
			t.Errorf("got %s", got)
		}
	}
}

// A user linked to an account that belongs to another person now is notified, and
// everything open for the account is closed, even if the person has another account.
func TestOtherPersonEndsEverything(t *testing.T) {
	t.Parallel()
	for _, status := range []string{store.StatusNormal, store.StatusFrozen, store.StatusMerged} {
		db := storetest.New(t)
		l := lifecycleCase{name: status, d: depositor(1), other: secondAccount(depositor(1), 2, store.StatusNormal), who: "somebody", want: lifecycleOutcomes["ends"]}
		importAll(t, db, l.d, l.other)
		l.link(t, db)
		moved(&l.d)
		l.d.Status = status
		if c := importAll(t, db, l.d); c != (store.Counts{Updated: 1, LinksEnded: 1, ChangesCancelled: 1}) {
			t.Errorf("%s: %+v", status, c)
		}
		if got := l.observe(t, db); got != l.want {
			t.Errorf("%s: %s", status, got)
		}
	}
}

// AddLink refuses an account that ended or was given to another person after it was proven.
func TestAddLinkAfterEnd(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for i, status := range []string{"02", "06", "03", "04", "05"} {
		d := depositor(i)
		importAll(t, db, d)
		proven := importedAccount(t, db, d)
		d.Status = status
		importAll(t, db, d)
		var want error
		if status > "02" && status < "06" {
			want = store.ErrBlocked
		}
		s, err := db.OpenSession(t.Context(), store.ChannelAlipay, []byte("token "+status), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: status}})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.AddLink(t.Context(), s, proven, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", status, err)
		}
		moved(&d)
		importAll(t, db, d)
		if err := db.AddLink(t.Context(), s, proven, nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("other person: %v", err)
		}
	}
}

// A row and its effects on links are one transaction.
func TestLifecycleAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{
		`ALTER TABLE outbox ADD CONSTRAINT never CHECK (NOT starts_with(kind, 'link_'))`,
		`ALTER TABLE events ADD CONSTRAINT never CHECK (channel <> 'centre')`,
	} {
		dsn := storetest.DSN(t)
		db := storetest.Open(t, dsn)
		l := lifecycleCase{d: depositor(1), who: "somebody", want: lifecycleOutcomes["stays"]}
		importAll(t, db, l.d)
		l.link(t, db)
		before := rowsOnDisk(t, db)
		if _, err := storetest.Probe(t, storetest.Coordinator(t, dsn)).Exec(broken); err != nil {
			t.Fatal(err)
		}
		l.d.Status = store.StatusClosed
		if _, err := db.Roster().ImportDepositors(t.Context(), []store.Depositor{l.d}); err == nil {
			t.Fatal("no error")
		}
		if got := l.observe(t, db); got != l.want {
			t.Errorf("%s: %s", broken, got)
		}
		if a := importedAccount(t, db, l.d); a.Status != store.StatusNormal || len(rowsOnDisk(t, db)) != len(before) {
			t.Errorf("%s: status is %s", broken, a.Status)
		}
	}
}

// Links left on ended accounts are ended when the same file is imported again, with one
// statement a kind.
func TestSettlesOldLinks(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	ds := depositors(0, 30)
	importAll(t, db, ds...)
	for i := range ds {
		linkedSession(t, db, ds[i].Person.AccountNo, importedAccount(t, db, ds[i]))
		ds[i].Status = store.StatusClosed
	}
	links := `CREATE TABLE old_links AS SELECT * FROM links; DELETE FROM links`
	if _, err := storetest.ProbeOf(db).Exec(links); err != nil {
		t.Fatal(err)
	}
	importAll(t, db, ds...)
	if _, err := storetest.ProbeOf(db).Exec(`INSERT INTO links SELECT * FROM old_links`); err != nil {
		t.Fatal(err)
	}
	plan, differences := compareFile(t, db, ds)
	if plan.LinksEnded != 30 || len(differences) != 30 || !differences[0].Same || differences[0].IsNew {
		t.Errorf("got %+v, %+v", plan, differences)
	}
	if c := importAll(t, db, ds...); c != (store.Counts{Unchanged: 30, LinksEnded: 30}) {
		t.Errorf("got %+v", c)
	}
	kinds := slices.Compact(column(t, db, `SELECT kind FROM outbox WHERE kind <> 'linked'`))
	if n := len(column(t, db, `SELECT kind FROM events WHERE channel = 'centre'`)); n != 30 || !slices.Equal(kinds, []string{"link_ended"}) {
		t.Errorf("%d events, notices %v", n, kinds)
	}
}

// An expired change is not cancelled.
func TestExpiredChangeStays(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	d := depositor(1)
	importAll(t, db, d)
	a := importedAccount(t, db, d)
	s := linkedSession(t, db, "somebody", a)
	if _, err := db.OpenChange(t.Context(), s, a, []byte("print")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(store.ChangeLife)
	d.Status = store.StatusFrozen
	if plan, _ := compareFile(t, db, []store.Depositor{d}); plan.ChangesCancelled != 0 {
		t.Errorf("got %+v", plan)
	}
	if c := importAll(t, db, d); c != (store.Counts{Updated: 1}) {
		t.Errorf("got %+v", c)
	}
}

// An open reset is cancelled like a change; a finished one stays.
func TestLifecycleOfResets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status, state string
		other         bool // the account becomes another person's
	}{
		{store.StatusSealed, store.ResetPassed, false}, {store.StatusFrozen, store.ResetCancelled, false},
		{store.StatusMerged, store.ResetCancelled, false}, {store.StatusClosed, store.ResetCancelled, false},
		{store.StatusNormal, store.ResetCancelled, true},
	} {
		db := storetest.New(t)
		d, other := depositor(1), secondAccount(depositor(1), 2, store.StatusNormal)
		importAll(t, db, d, other)
		a := importedAccount(t, db, d)
		s := linkedSession(t, db, "somebody", a)
		r, err := db.OpenReset(t.Context(), s, a, store.Reset{ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: "certify"})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.PassReset(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		if d.Status = tt.status; tt.other {
			moved(&d)
		}
		plan, _ := compareFile(t, db, []store.Depositor{d})
		c := importAll(t, db, d)
		if want := int64(map[string]int{store.ResetCancelled: 1}[tt.state]); c.ChangesCancelled != want || plan.ChangesCancelled != want {
			t.Errorf("%s: cancelled %d, foreseen %d, want %d", tt.status, c.ChangesCancelled, plan.ChangesCancelled, want)
		}
		if got := column(t, db, `SELECT state FROM resets`); !slices.Equal(got, []string{tt.state}) {
			t.Errorf("%s: %v", tt.status, got)
		}
		_, err = db.FinishReset(t.Context(), s, r.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new print")})
		if (err == nil) != (tt.state == store.ResetPassed) {
			t.Errorf("%s: finished: %v", tt.status, err)
		}
	}
}

// OpenChange refuses an account that the centre froze, even if the password was proven
// before.
func TestFrozenOpensNoChange(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := depositor(1)
	importAll(t, db, d)
	proven := importedAccount(t, db, d)
	s := linkedSession(t, db, "somebody", proven)
	d.Status = store.StatusFrozen
	importAll(t, db, d)
	if _, err := db.OpenChange(t.Context(), s, proven, []byte("print")); !errors.Is(err, store.ErrBlocked) {
		t.Errorf("got %v", err)
	}
}
