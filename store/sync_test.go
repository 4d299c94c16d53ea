package store_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// compareFile compares depositors as the lines 2, 3, ... of a file.
func compareFile(t *testing.T, db *store.DB, ds []store.Depositor) (store.Plan, []store.Difference) {
	t.Helper()
	var differences []store.Difference
	p, err := db.Roster().Compare(t.Context(), store.Comparison{
		Lines: func(put func(store.Listed) error) error {
			for i, d := range ds {
				l, err := db.Roster().List(int64(i+2), d)
				if err := errors.Join(err, put(l)); err != nil {
					return err
				}
			}
			return nil
		},
		Changed: func(d store.Difference) error { differences = append(differences, d); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, differences
}

func TestCompare(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	importAll(t, db, depositors(0, 6)...)
	linkedSession(t, db, "somebody", importedAccount(t, db, depositor(5)))
	before := rowsOnDisk(t, db)
	line := int64(7)
	file := []store.Depositor{
		depositor(0), depositor(1, renamed), depositor(2, hashed, weak), depositor(9), depositor(3, suspended),
		depositor(3, renamed), depositor(4, func(d *store.Depositor) { d.Status = store.StatusMerged }),
	}
	plan, got := compareFile(t, db, file)
	want := []store.Difference{
		{Line: 3},
		{Line: 5, IsNew: true},
		{Line: 6, Later: &line},
		{Line: 7},
		{Line: 8},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if want := (store.Plan{Links: 1, Missing: 1, MissingLinked: 1}); plan != want {
		t.Errorf("got %+v", plan)
	}
	if d := cmp.Diff(before, rowsOnDisk(t, db)); d != "" {
		t.Error(d)
	}
	if tables := column(t, db, `SELECT relname::text FROM pg_class WHERE relname LIKE 'sync%'`); len(tables) > 0 {
		t.Errorf("left behind: %v", tables)
	}
}

// An error on either side of a comparison ends it, and the connection goes on.
func TestCompareFails(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.WithMaxConns(2))
	stop := errors.New("stop")
	none := func(store.Difference) error { return nil }
	for range 5 {
		_, err := db.Roster().Compare(t.Context(), store.Comparison{Changed: none, Lines: func(put func(store.Listed) error) error {
			l, err := db.Roster().List(2, depositor(1))
			return errors.Join(err, put(l), stop)
		}})
		if !errors.Is(err, stop) {
			t.Fatalf("got %v", err)
		}
		_, err = db.Roster().Compare(t.Context(), store.Comparison{Changed: func(store.Difference) error { return stop }, Lines: func(put func(store.Listed) error) error {
			l, err := db.Roster().List(2, depositor(1))
			return errors.Join(err, put(l))
		}})
		if !errors.Is(err, stop) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := db.Roster().List(2, store.Depositor{}); !errors.Is(err, store.ErrDepositor) {
		t.Errorf("got %v", err)
	}
	if p, _ := compareFile(t, db, nil); p != (store.Plan{}) {
		t.Errorf("got %+v", p)
	}
}

// A nightly is a small centre that lives through many nights.
type nightly struct {
	t        *testing.T
	db       *store.DB
	rng      *rand.Rand
	accounts map[int]store.Depositor
	visits   int
}

// person makes the depositor one of seven people.
func (n *nightly) person(d *store.Depositor) {
	d.Person.IDNumber = fmt.Sprintf("E%08d", n.rng.IntN(7))
	d.DocumentKey = []byte("03:" + d.Person.IDNumber)
}

// file is what the centre sends for the night: some accounts, some changed, some new.
func (n *nightly) file() (ds []store.Depositor) {
	for i := range 25 {
		d, there := n.accounts[i]
		if !there {
			d = depositor(i, n.person)
		}
		if !there && n.rng.IntN(4) > 0 || n.rng.IntN(5) == 0 {
			continue
		}
		switch n.rng.IntN(6) {
		case 0, 1:
			d.Status = lifeStatuses[n.rng.IntN(len(lifeStatuses))]
		case 2:
			d.Person.Name = fmt.Sprint("测试", n.rng.IntN(9))
		case 3:
			if n.rng.IntN(4) == 0 {
				n.person(&d)
			}
		}
		n.accounts[i] = d
		ds = append(ds, d)
	}
	return ds
}

// visit has some citizens link and open changes.
func (n *nightly) visit() {
	for range 6 {
		d, there := n.accounts[n.rng.IntN(25)]
		if !there || (store.Account{Status: d.Status}).Ended() {
			continue
		}
		n.visits++
		who := fmt.Sprint("citizen ", n.visits)
		s, err := n.db.OpenSession(n.t.Context(), store.ChannelAlipay, []byte(who), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: who}})
		if err != nil {
			n.t.Fatal(err)
		}
		a := importedAccount(n.t, n.db, d)
		if err := n.db.AddLink(n.t.Context(), s, a, nil); errors.Is(err, store.ErrConflict) {
			continue
		} else if err != nil {
			n.t.Fatal(err)
		}
		if s, err = n.db.Session(n.t.Context(), s.TokenDigest); err != nil {
			n.t.Fatal(err)
		}
		if _, err := n.db.OpenChange(n.t.Context(), s, a, []byte("print")); err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrBlocked) {
			n.t.Fatal(err)
		}
	}
}

// take imports the differences so that links of merged accounts follow last: open
// accounts, ended ones, merged ones.
func (n *nightly) take(ds []store.Depositor, differences []store.Difference) (sum store.Counts) {
	steps := map[int][]store.Depositor{}
	for _, d := range differences {
		step, line := 0, ds[d.Line-2]
		if (store.Account{Status: line.Status}).Ended() {
			step = 1
		}
		if line.Status == store.StatusMerged {
			step = 2
		}
		steps[step] = append(steps[step], line)
	}
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		c := importAll(n.t, n.db, steps[step]...)
		sum.Added, sum.Updated = sum.Added+c.Added, sum.Updated+c.Updated
		sum.LinksMoved, sum.LinksEnded, sum.ChangesCancelled = sum.LinksMoved+c.LinksMoved, sum.LinksEnded+c.LinksEnded, sum.ChangesCancelled+c.ChangesCancelled
	}
	return sum
}

