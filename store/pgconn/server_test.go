package pgconn_test

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
	"fundpass/store/localpg"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// An ownServer is a server that a test stops, kills and starts again.
type ownServer struct {
	*localpg.Server
	t   *testing.T
	dir string
}

// start starts the server on its directory, which the first start creates.
func (c *ownServer) start(o localpg.Options) {
	c.t.Helper()
	o.Dir, o.Own = c.dir, true
	s, err := localpg.Start(testenv.Context(c.t), o)
	storetest.Require(c.t, err)
	c.t.Cleanup(func() { s.Close() })
	c.Server = s
}

func (c *ownServer) stop() {
	c.t.Helper()
	noError(c.t, c.Close())
}

// in returns the DSN of one step, with a schema of its own for the tables of a ledger.
func (c *ownServer) in(step string) string { return c.DSN("") + " search_path=" + step + ",public" }

// TestOwnServer runs the tests that stop, kill or configure a server, one after the other
// on one server. From the second start on it syncs its data.
func TestOwnServer(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "fundpass-server") // the server's account cannot enter t.TempDir of root
	noError(t, err)
	t.Cleanup(func() { localpg.Remove(dir) })
	c := &ownServer{t: t, dir: dir}
	c.start(localpg.Options{TCP: true, Throwaway: true})
	steps := []struct {
		name string
		run  func(t *testing.T, c *ownServer, step string)
	}{
		{"tls", testTLS}, {"unreplicated", testUnreplicatedCommit}, {"restart", testServerRestart},
		{"late", testOpenWaits}, {"down", testServerDown}, {"standby", testStandby}, // last, because the server stays a standby
	}
	admin := storetest.Probe(t, c.DSN(""))
	for _, s := range steps {
		admin.MustExec(`CREATE SCHEMA ` + s.name)
	}
	admin.Close()
	for _, s := range steps {
		if !t.Run(s.name, func(t *testing.T) { s.run(t, c, s.name) }) {
			return // the state of the server is unknown
		}
	}
}

// testServerRestart kills the server under load and starts it again. All writers go on, and
// no entry is lost or written twice.
func testServerRestart(t *testing.T, c *ownServer, step string) {
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
				for errors.Is(err, pgconn.ErrUnknownOutcome) {
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

func testServerDown(t *testing.T, c *ownServer, step string) {
	db := ledger(t, c.in(step))
	c.stop()
	for name, call := range map[string]func(ctx context.Context) error{
		"ping":  db.Ping,
		"write": func(ctx context.Context) error { return enter(ctx, db, "a") },
		"read": func(ctx context.Context) error {
			return db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT 1`) })
		},
		"open": func(ctx context.Context) error {
			_, err := pgconn.Connect(ctx, pgconn.Config{DSN: c.in(step)})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := call(ctx); !errors.Is(err, pgconn.ErrUnavailable) || errors.Is(err, pgconn.ErrUnknownOutcome) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
	c.start(localpg.Options{})
}

// testOpenWaits starts the server after its client.
func testOpenWaits(t *testing.T, c *ownServer, step string) {
	p, through := newProxy(t, c.in(step))
	c.stop()
	opened := make(chan error, 1)
	go func() {
		db, err := pgconn.Connect(testenv.Context(t), pgconn.Config{DSN: through, CallTimeout: testenv.Patience})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	testenv.Eventually(t, "the client finds no server", func() bool { return p.refused.Load() > 1 })
	c.start(localpg.Options{})
	noError(t, <-opened)
}

// testStandby demotes the server, which then refuses writes, and Ping reports it.
func testStandby(t *testing.T, c *ownServer, step string) {
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
	if err := db.Ping(ctx); !errors.Is(err, pgconn.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("ping: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := enter(ctx, db, "b"); !errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	if n, _ := count(t, c.in(step), ""); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// testUnreplicatedCommit has the server end a commit that waits for a standby. The commit
// is on the primary only and is not reported as a success.
func testUnreplicatedCommit(t *testing.T, c *ownServer, step string) {
	ledger(t, c.in(step))
	c.stop()
	c.start(localpg.Options{Settings: []string{"synchronous_standby_names=nobody"}})
	defer func() { c.stop(); c.start(localpg.Options{}) }()
	db := openPool(t, c.in(step)+" application_name=waiting")
	probe := storetest.Probe(t, c.in(step)+" synchronous_commit=local")
	failed := make(chan error, 1)
	ctx := testenv.Context(t)
	go func() { failed <- enter(ctx, db, "alone") }()
	testenv.Eventually(t, "the commit waits and is ended", func() bool {
		var n int
		noError(t, probe.Get(&n, `SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND wait_event = $2`, "waiting", "SyncRep"))
		return n > 0
	})
	if err := <-failed; !errors.Is(err, pgconn.ErrUnknownOutcome) || ctx.Err() != nil {
		t.Fatalf("got %v, want ErrUnknownOutcome before the deadline", err)
	}
	if n := db.UnreplicatedCommits(); n != 1 {
		t.Errorf("%d counted", n)
	}
	if n, _ := count(t, c.in(step), "alone"); n != 1 {
		t.Errorf("%d rows, want 1", n)
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
	db.DB().SetMaxIdleConns(0) // none left to reuse
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := enter(ctx, db, "a"); !errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestCloseWaitsForCommit(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through)
	p.holds.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-p.held; cancel() }()
	if err := enter(ctx, db, "a"); !errors.Is(err, pgconn.ErrUnknownOutcome) {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("closed during a commit: %v", err)
	case <-time.After(100 * time.Millisecond): // enough for a Close that does not wait
	}
	p.hold <- struct{}{}
	noError(t, <-closed)
}
