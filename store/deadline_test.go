package store_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// An ending is a context whose deadline comes when the test says so, and not by
// a clock that runs on while the machine is busy with something else.
type ending struct {
	context.Context
	over chan struct{}
	once sync.Once
}

func newEnding(t *testing.T) *ending {
	return &ending{Context: testenv.Context(t), over: make(chan struct{})}
}

func (e *ending) end() { e.once.Do(func() { close(e.over) }) }

func (e *ending) Done() <-chan struct{} { return e.over }

func (e *ending) Err() error {
	select {
	case <-e.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestBlackHole lets the network swallow everything at each stage of a call. The
// deadline comes when something was swallowed, and the call returns although the
// network is still black: nothing else would ever end it.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(ctx context.Context, db *store.DB, fall func()) error
		want error
	}{
		{"read", func(ctx context.Context, db *store.DB, fall func()) error {
			fall()
			return db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1) })
		}, store.ErrUnavailable},
		{"read of a prepared statement", func(ctx context.Context, db *store.DB, fall func()) error {
			return db.Read(ctx, func(q sqlx.QueryerContext) error {
				for range 2 {
					if err := sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1); err != nil {
						return err
					}
					fall()
				}
				return nil
			})
		}, store.ErrUnavailable},
		{"rows", func(ctx context.Context, db *store.DB, fall func()) error {
			return db.Read(ctx, func(q sqlx.QueryerContext) error {
				rows, err := q.QueryContext(ctx, `SELECT repeat('x', 1000) FROM generate_series(1, 200000) WHERE $1`, true)
				if err != nil {
					return err
				}
				defer rows.Close()
				fall()
				for rows.Next() {
				}
				return rows.Err()
			})
		}, store.ErrUnavailable},
		{"begin", func(ctx context.Context, db *store.DB, fall func()) error { fall(); return enter(ctx, db, "begin") }, store.ErrUnavailable},
		{"statement", func(ctx context.Context, db *store.DB, fall func()) error {
			return db.InTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
				fall()
				_, err := tx.ExecContext(ctx, `UPDATE total SET n = n + $1`, 1)
				return err
			})
		}, store.ErrUnavailable},
		{"commit", func(ctx context.Context, db *store.DB, fall func()) error {
			return db.InTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { fall(); return nil })
		}, store.ErrUnknownOutcome},
		{"rollback", func(ctx context.Context, db *store.DB, fall func()) error {
			return db.InTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { fall(); return errOwn })
		}, errOwn},
		{"ping", func(ctx context.Context, db *store.DB, fall func()) error { fall(); return db.Ping(ctx) }, store.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, through := newProxy(t, newBook(t))
			db := ledger(t, through)
			ctx := newEnding(t)
			defer ctx.end()
			go func() { <-p.swallowed; ctx.end() }()
			err := tt.call(ctx, db, func() { p.black.Store(true) })
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if tt.want == store.ErrUnavailable && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want a context error too", err)
			}
			p.black.Store(false)
			p.closeAll()
			if err := enter(t.Context(), db, "healed"); err != nil {
				t.Errorf("after healing: %v", err)
			}
		})
	}
}

var errOwn = errors.New("own error")

// TestSilentServer has a server that accepts connections and says nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := store.Config{DSN: "host=127.0.0.1 port=" + portOf(l) + " sslmode=disable user=postgres", Center: "c", AppID: "a", ColumnCipher: storetest.NewColumnCipher(t)}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = store.Open(ctx, c)
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestConnectTimeout has no deadline at all: the set-up of a connection is
// bounded by itself.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg, err := store.ParseDSN("host=127.0.0.1 port=" + portOf(l) + " sslmode=disable user=postgres connect_timeout=0")
	if err != nil || cfg.ConnectTimeout <= 0 {
		t.Fatal(cfg.ConnectTimeout, err)
	}
	cfg.ConnectTimeout = 20 * time.Millisecond // TestDSNIsHardened has the real one
	if _, err := store.ConnectorOf(cfg).Connect(context.Background()); err == nil {
		t.Fatal("no error")
	}
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestCallsWithoutDeadline are ended by the handle's limit; TestCallLimit holds what it
// is unless a test says otherwise.
func TestCallsWithoutDeadline(t *testing.T) {
	t.Parallel()
	p, through := newProxy(t, newBook(t))
	db := ledger(t, through, storetest.WithCallLimit(10*time.Second))
	p.black.Store(true)
	ctx := context.Background()
	err := db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1) })
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSlowQueryIsContextError(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	tests := []struct {
		name, query string
		args        []any
	}{
		{"plain", `SELECT pg_sleep(600)`, nil},
		{"prepared", `SELECT pg_sleep($1)`, []any{600}},
		{"first row is fast", `SELECT pg_sleep(g) FROM generate_series(0, $1) g`, []any{600}},
	}
	for _, tt := range tests {
		for _, in := range []string{"read", "tx"} {
			t.Run(tt.name+" "+in, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				err := exhaust(ctx, db, in, tt.query, tt.args)
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// exhaust runs a query to its last row.
func exhaust(ctx context.Context, db *store.DB, in, query string, args []any) error {
	run := func(q sqlx.QueryerContext) error {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	}
	if in == "read" {
		return db.Read(ctx, run)
	}
	return db.InTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { return run(tx) })
}

// TestCancelReachesServer: a statement whose caller went away does not go on, and
// the caller is told that it was their own doing.
func TestCancelReachesServer(t *testing.T) {
	t.Parallel()
	storetest.Server(t) // looks at its sessions
	db := storetest.Open(t, storetest.DSN(t))
	probe := storetest.ProbeOf(db)
	running := func() (n int) {
		noError(t, probe.Get(&n, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%pg_sleep($1)%' AND pid <> pg_backend_pid() AND state = 'active'`))
		return n
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := make(chan error, 1)
	go func() { told <- exhaust(ctx, db, "read", `SELECT pg_sleep($1)`, []any{600}) }()
	testenv.Eventually(t, "the statement runs", func() bool { return running() == 1 })
	cancel()
	if err := <-told; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	testenv.Eventually(t, "the statement has ended", func() bool { return running() == 0 })
}

func TestPoolExhaustedIsUnavailable(t *testing.T) {
	t.Parallel()
	dsn := newBook(t)
	db := ledger(t, dsn, storetest.WithMaxConns(1))
	err := db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := enter(ctx, db, "second"); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
