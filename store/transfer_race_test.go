package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A transferRace is a linked person, the transfer of whose link is due, and the requests
// that run concurrently with it.
type transferRace struct {
	t         *testing.T
	one, two  *store.DB // two processes
	n         int
	d         store.Depositor
	account   store.Account
	holder    store.Session
	requester store.Session
	transfer  store.Transfer
	change    store.Change
}

func newTransferRace(t *testing.T, one, two *store.DB, n int) *transferRace {
	t.Helper()
	c := &transferRace{t: t, one: one, two: two, n: n, d: depositor(n)}
	importAll(t, one, c.d)
	c.account = importedAccount(t, one, c.d)
	c.holder = linkedSession(t, one, fmt.Sprint("holder ", n), c.account)
	c.requester = c.signIn(two, fmt.Sprint("requester ", n))
	var err error
	c.transfer, err = two.RequestTransfer(t.Context(), c.requester, store.TransferOrder{Account: c.account, Proof: "certdoc", Limit: 9})
	noError(t, err)
	markNotified(t, one, &c.transfer)
	c.change, err = one.OpenChange(t.Context(), c.holder, c.account, []byte("old print"))
	noError(t, err)
	return c
}

func (c *transferRace) signIn(db *store.DB, who string) store.Session {
	c.t.Helper()
	s, err := db.OpenSession(c.t.Context(), store.ChannelAlipay, []byte("token of "+who), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: who}})
	noError(c.t, err)
	return s
}

// rivals returns the requests that may run concurrently with CompleteTransfer.
func (c *transferRace) rivals() map[string]func() error {
	ctx := c.t.Context()
	return map[string]func() error{
		"again":  func() error { return c.one.CompleteTransfer(ctx, c.requester, c.transfer.ID) },
		"reject": func() error { _, err := c.one.RejectTransfer(ctx, c.holder, c.transfer.ID); return err },
		"cancel": func() error { _, err := c.one.CancelTransfer(ctx, c.requester, c.transfer.ID); return err },
		"freeze": func() error { return c.one.Freeze(ctx, c.holder) },
		"unlink": func() error { return c.one.RemoveLink(ctx, c.holder) },
		"confirm": func() error {
			_, err := c.one.FinishChange(ctx, c.holder, c.change.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new print")})
			return err
		},
		"withdraw": func() error {
			_, err := c.one.Inbox().WithdrawAuthorisation(ctx, store.Cancellation{Channel: store.ChannelAlipay, At: time.Now().Add(time.Minute),
				Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: fmt.Sprint("requester ", c.n)}})
			return err
		},
		"close": func() error {
			d := c.d
			d.Status = store.StatusClosed
			_, err := c.one.Roster().ImportDepositors(ctx, []store.Depositor{d})
			return err
		},
		"other person": func() error {
			d := c.d
			d.DocumentKey = fmt.Appendf(nil, "03:other %d", c.n)
			_, err := c.one.Roster().ImportDepositors(ctx, []store.Depositor{d})
			return err
		},
	}
}

// run runs CompleteTransfer and the named rivals concurrently and returns their errors.
func (c *transferRace) run(names []string) (completeErr error, results map[string]error) {
	results = map[string]error{}
	all := c.rivals()
	var mu sync.Mutex
	var wg sync.WaitGroup
	wg.Go(func() { completeErr = c.two.CompleteTransfer(c.t.Context(), c.requester, c.transfer.ID) })
	for _, name := range names {
		wg.Go(func() {
			err := all[name]()
			mu.Lock()
			defer mu.Unlock()
			results[name] = err
		})
	}
	wg.Wait()
	return completeErr, results
}

// check checks that the tables match the results.
func (c *transferRace) check(completeErr error, results map[string]error) {
	c.t.Helper()
	for name, err := range results {
		if !slices.ContainsFunc([]error{nil, store.ErrGone, store.ErrNotFound, store.ErrBlocked, store.ErrConflict}, func(want error) bool { return errors.Is(err, want) }) {
			c.t.Errorf("%s: %v", name, err)
		}
	}
	if again, raced := results["again"]; raced && (completeErr == nil) == (again == nil) && completeErr == nil {
		c.t.Error("transferred twice")
	}
	done := completeErr == nil
	if again, raced := results["again"]; raced && again == nil {
		done = true
	}
	if !done && !errors.Is(completeErr, store.ErrGone) && !errors.Is(completeErr, store.ErrBlocked) && !errors.Is(completeErr, store.ErrNotFound) {
		c.t.Errorf("CompleteTransfer: %v", completeErr)
	}
	state := list(c.t, storetest.ProbeOf(c.one), `SELECT state FROM link_transfers WHERE transfer_id = $1`, c.transfer.ID)[0]
	if done != (state == store.TransferDone) {
		c.t.Errorf("transferred %v, but the state is %s", done, state)
	}
	for name, ends := range map[string]string{"reject": store.TransferRejected, "freeze": store.TransferRejected, "cancel": store.TransferCancelled} {
		if err, raced := results[name]; raced && err == nil && done && ends != "" {
			c.t.Errorf("both %s and the transfer succeeded", name)
		}
	}
	if err, raced := results["confirm"]; raced && err == nil && done {
		c.t.Error("both the holder's change and the transfer with the old password succeeded")
	}
	c.checkLinks(done, results)
}

