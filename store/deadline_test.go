package store_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/storetest"
)

// late is how much longer than its deadline a call may take.
const late = 250 * time.Millisecond

// returnsBy fails the test if f returns later than end and late, allowing for a
// machine that is itself too busy to wake anybody in time.
func returnsBy(t *testing.T, end time.Time, f func()) {
	t.Helper()
	returned, stalled := make(chan struct{}), make(chan time.Duration)
	go func() { stalled <- longestStall(returned) }()
	f()
	over := time.Since(end)
	close(returned)
	if s := <-stalled; over > late+2*s {
		t.Errorf("returned %v after the deadline (this machine stalled for %v)", over, s)
	}
}

// longestStall is how late the latest of many short sleeps was.
func longestStall(until <-chan struct{}) (longest time.Duration) {
	const nap = 5 * time.Millisecond
	for {
		slept := time.Now()
		select {
		case <-until:
			return max(longest, time.Since(slept)-nap)
		case <-time.After(nap):
			longest = max(longest, time.Since(slept)-nap)
		}
	}
}

func endOf(ctx context.Context) time.Time {
	end, _ := ctx.Deadline()
	return end
}

// TestBlackHole lets the network swallow everything at each stage of a call.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	const deadline = 300 * time.Millisecond
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
			p, through := newProxy(t, storetest.DSN(t))
			db := ledger(t, through)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			var err error
			returnsBy(t, endOf(ctx), func() { err = tt.call(ctx, db, func() { p.black.Store(true) }) })
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
	c := store.Config{DSN: "host=127.0.0.1 port=" + portOf(l) + " sslmode=disable user=postgres", Center: "c", AppID: "a", Box: storetest.NewBox(t)}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	returnsBy(t, endOf(ctx), func() { _, err = store.Open(ctx, c) })
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
	db, err := store.OpenPool("host=127.0.0.1 port="+portOf(l)+" sslmode=disable user=postgres connect_timeout=0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	returnsBy(t, time.Now().Add(2*time.Second), func() { err = db.PingContext(context.Background()) })
	if err == nil {
		t.Fatal("no error")
	}
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestCallsWithoutDeadline are ended by the default limit.
func TestCallsWithoutDeadline(t *testing.T) {
	t.Parallel()
	p, through := newProxy(t, storetest.DSN(t))
	db := ledger(t, through)
	p.black.Store(true)
	ctx := context.Background()
	var err error
	returnsBy(t, time.Now().Add(store.CallLimit), func() {
		err = db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1) })
	})
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
		{"plain", `SELECT pg_sleep(3)`, nil},
		{"prepared", `SELECT pg_sleep($1)`, []any{3}},
		{"first row is fast", `SELECT pg_sleep(g) FROM generate_series(0, $1) g`, []any{3}},
	}
	for _, tt := range tests {
		for _, in := range []string{"read", "tx"} {
			t.Run(tt.name+" "+in, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				var err error
				returnsBy(t, endOf(ctx), func() { err = exhaust(ctx, db, in, tt.query, tt.args) })
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

func TestCancelledRequestIsContextError(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var err error
	returnsBy(t, time.Now().Add(50*time.Millisecond), func() { err = exhaust(ctx, db, "read", `SELECT pg_sleep($1)`, []any{3}) })
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// TestCancelReachesServer: a statement whose caller went away does not go on.
func TestCancelReachesServer(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	exhaust(ctx, db, "read", `SELECT pg_sleep($1)`, []any{7})
	var still int
	for range 40 {
		err := db.Pool().Get(&still, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%pg_sleep($1)%' AND pid <> pg_backend_pid() AND state = 'active'`)
		if err != nil {
			t.Fatal(err)
		}
		if still == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d still running", still)
}

func TestPoolExhaustedIsUnavailable(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
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
