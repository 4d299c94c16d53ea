package selfservice

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A registryTest is a service whose clock only moves when the test moves it.
type registryTest struct {
	*Service
	t   *testing.T
	dsn string
	now atomic.Int64
	log strings.Builder
}

const testChannel Channel = "partner-91"

// newRegistryTest returns a service with the channel on, at half past nine in Beijing.
func newRegistryTest(t *testing.T) *registryTest {
	t.Helper()
	r := &registryTest{t: t, dsn: storetest.DSN(t)}
	r.now.Store(time.Date(2026, 3, 1, 1, 30, 0, 0, time.UTC).UnixNano())
	r.Service = newTestService(t)
	r.db = storetest.Open(t, r.dsn, storetest.WithNow(func() time.Time { return time.Unix(0, r.now.Load()) }))
	r.registry = newChannelRegistry(r.db, slog.New(slog.NewTextHandler(&r.log, nil)), testenv.Patience)
	r.set(func(e *store.ChannelEntry) { e.IsOn = true })
	return r
}

func (r *registryTest) pass(d time.Duration) { r.now.Add(int64(d)) }

func (r *registryTest) set(change func(*store.ChannelEntry)) {
	r.t.Helper()
	_, err := r.db.Registry().ChangeChannel(r.t.Context(), store.ChannelOrder{Channel: string(testChannel), Action: store.ActionChannelSet, Operator: "li", Reason: "test"},
		func(e *store.ChannelEntry) error { change(e); return nil })
	must(r.t, err)
}

// check returns the error of a request.
func (r *registryTest) check() error { return r.CheckChannel(r.t.Context(), testChannel) }

// settle waits for the end of a read in the background.
func (r *registryTest) settle() {
	testenv.Eventually(r.t, "the registry is read", func() bool {
		r.registry.mu.Lock()
		defer r.registry.mu.Unlock()
		return r.registry.reading == nil
	})
}

// A change is in force after five seconds, and a registry is not read again before it is half as
// old. While the database is away, the last known one is in force; before any is known, nothing
// is served.
func TestRegistryAge(t *testing.T) {
	t.Parallel()
	r := newRegistryTest(t)
	if e := r.check(); e != nil {
		t.Fatal(e)
	}
	r.set(func(e *store.ChannelEntry) { e.IsOn = false })
	r.pass(registryAge/2 - time.Nanosecond)
	if e := r.check(); e != nil {
		t.Errorf("read too early: %v", e)
	}
	r.pass(registryAge/2 + time.Nanosecond)
	if e := r.check(); !errors.Is(e, ErrChannelClosed) || AsError(e).Closed.Why != ChannelByOperators {
		t.Errorf("five seconds later: %v", e)
	}
	r.set(func(e *store.ChannelEntry) { e.IsOn = true })
	r.pass(registryAge / 2)
	r.check() // starts a read and does not wait
	r.settle()
	if e := r.check(); e != nil {
		t.Errorf("after the read in the background: %v", e)
	}

	probe := storetest.Probe(t, r.dsn)
	rename(t, probe, "channels", "channels_away")
	r.pass(time.Hour)
	for range 3 {
		if e := r.check(); e != nil {
			t.Errorf("while the database is away: %v", e)
		}
		r.settle()
	}
	if _, reading := r.registry.look(); reading != nil {
		t.Error("requests wait for a database that is known to be away")
	}
	r.settle()
	fresh := &Service{db: r.db, registry: newChannelRegistry(r.db, slog.New(slog.DiscardHandler), testenv.Patience)}
	if err := fresh.CheckChannel(t.Context(), testChannel); err == nil || errors.Is(err, ErrChannelClosed) {
		t.Errorf("nothing is known: %v", err)
	}
	rename(t, probe, "channels_away", "channels")
	r.set(func(e *store.ChannelEntry) { e.IsOn = false })
	r.check()
	r.settle()
	if e := r.check(); !errors.Is(e, ErrChannelClosed) {
		t.Errorf("the database is back: %v", e)
	}
	if text := r.log.String(); strings.Count(text, "channel switched") != 3 || strings.Count(text, "registry of channels not read") != 1 {
		t.Errorf("logged %s", text)
	}
}

func rename(t *testing.T, probe *sqlx.DB, from, to string) {
	t.Helper()
	_, err := probe.Exec(`ALTER TABLE ` + from + ` RENAME TO ` + to)
	must(t, err)
}

