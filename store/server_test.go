package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// A crashing is a server that a test stops, kills and starts again.
type crashing struct {
	*localpg.Server
	t   *testing.T
	dir string
}

// start starts the server on its directory, which is made at the first time.
func (c *crashing) start(o localpg.Options) {
	c.t.Helper()
	o.Dir, o.Own = c.dir, true
	s, err := localpg.Start(testenv.Context(c.t), o)
	storetest.Require(c.t, err)
	c.t.Cleanup(func() { s.Close() })
	c.Server = s
}

func (c *crashing) stop() {
	c.t.Helper()
	noError(c.t, c.Close())
}

// in is the DSN for one step, with a schema of its own for the tables of a ledger.
func (c *crashing) in(step string) string { return c.DSN("") + " search_path=" + step + ",public" }

// TestOwnServer has one server of its own for all that is done to a server, one step
// after the other. From the second on it is as careful with its data as a real one.
func TestOwnServer(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "fundpass-server") // t.TempDir is closed to the account that root steps down to
	noError(t, err)
	t.Cleanup(func() { localpg.Remove(dir) })
	c := &crashing{t: t, dir: dir}
	c.start(localpg.Options{TCP: true, Throwaway: true})
	_, err = store.Migrate(t.Context(), store.MigrateConfig{DSN: c.DSN(""), ConnectLimit: testenv.Patience})
	noError(t, err)
	steps := []struct {
		name string
		run  func(t *testing.T, c *crashing, step string)
	}{
		{"tls", testTLS}, {"unreplicated", testUnreplicatedCommit}, {"restart", testServerRestart},
		{"late", testOpenWaits}, {"away", testServerAway}, {"standby", testStandby}, // the last: it stays one
	}
	admin := storetest.Probe(t, c.DSN(""))
	for _, s := range steps {
		admin.MustExec(`CREATE SCHEMA ` + s.name)
	}
	admin.Close()
	for _, s := range steps {
		if !t.Run(s.name, func(t *testing.T) { s.run(t, c, s.name) }) {
			return // the server is in no known state
		}
	}
}

// testServerRestart kills the server under load and starts it again: all
// writers go on, and nothing is lost or doubled.
func testServerRestart(t *testing.T, c *crashing, step string) {
	db := ledger(t, c.in(step))
	ctx := testenv.Context(t)
	const writers = 4
	end := make(chan struct{})
	var entered atomic.Int64
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
				entered.Add(1)
				select {
				case <-end:
					return
				default:
				}
			}
		})
	}
	more := func() {
		before := entered.Load()
		testenv.Eventually(t, "entries are made", func() bool { return t.Failed() || entered.Load() > before+3*writers })
	}
	more()
	noError(t, c.Kill())
	c.stop()
	c.start(localpg.Options{})
	more()
	close(end)
	wg.Wait()
	want := int(entered.Load())
	if n, total := count(t, c.in(step), ""); n != want || total != want {
		t.Errorf("%d entries, total %d, acknowledged %d", n, total, want)
	}
	noError(t, db.Ping(ctx))
}

func testServerAway(t *testing.T, c *crashing, step string) {
	db := ledger(t, c.in(step))
	c.stop()
	for name, call := range map[string]func(ctx context.Context) error{
		"ping":  db.Ping,
		"write": func(ctx context.Context) error { return enter(ctx, db, "a") },
		"read": func(ctx context.Context) error {
			return db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT 1`) })
		},
		"open": func(ctx context.Context) error {
			_, err := store.Open(ctx, store.Config{DSN: c.in(step), Center: "c", AppID: "a", ColumnCipher: storetest.NewColumnCipher(t)})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := call(ctx); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknownOutcome) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
	c.start(localpg.Options{})
}

// testOpenWaits: the server may come up a little later than its client.
func testOpenWaits(t *testing.T, c *crashing, step string) {
	p, through := newProxy(t, c.in(step))
	c.stop()
	opened := make(chan error, 1)
	go func() {
		db, err := store.Open(testenv.Context(t), store.Config{DSN: through, CallLimit: testenv.Patience, Center: "c", AppID: "a", ColumnCipher: storetest.ColumnCipher()})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	testenv.Eventually(t, "it finds nobody", func() bool { return p.refused.Load() > 1 })
	c.start(localpg.Options{})
	noError(t, <-opened)
}

// testStandby: a server that was demoted takes no writes and is not ready.
func testStandby(t *testing.T, c *crashing, step string) {
	db := ledger(t, c.in(step))
	noError(t, enter(t.Context(), db, "a"))
	c.stop()
	data, err := filepath.Glob(filepath.Join(c.dir, "data-*"))
	if err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	noError(t, os.WriteFile(filepath.Join(data[0], "standby.signal"), nil, 0o644))
	c.start(localpg.Options{})
	ctx := testenv.Context(t)
	if err := db.Ping(ctx); !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("ping: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := enter(ctx, db, "b"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	if n, _ := count(t, c.in(step), ""); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// testUnreplicatedCommit: a commit that the server ends while it waits for a
// standby stands on the primary only, and is not a success.
func testUnreplicatedCommit(t *testing.T, c *crashing, step string) {
	ledger(t, c.in(step))
	c.stop()
	c.start(localpg.Options{Settings: []string{"synchronous_standby_names=nobody"}})
	defer func() { c.stop(); c.start(localpg.Options{}) }()
	db := storetest.Open(t, c.in(step)+" application_name=waiting")
	probe := storetest.Probe(t, c.in(step)+" synchronous_commit=local")
	told := make(chan error, 1)
	ctx := testenv.Context(t)
	go func() { told <- enter(ctx, db, "alone") }()
	testenv.Eventually(t, "the commit waits and is ended", func() bool {
		var n int
		noError(t, probe.Get(&n, `SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND wait_event = $2`, "waiting", "SyncRep"))
		return n > 0
	})
	if err := <-told; !errors.Is(err, store.ErrUnknownOutcome) || ctx.Err() != nil {
		t.Fatalf("got %v, want ErrUnknownOutcome before the deadline", err)
	}
	if n := db.UnreplicatedCommits(); n != 1 {
		t.Errorf("%d counted", n)
	}
	if n, _ := count(t, c.in(step), "alone"); n != 1 {
		t.Errorf("row is there %d times", n)
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
		db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: center, AppID: app, ColumnCipher: storetest.ColumnCipher()})
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
	for range testenv.Rounds(2, 5) {
		dsn := storetest.DSN(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: "c", AppID: "a", ColumnCipher: storetest.ColumnCipher(), MaxConns: 2})
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
	dsn := newBook(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through)
	p.holds.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-p.held; cancel() }()
	if err := enter(ctx, db, "a"); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("closed while a commit was under way: %v", err)
	case <-time.After(100 * time.Millisecond): // enough for one that does not wait
	}
	p.hold <- struct{}{}
	noError(t, <-closed)
}
