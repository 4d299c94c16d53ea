package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// An outbox is a database with linked owners and their notices, used by two processes with
// one clock.
type outbox struct {
	t   *testing.T
	now time.Time
	mu  sync.Mutex
	dbs [2]*store.DB
	n   int
}

func newOutbox(t *testing.T) *outbox {
	t.Helper()
	o := &outbox{t: t, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	for i := range o.dbs {
		o.dbs[i] = storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(o.clock))
	}
	return o
}

func (o *outbox) clock() time.Time { o.mu.Lock(); defer o.mu.Unlock(); return o.now }

func (o *outbox) pass(d time.Duration) { o.mu.Lock(); defer o.mu.Unlock(); o.now = o.now.Add(d) }

// link links k more persons, each of whom gets a notice.
func (o *outbox) link(k int) (all []store.Session) {
	o.t.Helper()
	db, ctx := o.dbs[0], o.t.Context()
	for range k {
		o.n++
		key := fmt.Appendf(nil, "document %d", o.n)
		_, err := db.Roster().ImportDepositors(ctx, []store.Depositor{{
			Person: store.Person{Name: "测试", IDType: "01", IDNumber: "x", AccountNo: fmt.Sprintf("88%04d", o.n)},
			Status: store.StatusNormal, DocumentKey: key, Hash: "h",
		}})
		o.check(err)
		all = append(all, o.logIn(key))
	}
	return all
}

// logIn returns a linked session of the person with a document.
func (o *outbox) logIn(key []byte) store.Session {
	o.t.Helper()
	db, ctx := o.dbs[0], o.t.Context()
	a, err := failedAttempt(ctx, db, store.AttemptRequest{PersonDigest: db.PersonDigest(key), Scope: store.PublicScope, Policy: tiers})
	o.check(err)
	digest := sha256.Sum256(key)
	s, err := db.OpenSession(ctx, store.ChannelAlipay, digest[:], store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: "app", Kind: "open_id", Value: string(key)}})
	o.check(err)
	o.check(db.AddLink(ctx, s, *a.Account, nil))
	s, err = db.Session(ctx, digest[:])
	o.check(err)
	return s
}

func (o *outbox) check(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// due claims notices through one of the processes.
func (o *outbox) due(process, n int) []store.Delivery {
	o.t.Helper()
	due, expired, err := o.dbs[process].Outbox().Due(o.t.Context(), n)
	o.check(err)
	if expired != 0 {
		o.t.Errorf("%d expired", expired)
	}
	return due
}

// Of many concurrent claims over two processes each notice is claimed once, and no claim
// waits for another.
func TestNoticesAreClaimedOnce(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	o.link(40)
	var mu sync.Mutex
	claimed := map[uuid.UUID]int{}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			due, _, err := o.dbs[i%2].Outbox().Due(t.Context(), 3)
			if err != nil || len(due) > 3 {
				t.Errorf("%d claimed, %v", len(due), err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, d := range due {
				claimed[d.ID]++
			}
		})
	}
	all.Wait()
	for _, d := range o.due(0, 100) {
		claimed[d.ID]++
	}
	for id, times := range claimed {
		if times != 1 {
			t.Errorf("%s claimed %d times", id, times)
		}
	}
	if len(claimed) != 40 {
		t.Errorf("%d claimed, want 40", len(claimed))
	}
}

