package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// TestChooseAccountRaces runs ChooseAccount concurrently with other changes of the link and
// the accounts, over two handles. Afterwards the link points to an open account of the
// person, or there is none.
func TestChooseAccountRaces(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	ctx := t.Context()
	rivals := []func(s store.Session, first, second store.Depositor, a store.Account) error{
		func(s store.Session, first, _ store.Depositor, _ store.Account) error { // merged into the chosen account
			first.Status = store.StatusMerged
			_, err := two.Roster().ImportDepositors(ctx, []store.Depositor{first})
			return err
		},
		func(s store.Session, _, second store.Depositor, _ store.Account) error {
			second.Status = store.StatusClosed
			_, err := two.Roster().ImportDepositors(ctx, []store.Depositor{second})
			return err
		},
		func(s store.Session, _, second store.Depositor, _ store.Account) error {
			second.DocumentKey = append([]byte("another "), second.DocumentKey...)
			_, err := two.Roster().ImportDepositors(ctx, []store.Depositor{second})
			return err
		},
		func(s store.Session, _, _ store.Depositor, _ store.Account) error { return two.RemoveLink(ctx, s) },
		func(s store.Session, _, _ store.Depositor, _ store.Account) error { return two.Freeze(ctx, s) },
		func(s store.Session, _, _ store.Depositor, a store.Account) error {
			_, err := two.OpenChange(ctx, s, a, []byte("old print"))
			return err
		},
	}
	for n := range testenv.Rounds(6, 20) * len(rivals) {
		first := depositor(2 * n)
		second := secondAccount(first, 2*n+1, store.StatusSealed)
		importAll(t, one, first, second)
		from, to := importedAccount(t, one, first), importedAccount(t, one, second)
		s := linkedSession(t, one, fmt.Sprint("chooser ", n), from)
		var chose, rival error
		var wg sync.WaitGroup
		wg.Go(func() { chose = one.ChooseAccount(ctx, s, to.ID) })
		wg.Go(func() { rival = rivals[n%len(rivals)](s, first, second, from) })
		wg.Wait()
		for _, err := range []error{chose, rival} {
			if !slices.ContainsFunc([]error{nil, store.ErrConflict, store.ErrBlocked, store.ErrNotFound}, func(want error) bool { return errors.Is(err, want) }) {
				t.Errorf("round %d: %v", n, err)
			}
		}
		wrong := list(t, storetest.ProbeOf(one), `
			SELECT concat('link to ', a.status, ', change ', c.state) FROM links l
			JOIN accounts a USING (center_id, account_id)
			LEFT JOIN changes c ON c.center_id = l.center_id AND c.identity_digest = l.identity_digest AND c.state = 'open'
			WHERE l.identity_digest = $1
				AND (a.person_digest <> l.person_digest OR a.status IN ('03', '04', '05') OR c.account_id <> l.account_id)`, s.IdentityDigest)
		if len(wrong) > 0 || t.Failed() {
			t.Fatalf("round %d: %q (%v, %v)", n, wrong, chose, rival)
		}
	}
}

func TestChooseAccount(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ctx := t.Context()
	d := depositor(1)
	second, ended, other := secondAccount(d, 2, store.StatusFrozen), secondAccount(d, 3, store.StatusClosed), depositor(4)
	third := secondAccount(d, 5, store.StatusUnknown)
	importAll(t, db, d, second, ended, other, third)
	a := importedAccount(t, db, d)
	s := linkedSession(t, db, "chooser", a)
	all, err := db.AccountsOf(ctx, *s.Link)
	if err != nil || len(all) != 3 || all[0].ID != a.ID || all[1].Status != store.StatusFrozen {
		t.Errorf("%v %+v", err, all)
	}
	for _, tt := range []struct {
		name string
		id   uuid.UUID
		want error
	}{
		{"ended", importedAccount(t, db, ended).ID, store.ErrBlocked},
		{"another person's", importedAccount(t, db, other).ID, store.ErrNotFound},
		{"unknown", uuid.Nil, store.ErrNotFound},
		{"present", a.ID, nil},
		{"second", all[1].ID, nil},
		{"second, by a stale session", all[1].ID, nil},
		{"third, by a stale session", importedAccount(t, db, third).ID, store.ErrConflict},
	} {
		if err := db.ChooseAccount(ctx, s, tt.id); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
