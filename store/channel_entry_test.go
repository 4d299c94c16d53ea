package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lib/pq"

	"fundpass/store"
	"fundpass/store/storetest"
)

// order returns an operator's order.
func order(channel, operator string) store.ChannelOrder {
	return store.ChannelOrder{Channel: channel, Action: store.ActionChannelSet, Operator: operator, Reason: "planned work"}
}

// channelOf returns a channel of the registry.
func channelOf(t *testing.T, db *store.DB, name string) store.ChannelEntry {
	t.Helper()
	all, err := db.Registry().Channels(t.Context())
	noError(t, err)
	for _, e := range all {
		if e.Channel == name {
			return e
		}
	}
	t.Fatalf("no %s", name)
	return store.ChannelEntry{}
}

// actions returns the operators' record.
func actions(t *testing.T, db *store.DB) (all []string) {
	t.Helper()
	done, err := db.Operations().OperatorActions(t.Context(), time.Time{})
	noError(t, err)
	for _, a := range done {
		all = append(all, fmt.Sprintf("%s: %s %s", a.Operator, a.Action, a.Channel))
	}
	return all
}

// Without rows only the mini-program is on. A channel that is changed keeps everything else, and
// every field is stored.
func TestChannels(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	all, err := db.Registry().Channels(t.Context())
	noError(t, err)
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprintln(e.Code, e.Channel, e.IsOn, e.SharesPassword, e.Credential))
	}
	if d := cmp.Diff([]string{"10 app false true password\n", "20 wechat false true password\n", "30 website false true password\n",
		"50 kiosk false false password\n", "60 hotline false false phone_pin\n", "90 alipay true true password\n"}, got); d != "" {
		t.Error(d)
	}
	want, err := db.Registry().ChangeChannel(t.Context(), order("partner-92", "li"), func(e *store.ChannelEntry) error {
		e.IsOn, e.Title, e.Opens, e.Closes, e.PerMinute, e.SharesPassword, e.Keypad = true, "银行", 480, 60, 7, true, "0-9"
		e.Proofs, e.InitialProofs = pq.StringArray{"certdoc", "phone"}, pq.StringArray{"certdoc"}
		e.FailurePercent, e.FailureRequests, e.FailureMinutes, e.CoolDownSeconds = 50, 20, 5, 600
		return nil
	})
	noError(t, err)
	if d := cmp.Diff(want, channelOf(t, db, "partner-92")); d != "" || want.Code != 92 || want.SetAt.IsZero() {
		t.Errorf("%+v\n%s", want, d)
	}
	if _, err := db.Registry().ChangeChannel(t.Context(), order("nobody", "li"), func(*store.ChannelEntry) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown channel: %v", err)
	}
	refused := errors.New("refused")
	if _, err := db.Registry().ChangeChannel(t.Context(), order("app", "li"), func(e *store.ChannelEntry) error { e.IsOn = true; return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if channelOf(t, db, "app").IsOn {
		t.Error("a refused change was stored")
	}
	if d := cmp.Diff([]string{"li: channel set partner-92"}, actions(t, db)); d != "" {
		t.Error(d)
	}
}

// A channel is switched off by two operators or in an emergency. Nobody approves their own
// request, and a request lapses.
func TestSwitchOff(t *testing.T) {
	t.Parallel()
	clock := new(movedClock)
	db, ctx := storetest.New(t, storetest.WithNow(clock.Now)), t.Context()
	off := func(operator string, emergency bool) (store.OffResult, error) {
		return db.Registry().SwitchOff(ctx, order(store.ChannelAlipay, operator), emergency)
	}
	first, err := off("li", false)
	noError(t, err)
	if first.Off || !channelOf(t, db, store.ChannelAlipay).IsOn {
		t.Errorf("one operator was enough: %+v", first)
	}
	if _, err := off("Li", false); !errors.Is(err, store.ErrSameOperator) {
		t.Errorf("the same operator: %v", err)
	}
	clock.add(store.ApprovalLife)
	again, err := off("li", false) // the first request has lapsed
	noError(t, err)
	clock.add(store.ApprovalLife - time.Second)
	pending, err := db.Registry().PendingOffs(ctx)
	if err != nil || len(pending) != 1 || pending[0].Operator != "li" || !pending[0].Expires.Equal(again.Expires) {
		t.Errorf("%+v, %v", pending, err)
	}
	second, err := off("wang", false)
	noError(t, err)
	e := channelOf(t, db, store.ChannelAlipay)
	if !second.Off || second.First != "li" || e.IsOn || e.OffKind != store.OffManual || e.OffReason != "planned work" {
		t.Errorf("%+v, %+v", second, e)
	}
	if _, err := off("zhao", false); !errors.Is(err, store.ErrAlreadyOff) {
		t.Errorf("off twice: %v", err)
	}
	_, err = db.Registry().ChangeChannel(ctx, order(store.ChannelAlipay, "li"), func(e *store.ChannelEntry) error { e.IsOn = true; return nil })
	noError(t, err)
	if e := channelOf(t, db, store.ChannelAlipay); !e.Switched(clock.Now()) || e.OffKind+e.OffReason != "" {
		t.Errorf("%+v", e)
	}
	if alone, err := off("li", true); err != nil || !alone.Off {
		t.Errorf("emergency: %+v, %v", alone, err)
	}
	clock.add(store.ApprovalLife)
	noError(t, db.Operations().Purge(ctx))
	if n := list(t, storetest.ProbeOf(db), `SELECT operator FROM operator_approvals`); len(n) > 0 {
		t.Errorf("approvals left: %v", n)
	}
	if d := cmp.Diff([]string{"li: channel off requested alipay", "li: channel off requested alipay", "wang: channel off alipay",
		"li: channel set alipay", "li: channel off, emergency alipay"}, actions(t, db)); d != "" {
		t.Error(d)
	}
}

// Switching a channel on ends a request to switch it off, which an operator would otherwise
// complete unknowingly.
func TestSwitchingOnEndsRequest(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, err := db.Registry().SwitchOff(t.Context(), order(store.ChannelAlipay, "li"), false)
	noError(t, err)
	_, err = db.Registry().ChangeChannel(t.Context(), order(store.ChannelAlipay, "wang"), func(e *store.ChannelEntry) error { e.IsOn = true; return nil })
	noError(t, err)
	if done, err := db.Registry().SwitchOff(t.Context(), order(store.ChannelAlipay, "wang"), false); err != nil || done.Off {
		t.Errorf("%+v, %v", done, err)
	}
}

// Of many operators who switch a channel off at once, over two processes, one asks for it and
// one does it.
func TestSwitchOffRace(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	dbs := []*store.DB{storetest.Open(t, dsn), storetest.Open(t, dsn)}
	const operators = 40
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[string]int{}
	for i := range operators {
		wg.Go(func() {
			done, err := dbs[i%2].Registry().SwitchOff(t.Context(), order(store.ChannelAlipay, fmt.Sprint("operator ", i/2)), false) // each operator twice
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprint(done.Off, " ", err)]++
		})
	}
	wg.Wait()
	same := got["false "+store.ErrSameOperator.Error()]
	if got["true <nil>"] != 1 || got["false <nil>"] != 1 || same > 1 || got["false "+store.ErrAlreadyOff.Error()] != operators-2-same {
		t.Errorf("%v", got)
	}
	if n := len(actions(t, dbs[0])); n != 2 {
		t.Errorf("%d actions", n)
	}
}
