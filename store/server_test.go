package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// ownServer runs a server that a test may break, migrated.
func ownServer(t *testing.T) *localpg.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "fundpass-server") // t.TempDir is closed to the account that root steps down to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { localpg.Remove(dir) })
	s := startOn(t, dir)
	if _, err := store.Migrate(t.Context(), store.MigrateConfig{DSN: s.DSN("")}); err != nil {
		t.Fatal(err)
	}
	return s
}

func startOn(t *testing.T, dir string) *localpg.Server {
	t.Helper()
	s, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Throwaway: true, Own: true})
	storetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// TestServerRestart kills the server under load and starts it again: all
// writers go on, and nothing is lost or doubled.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	s := ownServer(t)
	db := ledger(t, s.DSN("")+" synchronous_commit=on")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const writers = 4
	end := make(chan struct{})
	entered := make([]int, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				err := enter(ctx, db, id)
				for errors.Is(err, store.ErrUnknownOutcome) {
					err = enter(ctx, db, id)
				}
				if err != nil {
					t.Error(err)
					return
				}
				entered[w]++
				select {
				case <-end:
					return
				default:
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
	s.Close()
	again := startOn(t, s.Dir())
	time.Sleep(100 * time.Millisecond)
	close(end)
	wg.Wait()
	want := 0
	for _, n := range entered {
		want += n
	}
	if n, total := count(t, again.DSN(""), ""); n != want || total != want {
		t.Errorf("%d entries, total %d, acknowledged %d", n, total, want)
	}
	if err := db.Ping(ctx); err != nil {
		t.Error(err)
	}
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	s := ownServer(t)
	db := ledger(t, s.DSN(""))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for name, call := range map[string]func() error{
		"ping":  func() error { return db.Ping(ctx) },
		"write": func() error { return enter(ctx, db, "a") },
		"read": func() error {
			return db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT 1`) })
		},
		"open": func() error {
			_, err := store.Open(ctx, store.Config{DSN: s.DSN(""), Center: "c", AppID: "a", Box: storetest.NewBox(t)})
			return err
		},
	} {
		returnsBy(t, endOf(ctx), func() {
			if err := call(); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknownOutcome) {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
}

// TestOpenWaits: the server may come up a little later than its client.
func TestOpenWaits(t *testing.T) {
	t.Parallel()
	s := ownServer(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error)
	go func() {
		db, err := store.Open(t.Context(), store.Config{DSN: s.DSN(""), Center: "c", AppID: "a", Box: storetest.Box()})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	time.Sleep(200 * time.Millisecond)
	startOn(t, s.Dir())
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// TestStandby: a server that was demoted takes no writes and is not ready.
func TestStandby(t *testing.T) {
	t.Parallel()
	s := ownServer(t)
	db := ledger(t, s.DSN(""))
	if err := enter(t.Context(), db, "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := filepath.Glob(filepath.Join(s.Dir(), "data-*"))
	if err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	if err := os.WriteFile(filepath.Join(data[0], "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	standby := startOn(t, s.Dir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := db.Ping(ctx); !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("ping: %v", err)
	}
	if err := enter(ctx, db, "b"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	if n, _ := count(t, standby.DSN(""), ""); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	db := ledger(t, dsn)
	admin := pools(t, storetest.Server(t).DSN("postgres"))["named"]
	if _, err := admin.Exec(fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS false`, settings(dsn)["dbname"])); err != nil {
		t.Fatal(err)
	}
	db.Pool().SetMaxIdleConns(0) // none left to reuse
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := enter(ctx, db, "a"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	storetest.Open(t, dsn)
	storetest.Open(t, dsn) // again is nothing new
	storetest.Open(t, dsn, storetest.WithCenter("second", "2021000000000002"))
	open := func(center, app string) error {
		db, err := store.Open(t.Context(), store.Config{DSN: dsn, Center: center, AppID: app, Box: storetest.Box()})
		if err == nil {
			db.Close()
		}
		return err
	}
	if err := open("test", "2021000000000003"); !errors.Is(err, store.ErrOtherApp) {
		t.Errorf("another application: %v", err)
	}
	if err := open("third", storetest.AppID); !errors.Is(err, store.ErrOtherApp) {
		t.Errorf("another centre: %v", err)
	}
	for _, center := range []string{"", "a-name-that-is-longer-than-32-bytes"} {
		if err := open(center, "x"); err == nil {
			t.Errorf("centre %q is taken", center)
		}
	}
}

func TestRegisterAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		dsn := storetest.DSN(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				db, err := store.Open(t.Context(), store.Config{DSN: dsn, Center: "c", AppID: "a", Box: storetest.Box(), MaxConns: 2})
				if err != nil {
					t.Error(err)
					return
				}
				db.Close()
			})
		}
		wg.Wait()
	}
}

func TestCloseWaitsForCommit(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through)
	p.holds.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-p.held; cancel() }()
	if err := enter(ctx, db, "a"); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { p.hold <- struct{}{} })
	begun := time.Now()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took < 90*time.Millisecond {
		t.Errorf("closed after %v, while a commit was under way", took)
	}
}
