package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// limited sets a limit of failures with a cool-down of ten minutes.
func limited(t *testing.T, db *store.DB) {
	t.Helper()
	_, err := db.Registry().ChangeChannel(t.Context(), order(store.ChannelAlipay, "li"), func(e *store.ChannelEntry) error {
		e.FailurePercent, e.FailureRequests, e.FailureMinutes, e.CoolDownSeconds = 50, 20, 3, 600
		return nil
	})
	noError(t, err)
}

// A channel is switched off when enough of enough requests fail, counted over all servers and
// minutes, and is on again after its cool-down. What failed before does not count again.
func TestAutomaticOff(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Minute).Add(-time.Hour)
	clock := func(c *store.Config) { c.Now = func() time.Time { return now } }
	dsn := storetest.Shared(t)
	first, second := storetest.Open(t, dsn, clock), storetest.Open(t, dsn, clock)
	limited(t, first)
	now = now.Add(time.Hour + 30*time.Second)
	count := func(db *store.DB, requests, failures int) store.ChannelReport {
		t.Helper()
		done, err := db.Registry().CountChannel(t.Context(), store.ChannelCount{Channel: store.ChannelAlipay, Minute: now, Requests: requests, Failures: failures})
		noError(t, err)
		return done
	}
	for _, step := range []struct {
		name               string
		pass               time.Duration
		db                 *store.DB
		requests, failures int
		want               store.ChannelReport
	}{
		{"too few", 0, first, 19, 19, store.ChannelReport{Requests: 19}},
		{"long ago", 3 * time.Minute, first, 11, 11, store.ChannelReport{Requests: 11}},
		{"too low a rate", time.Minute, second, 12, 0, store.ChannelReport{Requests: 12}},
		{"enough", time.Minute, second, 2, 2, store.ChannelReport{Requests: 2, Tripped: true, Reason: "13 of 25 requests failed in 3 min, limit 50%"}},
	} {
		now = now.Add(step.pass)
		if d := cmp.Diff(step.want, count(step.db, step.requests, step.failures)); d != "" {
			t.Errorf("%s: %s", step.name, d)
		}
	}
	e := channelOf(t, first, store.ChannelAlipay)
	if e.IsOn || e.OffKind != store.OffAutomatic || e.OffReason == "" || e.Switched(now.Add(599*time.Second)) || !e.Switched(now.Add(600*time.Second)) {
		t.Errorf("%+v", e)
	}
	now = now.Add(10 * time.Minute)
	if done := count(first, 30, 30); done.Tripped {
		t.Error("the minute in which the channel is on again counts")
	}
	now = now.Add(time.Minute)
	if done := count(first, 20, 20); !done.Tripped {
		t.Error("a channel that was on again after its cool-down is not switched off")
	}
	if d := cmp.Diff([]string{"li: channel set alipay", "automatic: channel off alipay", "automatic: channel off alipay"}, actions(t, first)); d != "" {
		t.Error(d)
	}
	if _, err := first.Registry().SwitchOff(t.Context(), order(store.ChannelAlipay, "li"), true); err != nil || channelOf(t, first, store.ChannelAlipay).ResumesAt != nil {
		t.Errorf("an automatic off cannot be made permanent: %v", err)
	}
}

// Of many servers that see the failures at once, one switches the channel off and reports it.
func TestAutomaticOffRace(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Minute).Add(-time.Hour)
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	limited(t, db)
	now = now.Add(time.Hour)
	var wg sync.WaitGroup
	var mu sync.Mutex
	tripped := 0
	for i := range 20 {
		wg.Go(func() {
			done, err := db.Registry().CountChannel(t.Context(), store.ChannelCount{Channel: store.ChannelAlipay, Minute: now.Add(-time.Duration(i%3) * time.Minute), Requests: 20, Failures: 20})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if done.Tripped {
				tripped++
			}
		})
	}
	wg.Wait()
	if n := len(actions(t, db)); tripped != 1 || n != 2 {
		t.Errorf("switched off %d times, %d actions", tripped, n)
	}
}