// TestNights has a small centre live through many nights of random files: what
// is foreseen is what happens, and after each every link is at an open account of
// whoever proved it.
func TestNights(t *testing.T) {
	t.Parallel()
	n := &nightly{t: t, db: storetest.New(t), rng: rand.New(rand.NewPCG(1, 2)), accounts: map[int]store.Depositor{}}
	var all store.Counts
	enough := func() bool { return all.LinksMoved >= 5 && all.LinksEnded >= 20 && all.ChangesCancelled >= 20 }
	for night := 0; night < testenv.Rounds(25, 80) || !enough() && night < 200; night++ {
		n.visit()
		ds := n.file()
		plan, differences := compareFile(t, n.db, ds)
		want := store.Counts{LinksMoved: plan.LinksMoved, LinksEnded: plan.LinksEnded, ChangesCancelled: plan.ChangesCancelled}
		for _, d := range differences {
			if d.IsNew {
				want.Added++
			} else {
				want.Updated++
			}
		}
		got := n.take(ds, differences)
		if got != want {
			t.Fatalf("night %d: %+v, foreseen was %+v", night, got, want)
		}
		all.LinksMoved, all.LinksEnded, all.ChangesCancelled = all.LinksMoved+got.LinksMoved, all.LinksEnded+got.LinksEnded, all.ChangesCancelled+got.ChangesCancelled
		checkLinks(t, n.db)
		if again, left := compareFile(t, n.db, ds); len(left) > 0 || again.LinksMoved+again.LinksEnded+again.ChangesCancelled > 0 {
			t.Fatalf("night %d: left over: %+v, %+v", night, left, again)
		}
	}
	if !enough() {
		t.Errorf("not much was tried: %+v", all)
	}
	notices := map[string]int64{}
	for _, kind := range column(t, n.db, `SELECT kind FROM outbox WHERE kind <> 'linked'`) {
		notices[kind]++
	}
	if d := cmp.Diff(map[string]int64{store.NoticeLinkMoved: all.LinksMoved, store.NoticeLinkEnded: all.LinksEnded}, notices); d != "" {
		t.Error(d)
	}
}

// checkLinks: every link is at an account that is not ended, of the person who
// proved it, and no change is open where there is no link or the account is frozen.
func checkLinks(t *testing.T, db *store.DB) {
	t.Helper()
	wrong := column(t, db, `
		SELECT concat('link at ', a.account_id, ' in ', a.status) FROM links l JOIN accounts a USING (center_id, account_id)
		WHERE a.status IN ('03', '04', '05') OR a.person_digest <> l.person_digest
		UNION ALL
		SELECT concat('change of ', c.account_id) FROM changes c
		JOIN accounts a USING (center_id, account_id)
		LEFT JOIN links l USING (center_id, identity_digest, account_id)
		WHERE c.state = 'open' AND (l.account_id IS NULL OR a.status = '06')`)
	if len(wrong) > 0 {
		t.Fatalf("%q", wrong)
	}
}
