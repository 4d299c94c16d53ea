package pgconn_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// An ending is a context whose deadline is exceeded when end is called, so that tests do
// not depend on the speed of the machine.
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

// TestBlackHole drops all network traffic at each stage of a call. The deadline is exceeded
// once something was dropped, and the call returns although the network is still down.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(ctx context.Context, db *pgconn.Pool, fall func()) error
		want error
	}{
		{"read", func(ctx context.Context, db *pgconn.Pool, fall func()) error {
			fall()
			return db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1) })
		}, pgconn.ErrUnavailable},
		{"read of a prepared statement", func(ctx context.Context, db *pgconn.Pool, fall func()) error {
			return db.Read(ctx, func(q sqlx.QueryerContext) error {
				for range 2 {
					if err := sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1); err != nil {
						return err
					}
					fall()
				}
				return nil
			})
		}, pgconn.ErrUnavailable},
		{"rows", func(ctx context.Context, db *pgconn.Pool, fall func()) error {
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
		}, pgconn.ErrUnavailable},
		{"begin", func(ctx context.Context, db *pgconn.Pool, fall func()) error { fall(); return enter(ctx, db, "begin") }, pgconn.ErrUnavailable},
		{"statement", func(ctx context.Context, db *pgconn.Pool, fall func()) error {
			return db.InTx(ctx, func(tx *pgconn.Tx) error {
				fall()
				_, err := tx.ExecContext(ctx, `UPDATE total SET n = n + $1`, 1)
				return err
			})
		}, pgconn.ErrUnavailable},
		{"commit", func(ctx context.Context, db *pgconn.Pool, fall func()) error {
			return db.InTx(ctx, func(tx *pgconn.Tx) error { fall(); return nil })
		}, pgconn.ErrUnknownOutcome},
		{"rollback", func(ctx context.Context, db *pgconn.Pool, fall func()) error {
			return db.InTx(ctx, func(tx *pgconn.Tx) error { fall(); return errOwn })
		}, errOwn},
		{"ping", func(ctx context.Context, db *pgconn.Pool, fall func()) error { fall(); return db.Ping(ctx) }, pgconn.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, through := newProxy(t, newSchema(t))
			db := ledger(t, through)
			ctx := newEnding(t)
			defer ctx.end()
			go func() { <-p.dropped; ctx.end() }()
			err := tt.call(ctx, db, func() { p.drops.Store(true) })
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if tt.want == pgconn.ErrUnavailable && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want a context error too", err)
			}
			p.drops.Store(false)
			p.closeAll()
			if err := enter(t.Context(), db, "healed"); err != nil {
				t.Errorf("after healing: %v", err)
			}
		})
	}
}

var errOwn = errors.New("own error")

// TestSilentServer connects to a server that accepts connections and sends nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := pgconn.Config{DSN: "host=127.0.0.1 port=" + portOf(l) + " sslmode=disable user=postgres"}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = pgconn.Connect(ctx, c)
	if !errors.Is(err, pgconn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestConnectTimeout connects without a deadline. The set-up of a connection has a limit of
// its own.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg, err := pgconn.ParseDSN("host=127.0.0.1 port=" + portOf(l) + " sslmode=disable user=postgres connect_timeout=0")
	if err != nil || cfg.ConnectTimeout <= 0 {
		t.Fatal(cfg.ConnectTimeout, err)
	}
	cfg.ConnectTimeout = 20 * time.Millisecond // TestDSNIsHardened checks the real value
	if _, err := pgconn.ConnectorOf(cfg).Connect(context.Background()); err == nil {
		t.Fatal("no error")
	}
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Config.CallTimeout ends a call without a deadline. TestCallTimeout checks its default.
func TestCallsWithoutDeadline(t *testing.T) {
	t.Parallel()
	p, through := newProxy(t, newSchema(t))
	db := ledger(t, through, callTimeout(10*time.Second))
	p.drops.Store(true)
	ctx := context.Background()
	err := db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1) })
	if !errors.Is(err, pgconn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSlowQueryIsContextError(t *testing.T) {
	t.Parallel()
	db := openPool(t, storetest.Shared(t))
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
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, pgconn.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// exhaust runs a query to its last row.
func exhaust(ctx context.Context, db *pgconn.Pool, in, query string, args []any) error {
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
	return db.InTx(ctx, func(tx *pgconn.Tx) error { return run(tx) })
}

// The server cancels a statement whose context has ended, and the caller gets the error of
// its context.
func TestCancelReachesServer(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	center, _ := storetest.CenterOf(dsn)
	db, probe := openPool(t, dsn), storetest.Probe(t, dsn)
	running := func() (n int) {
		noError(t, probe.Get(&n, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE $1 AND pid <> pg_backend_pid() AND state = 'active'`, "%"+center))
		return n
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- exhaust(ctx, db, "read", `SELECT pg_sleep($1) -- `+center, []any{600}) }()
	testenv.Eventually(t, "the statement runs", func() bool { return running() == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) || errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	testenv.Eventually(t, "the statement has ended", func() bool { return running() == 0 })
}

func TestPoolExhaustedIsUnavailable(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	db := ledger(t, dsn, maxConns(1))
	err := db.InTx(t.Context(), func(tx *pgconn.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := enter(ctx, db, "second"); !errors.Is(err, pgconn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
