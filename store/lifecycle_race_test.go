package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A lifecycleRace is a person with two accounts, of which the centre changes the first
// while the owner changes the password and another user links.
type lifecycleRace struct {
	t            *testing.T
	one, two     *store.DB // two processes
	rng          *rand.Rand
	d, other     store.Depositor
	owner, comer *store.Session
	account      store.Account
	otherAccount store.Account
}

func newLifecycleRace(t *testing.T, one, two *store.DB, n int) *lifecycleRace {
	c := &lifecycleRace{t: t, one: one, two: two, rng: rand.New(rand.NewPCG(7, uint64(n))), d: depositor(2 * n)}
	c.other = secondAccount(c.d, 2*n+1, store.StatusSealed)
	importAll(t, one, c.d, c.other)
	c.account, c.otherAccount = importedAccount(t, one, c.d), importedAccount(t, two, c.other)
	if n%2 == 0 {
		s := linkedSession(t, one, fmt.Sprint("owner ", n), c.account)
		c.owner = &s
	}
	who := fmt.Sprint("comer ", n)
	s, err := two.OpenSession(t.Context(), store.ChannelAlipay, []byte(who), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: who}})
	if err != nil {
		t.Fatal(err)
	}
	c.comer = &s
	return c
}

// expect reports an error that is not one of answers.
func (c *lifecycleRace) expect(err error, answers ...error) {
	for _, a := range append(answers, store.ErrConflict, store.ErrNotFound) {
		if errors.Is(err, a) {
			return
		}
	}
	if err != nil {
		c.t.Error(err)
	}
}

// run runs the calls concurrently.
func (c *lifecycleRace) run() {
	ctx := context.Background()
	changed, proven := c.d, c.account
	changed.Status = lifeStatuses[c.rng.IntN(len(lifeStatuses))]
	if c.rng.IntN(5) == 0 {
		moved(&changed)
	}
	if c.rng.IntN(3) == 0 {
		proven = c.otherAccount
	}
	unlinks := c.rng.IntN(2) == 0
	var all sync.WaitGroup
	all.Go(func() {
		_, err := c.two.Roster().ImportDepositors(ctx, []store.Depositor{changed})
		c.expect(err)
	})
	all.Go(func() { c.expect(c.one.AddLink(ctx, *c.comer, proven, nil), store.ErrBlocked) })
	if c.owner != nil {
		all.Go(func() {
			if unlinks {
				c.expect(c.one.RemoveLink(ctx, *c.owner))
				return
			}
			change, err := c.two.OpenChange(ctx, *c.owner, c.account, []byte("old print"))
			c.expect(err, store.ErrBlocked)
			if err == nil {
				_, err = c.one.FinishChange(ctx, *c.owner, change.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new print")})
				c.expect(err, store.ErrGone, store.ErrBlocked)
			}
		})
	}
	all.Wait()
}

// check compares the sessions with the tables, and the events with the links.
func (c *lifecycleRace) check() {
	c.t.Helper()
	for _, s := range []*store.Session{c.owner, c.comer} {
		if s == nil {
			continue
		}
		now, err := c.one.Session(c.t.Context(), s.TokenDigest)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			c.t.Fatal(err)
		}
		if now.Link == nil {
			continue
		}
		a, err := c.two.LinkedAccount(c.t.Context(), now.Link.AccountID)
		if err != nil || a.Ended() || string(a.PersonDigest) != string(c.account.PersonDigest) {
			c.t.Errorf("session linked to %+v, %v", a, err)
		}
	}
	wrong := column(c.t, c.one, `
		SELECT concat(kinds, ' but ', links, ' links') FROM (
			SELECT string_agg(kind, ' ' ORDER BY at) AS kinds,
				count(*) FILTER (WHERE kind = 'linked') - count(*) FILTER (WHERE kind IN ('unlinked', 'link_ended')) AS left_over,
				count(*) FILTER (WHERE kind = 'link_ended') + count(*) FILTER (WHERE kind = 'link_moved') / 2 AS told
			FROM events WHERE account_id IN ($1, $2)) e,
			(SELECT count(*) AS links FROM links WHERE account_id IN ($1, $2)) l,
			(SELECT count(*) AS notices FROM outbox WHERE starts_with(kind, 'link_') AND account_id IN ($1, $2)) o
		WHERE left_over <> links OR told <> notices`, c.account.ID, c.otherAccount.ID)
	if len(wrong) > 0 {
		c.t.Errorf("%q", wrong)
	}
}

// TestLifecycleRace runs links, unlinks and changes concurrently with updates by the
// centre, over two handles.
func TestLifecycleRace(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	kinds := []string{store.EventLinked, store.EventUnlinked, store.EventLinkEnded, store.EventLinkMoved, store.EventPasswordChanged}
	for n := 0; more(t, one, n, testenv.Rounds(40, 200), kinds...); n++ {
		c := newLifecycleRace(t, one, two, n)
		c.run()
		c.check()
		checkLinks(t, two)
		if t.Failed() {
			t.Fatalf("round %d", n)
		}
	}
}