// A claim ends with its lease. Another process then claims the same notice under the same
// key, and later calls of the first one have no effect.
func TestClaimEnds(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	o.link(1)
	first := o.due(0, 8)
	if len(first) != 1 || first[0].Attempts != 1 || first[0].Kind != store.NoticeLinked {
		t.Fatalf("%+v", first)
	}
	n, err := o.dbs[1].Outbox().Notice(first[0])
	o.check(err)
	if n.Identity.Value != "document 1" || !n.ChangedAt.Equal(o.clock()) {
		t.Errorf("%+v", n)
	}
	o.pass(119 * time.Second)
	if again := o.due(1, 8); len(again) != 0 {
		t.Fatalf("claimed within the lease: %+v", again)
	}
	o.pass(2 * time.Second)
	second := o.due(1, 8)
	if len(second) != 1 || second[0].ID != first[0].ID || second[0].Attempts != 2 {
		t.Fatalf("%+v", second)
	}
	o.check(o.dbs[0].Outbox().Defer(t.Context(), first[0])) // its claim has ended
	o.check(o.dbs[0].Outbox().Abandon(t.Context(), first[0]))
	o.pass(100 * time.Second) // more than the pause that Defer would have set
	if again := o.due(0, 8); len(again) != 0 {
		t.Fatal("an ended claim ended the present one")
	}
	o.pass(21 * time.Second)
	third := o.due(0, 8)
	if len(third) != 1 {
		t.Fatal("an ended claim settled the notice")
	}
	o.check(o.dbs[1].Outbox().Delivered(t.Context(), second[0])) // takes effect without the claim
	o.check(o.dbs[1].Outbox().Delivered(t.Context(), second[0]))
	o.check(o.dbs[0].Outbox().Defer(t.Context(), third[0]))
	o.pass(24 * time.Hour)
	if again := o.due(0, 8); len(again) != 0 {
		t.Errorf("due again: %+v", again)
	}
}

// Pauses grow from a minute to six hours, and after three days the notice is given up.
func TestNoticePauses(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	o.link(1)
	begun, want := o.clock(), time.Minute
	for attempt := 1; ; attempt++ {
		due, expired, err := o.dbs[attempt%2].Outbox().Due(t.Context(), 8)
		o.check(err)
		if expired == 1 {
			if tried := o.clock().Sub(begun); tried < store.NoticeLife || tried > store.NoticeLife+8*time.Hour || attempt < 15 {
				t.Errorf("given up after %v and %d attempts", tried, attempt-1)
			}
			break
		}
		if len(due) != 1 || due[0].Attempts != attempt {
			t.Fatalf("attempt %d: %+v", attempt, due)
		}
		o.check(o.dbs[attempt%2].Outbox().Defer(t.Context(), due[0]))
		o.pass(want - time.Second)
		if early := o.due(0, 8); len(early) != 0 {
			t.Fatalf("attempt %d: due before %v", attempt+1, want)
		}
		o.pass(want/4 + 2*time.Second)
		want = min(2*want, 6*time.Hour)
	}
	if n, _, err := o.dbs[0].Outbox().Undelivered(t.Context(), store.MediumMessage); err != nil || n != 0 {
		t.Errorf("%d undelivered, %v", n, err)
	}
	o.pass(store.NoticeLife)
	if again := o.due(0, 8); len(again) != 0 {
		t.Errorf("due after it was given up: %+v", again)
	}
}

func TestUndelivered(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	is := func(want int, oldest time.Duration) {
		t.Helper()
		n, age, err := o.dbs[0].Outbox().Undelivered(t.Context(), store.MediumMessage)
		if err != nil || n != want || age != oldest {
			t.Errorf("%d, %v, %v; want %d, %v", n, age, err, want, oldest)
		}
	}
	is(0, 0)
	o.link(1)
	o.pass(time.Minute)
	o.link(2)
	o.pass(time.Minute)
	is(3, 2*time.Minute)
	due := o.due(0, 2)
	is(3, 2*time.Minute)
	o.check(o.dbs[0].Outbox().Delivered(t.Context(), due[0]))
	o.check(o.dbs[0].Outbox().Abandon(t.Context(), due[1]))
	n, _, err := o.dbs[0].Outbox().Undelivered(t.Context(), store.MediumMessage)
	if err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	o.pass(91 * 24 * time.Hour)
	o.check(o.dbs[0].Operations().Purge(t.Context()))
	is(0, 0)
}