// Requests that arrive together wait for one read.
func TestRegistryIsReadOnce(t *testing.T) {
	t.Parallel()
	r := newRegistryTest(t)
	probe := storetest.Probe(t, r.dsn)
	lock, err := probe.Beginx()
	must(t, err)
	_, err = lock.Exec(`LOCK TABLE channels`)
	must(t, err)
	_, first := r.registry.look()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, reading := r.registry.look(); reading != first {
				t.Error("a second read began")
			}
			if err := r.CheckChannel(t.Context(), testChannel); err != nil {
				t.Error(err)
			}
		})
	}
	testenv.Eventually(t, "the read waits for the lock", func() bool {
		readers := 0
		must(t, probe.Get(&readers, `SELECT count(*) FROM pg_locks WHERE relation = 'channels'::regclass AND NOT granted`))
		return readers == 1
	})
	must(t, lock.Rollback())
	wg.Wait()
}

// The requests of a minute are limited over two servers, exactly but for what one admits before
// it hears of the other.
func TestRequestsAMinute(t *testing.T) {
	t.Parallel()
	r := newRegistryTest(t)
	r.set(func(e *store.ChannelEntry) { e.PerMinute = 10 })
	other := &Service{db: r.db, registry: newChannelRegistry(r.db, slog.New(slog.DiscardHandler), testenv.Patience)}
	admitted := func(s *Service, n int) (passed int) {
		for range n {
			err := s.CheckChannel(t.Context(), testChannel)
			if err == nil {
				passed++
			} else if e := AsError(err); !errors.Is(e, ErrTooManyRequests) || e.RetryAfter < 1 || e.RetryAfter > 60 {
				t.Errorf("%v, retry after %d", err, e.RetryAfter)
			}
		}
		return passed
	}
	if n := admitted(r.Service, 6); n != 6 {
		t.Errorf("%d of 6", n)
	}
	r.pass(registryAge)
	if n := admitted(r.Service, 1); n != 1 { // reports six
		t.Errorf("%d of 1", n)
	}
	if n := admitted(other, 1); n != 1 { // has reported nothing, so it has heard nothing
		t.Errorf("%d of 1", n)
	}
	r.pass(registryAge)
	if n := admitted(other, 10); n != 3 { // 10 less six and its one
		t.Errorf("%d admitted after the report, want 3", n)
	}
	r.pass(time.Minute)
	if n := admitted(r.Service, 12); n != 10 {
		t.Errorf("%d in the next minute", n)
	}
}

// A rate of failures switches the channel off for all, until the cool-down ends.
func TestFailuresCloseChannel(t *testing.T) {
	t.Parallel()
	r := newRegistryTest(t)
	r.set(func(e *store.ChannelEntry) {
		e.FailurePercent, e.FailureRequests, e.FailureMinutes, e.CoolDownSeconds = 50, 4, 1, 600
	})
	r.check()
	r.pass(time.Minute)
	for i := range 4 {
		if e := r.check(); e != nil {
			t.Fatal(e)
		}
		if i%2 == 0 {
			r.CountFailure(testChannel)
		}
	}
	r.pass(registryAge)
	err := r.check()
	if !errors.Is(err, ErrChannelClosed) {
		t.Fatalf("%v, logged %s", err, r.log.String())
	}
	e := AsError(err)
	if e.Closed.Why != ChannelByFailures || e.RetryAfter < 599 || e.RetryAfter > 601 || !e.Closed.ProtectsOwner() {
		t.Fatalf("%+v", e)
	}
	if s := r.ChannelState(t.Context(), testChannel); s != ChannelByFailures {
		t.Errorf("state %q", s)
	}
	if text := r.log.String(); strings.Count(text, "level=ERROR msg=\"channel switched off automatically\"") != 1 {
		t.Errorf("logged %s", text)
	}
	r.pass(time.Duration(e.RetryAfter) * time.Second)
	if e := r.check(); e != nil {
		t.Errorf("after the cool-down: %v", e)
	}
}

// What failed while its count could not be stored is forgotten, so a database that was away does
// not switch the channel off once it is back.
func TestFailuresOfDatabaseDoNotCount(t *testing.T) {
	t.Parallel()
	r := newRegistryTest(t)
	r.set(func(e *store.ChannelEntry) { e.FailurePercent, e.FailureRequests, e.FailureMinutes = 1, 1, 60 })
	r.check()
	r.pass(time.Minute)
	probe := storetest.Probe(t, r.dsn)
	rename(t, probe, "channel_counts", "away")
	r.check()
	r.settle()
	r.CountFailure(testChannel)
	r.pass(registryAge)
	r.check()
	r.settle()
	rename(t, probe, "away", "channel_counts")
	r.pass(registryAge)
	r.check()
	r.settle()
	if e := r.check(); e != nil {
		t.Errorf("%v", e)
	}
}