func (c *transferRace) checkLinks(done bool, results map[string]error) {
	c.t.Helper()
	_, removed := results["close"]
	_, given := results["other person"]
	_, withdrawn := results["withdraw"]
	links := list(c.t, storetest.ProbeOf(c.one), `SELECT identity_digest::text FROM links WHERE account_id = $1`, c.account.ID)
	requester, holder := fmt.Sprintf(`\x%x`, c.requester.IdentityDigest), fmt.Sprintf(`\x%x`, c.holder.IdentityDigest)
	switch {
	case len(links) > 1:
		c.t.Errorf("%d links", len(links))
	case removed || given:
		if len(links) != 0 {
			c.t.Errorf("link of an account that ended or belongs to another person")
		}
	case done && !withdrawn && !slices.Contains(links, requester):
		c.t.Error("transferred, but no link")
	case done && slices.Contains(links, holder):
		c.t.Error("transferred, but the former link exists")
	}
	if done {
		if n := len(list(c.t, storetest.ProbeOf(c.one), `SELECT 'one' FROM sessions WHERE identity_digest = $1`, c.holder.IdentityDigest)); n != 0 {
			c.t.Errorf("%d sessions of the former holder not ended", n)
		}
		if open := list(c.t, storetest.ProbeOf(c.one), `SELECT state FROM changes WHERE change_id = $1`, c.change.ID)[0]; open == store.ChangeOpen {
			c.t.Error("former holder's change is open")
		}
	}
	counted := list(c.t, storetest.ProbeOf(c.one), `
		SELECT (count(*) FILTER (WHERE kind = 'linked') - count(*) FILTER (WHERE kind IN ('unlinked', 'link_ended', 'link_transferred', 'authorisation_withdrawn')))::text
		FROM events WHERE account_id = $1`, c.account.ID)[0]
	if counted != fmt.Sprint(len(links)) {
		c.t.Errorf("events account for %s links, want %d", counted, len(links))
	}
}

// TestTransferRaces runs CompleteTransfer concurrently with everything else that may change
// the link, the password and the account, over two handles.
func TestTransferRaces(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	var names []string
	for name := range (&transferRace{t: t}).rivals() {
		names = append(names, name)
	}
	slices.Sort(names)
	rng := rand.New(rand.NewPCG(3, 7))
	won := map[bool]int{}
	half := testenv.Rounds(2, 6) * len(names)
	oneSided := func() bool { return won[true] == 0 || won[false] == 0 }
	for n := 0; n < 2*half || oneSided() && n < 40*half; n++ {
		against := []string{names[n%len(names)]}
		if other := names[rng.IntN(len(names))]; n >= half && other != against[0] {
			against = append(against, other)
		}
		c := newTransferRace(t, one, two, n)
		completeErr, results := c.run(against)
		won[completeErr == nil]++
		c.check(completeErr, results)
		if t.Failed() {
			t.Fatalf("round %d against %v: %v, %v", n, against, completeErr, results)
		}
	}
	if oneSided() {
		t.Errorf("one side always wins: %v", won)
	}
}

// An ended session makes no link, because whatever ended it found no link to end.
func TestNoLinkWithoutSession(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for n, end := range []func(store.Session) error{
		func(s store.Session) error { return db.EndSession(t.Context(), s.TokenDigest) },
		func(s store.Session) error {
			_, err := db.Inbox().WithdrawAuthorisation(t.Context(), store.Cancellation{Channel: store.ChannelAlipay, At: time.Now().Add(time.Second),
				Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "somebody"}})
			return err
		},
	} {
		d := depositor(n)
		importAll(t, db, d)
		a := importedAccount(t, db, d)
		s, err := db.OpenSession(t.Context(), store.ChannelAlipay, fmt.Append(nil, "token", n), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "somebody"}})
		noError(t, err)
		noError(t, end(s))
		if err := db.AddLink(t.Context(), s, a, nil); !errors.Is(err, store.ErrGone) {
			t.Errorf("%d: %v", n, err)
		}
		if links := list(t, storetest.ProbeOf(db), `SELECT 'one' FROM links`); len(links) != 0 {
			t.Errorf("%d: %d links", n, len(links))
		}
	}
}

// A withdrawal concurrent with a link, over two handles, prevents or ends the link.
func TestWithdrawAgainstLink(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	written := 0
	rounds := testenv.Rounds(30, 100)
	for n := range rounds {
		d := depositor(n)
		importAll(t, one, d)
		a := importedAccount(t, one, d)
		who := store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: uuid.NewString()}
		s, err := one.OpenSession(t.Context(), store.ChannelAlipay, fmt.Append(nil, "token", n), store.Visitor{Identity: who})
		noError(t, err)
		at := one.Now() // the clock of the session
		var linked error
		var wg sync.WaitGroup
		wg.Go(func() { linked = one.AddLink(t.Context(), s, a, nil) })
		wg.Go(func() {
			if _, err := two.Inbox().WithdrawAuthorisation(t.Context(), store.Cancellation{Channel: store.ChannelAlipay, Identity: who, At: at}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if linked == nil {
			written++
		} else if !errors.Is(linked, store.ErrGone) {
			t.Error(linked)
		}
		if links := list(t, storetest.ProbeOf(one), `SELECT 'one' FROM links`); len(links) != 0 {
			t.Fatalf("round %d: a link outlived its authorisation (linked: %v)", n, linked)
		}
	}
	t.Logf("%d of %d links were written first", written, rounds)
}