// A freeze ends every session and adds one event and one notice, and later requests are
// refused.
func TestFreezeTwice(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	s := o.link(1)[0]
	for range 2 {
		o.check(o.dbs[0].Freeze(t.Context(), s))
		if _, err := o.dbs[1].Session(t.Context(), s.TokenDigest); err != store.ErrNotFound {
			t.Errorf("session not ended: %v", err)
		}
	}
	if err := o.dbs[0].RemoveLink(t.Context(), s); err != store.ErrBlocked {
		t.Errorf("unlinked: %v", err)
	}
	if _, err := o.dbs[0].OpenChange(t.Context(), s, store.Account{ID: s.Link.AccountID, PersonDigest: s.Link.PersonDigest, Version: 1}, []byte("f")); err != store.ErrBlocked {
		t.Errorf("opened: %v", err)
	}
	events, err := o.dbs[0].Events(t.Context(), s.Link.AccountID, 10)
	o.check(err)
	if len(events) != 2 || events[0].Kind == events[1].Kind {
		t.Errorf("%+v", events)
	}
	kinds := map[string]int{}
	for _, d := range o.due(0, 8) {
		kinds[d.Kind]++
	}
	if kinds[store.NoticePasswordFrozen] != 1 || kinds[store.NoticeLinked] != 1 {
		t.Errorf("notices %v", kinds)
	}
	s.Link = &store.Link{AccountID: uuid.New(), PersonDigest: s.Link.PersonDigest}
	if err := o.dbs[0].Freeze(t.Context(), s); err != store.ErrNotFound {
		t.Errorf("freeze without a link: %v", err)
	}
}

// Unlock finds a person by account or document. It resets all scopes, adds an event to
// every account and one record that names the account meant.
func TestUnlockOfAPerson(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	db, ctx, key := o.dbs[0], t.Context(), []byte("document")
	for _, no := range []string{"8801", "8802"} {
		_, err := db.Roster().ImportDepositors(ctx, []store.Depositor{{
			Person: store.Person{Name: "测试", IDType: "01", IDNumber: "x", AccountNo: no},
			Status: store.StatusNormal, DocumentKey: key, Hash: "h",
		}})
		o.check(err)
	}
	scopes := [][]byte{store.PublicScope, []byte("owner")}
	lock := func() {
		for _, scope := range scopes {
			for range 3 {
				_, err := failedAttempt(ctx, db, store.AttemptRequest{PersonDigest: db.PersonDigest(key), Scope: scope, Policy: tiers})
				o.check(err)
			}
		}
	}
	for i, u := range []store.OperatorRequest{{AccountNo: "8802"}, {AccountNo: "8801"}, {DocumentKey: key}} {
		lock()
		u.Operator, u.Reason = "li", fmt.Sprintf("reason %d", i)
		done, err := db.Operations().Unlock(ctx, u)
		o.check(err)
		if done.Accounts != 2 || done.Scopes != 2 || done.Locked != 2 || u.AccountNo != "" && done.Account.Person.AccountNo != u.AccountNo {
			t.Errorf("%+v", done)
		}
		for _, scope := range scopes {
			a, err := failedAttempt(ctx, db, store.AttemptRequest{PersonDigest: db.PersonDigest(key), Scope: scope, Policy: tiers})
			if err != nil || !a.Admitted || a.Remaining != 2 {
				t.Errorf("%s after the unlock: %+v %v", scope, a, err)
			}
			o.check(db.ResetAttempts(ctx, db.PersonDigest(key), scope))
		}
		events, err := db.Events(ctx, done.Account.ID, 10)
		if err != nil || len(events) != i+1 || events[0].Channel != store.ChannelOperator || events[0].Kind != store.EventUnlocked {
			t.Errorf("events %+v %v", events, err)
		}
		o.pass(time.Hour)
	}
	all, err := db.Operations().OperatorActions(ctx, o.clock().Add(-150*time.Minute))
	if err != nil || len(all) != 2 || all[0].Reason != "reason 1" || all[1].Operator != "li" || all[1].Action != store.ActionUnlock {
		t.Errorf("%+v %v", all, err)
	}
	if _, err := db.Operations().Unlock(ctx, store.OperatorRequest{AccountNo: "nobody", Operator: "li", Reason: "r"}); err != store.ErrNotFound {
		t.Errorf("unknown account: %v", err)
	}
	if _, err := db.Operations().Unlock(context.Background(), store.OperatorRequest{Operator: "li", Reason: "r"}); err != store.ErrNotFound {
		t.Errorf("no person named: %v", err)
	}
}
