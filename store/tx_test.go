package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/store"
	"fundpass/store/storetest"
)

// newBook is the shared database with a schema of its own before the public one,
// for the tables of a ledger.
func newBook(t *testing.T) (dsn string) {
	t.Helper()
	dsn = storetest.Shared(t)
	center, _ := storetest.CenterOf(dsn)
	db, err := store.OpenPool(dsn, true)
	noError(t, err)
	defer db.Close()
	var tables string
	noError(t, db.Get(&tables, `SELECT current_schema()`))
	_, err = db.Exec(`CREATE SCHEMA ` + center)
	noError(t, err)
	return dsn + " search_path=" + center + "," + tables
}

// ledger opens a store on dsn with a table that counts: one row an entry, and
// a total that is raised by each new one.
func ledger(t *testing.T, dsn string, opts ...storetest.Option) *store.DB {
	t.Helper()
	db := storetest.Open(t, dsn, opts...)
	err := db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
		_, err := tx.Exec(`
			CREATE TABLE IF NOT EXISTS entry (id text PRIMARY KEY, at timestamptz);
			CREATE TABLE IF NOT EXISTS total (n integer NOT NULL);
			INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT FROM total)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// enter is a change with an idempotency key: a repetition does nothing.
func enter(ctx context.Context, db *store.DB, id string) error {
	return db.InTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO entry (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, now)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE total SET n = n + $1`, 1)
		return err
	})
}

// count reads how many entries there are with this id, or of all when id is "",
// over a connection that nothing disturbs.
func count(t *testing.T, dsn, id string) (entries, total int) {
	t.Helper()
	db, err := store.OpenPool(dsn, true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM entry WHERE $1 IN ('', id)), (SELECT n FROM total)`, id).
		Scan(&entries, &total)
	if err != nil {
		t.Fatal(err)
	}
	return entries, total
}

func TestCommitAnswerCut(t *testing.T) {
	t.Parallel()
	dsn := newBook(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through)

	p.cut.Store(1)
	err := enter(t.Context(), db, "a")
	if !errors.Is(err, store.ErrUnknownOutcome) || errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnknownOutcome alone", err)
	}
	if n, _ := count(t, dsn, "a"); n != 1 {
		t.Fatalf("row is there %d times", n)
	}
	if err := enter(t.Context(), db, "a"); err != nil {
		t.Fatalf("repetition under the same key: %v", err)
	}
	if n, total := count(t, dsn, "a"); n != 1 || total != 1 {
		t.Fatalf("after the repetition %d rows, total %d", n, total)
	}
}

func TestCommitOutlivesRequest(t *testing.T) {
	t.Parallel()
	dsn := newBook(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through, storetest.WithMaxConns(1))
	session := func() (pid int) {
		if err := db.Pool().Get(&pid, `SELECT pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	before := session()

	for i, end := range []func() (context.Context, func()){
		func() (context.Context, func()) { return context.WithCancel(t.Context()) },
		func() (context.Context, func()) { ctx := newEnding(t); return ctx, ctx.end },
	} {
		p.holds.Store(true)
		ctx, cancel := end()
		go func() { <-p.held; cancel() }()
		id := fmt.Sprint("entry", i)
		err := enter(ctx, db, id)
		if !errors.Is(err, store.ErrUnknownOutcome) {
			t.Fatalf("got %v, want ErrUnknownOutcome", err)
		}
		time.Sleep(2 * store.CutAfter) // a commit that were bound to the request would be cut by now, and seldom later
		p.holds.Store(false)
		p.hold <- struct{}{}
		if n, _ := count(t, dsn, id); n != 1 {
			t.Fatalf("row is there %d times", n)
		}
		if after := session(); after != before {
			t.Error("the commit did not go on over its connection")
		}
	}
}

func TestEndedRequestDoesNotCommit(t *testing.T) {
	t.Parallel()
	dsn := newBook(t)
	db := ledger(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO entry (id, at) VALUES ($1, $2)`, "late", now)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if n, _ := count(t, dsn, "late"); n != 0 {
		t.Fatal("committed")
	}
	if err := enter(t.Context(), db, "next"); err != nil {
		t.Fatal(err)
	}
}

func TestDeadlockIsRepeated(t *testing.T) {
	t.Parallel()
	dsn := newBook(t)
	db := ledger(t, dsn+" deadlock_timeout=20ms")
	for _, id := range []string{"x", "y"} {
		if err := enter(t.Context(), db, id); err != nil {
			t.Fatal(err)
		}
	}
	var runs atomic.Int64
	var met sync.WaitGroup
	met.Add(2)
	var wg sync.WaitGroup
	for _, order := range [][2]string{{"x", "y"}, {"y", "x"}} {
		first := true
		wg.Go(func() {
			err := db.InTx(t.Context(), func(tx *sqlx.Tx, now time.Time) error {
				runs.Add(1)
				if _, err := tx.Exec(`UPDATE entry SET at = $1 WHERE id = $2`, now, order[0]); err != nil {
					return err
				}
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				_, err := tx.Exec(`UPDATE entry SET at = $1 WHERE id = $2`, now, order[1])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() < 3 {
		t.Errorf("%d runs: there was no deadlock to repeat", runs.Load())
	}
}

func TestErrorsOfTheStatementAreFinal(t *testing.T) {
	t.Parallel()
	db := ledger(t, newBook(t))
	if err := enter(t.Context(), db, "a"); err != nil {
		t.Fatal(err)
	}
	own := errors.New("own error")
	tests := []struct {
		name, state string
		f           func(tx *sqlx.Tx) error
	}{
		{"unique", "23505", func(tx *sqlx.Tx) error { _, err := tx.Exec(`INSERT INTO entry (id) VALUES ($1)`, "a"); return err }},
		{"bad value", "22P02", func(tx *sqlx.Tx) error { return tx.Get(new(string), `SELECT $1::uuid::text`, "13800000000") }},
		{"syntax", "42601", func(tx *sqlx.Tx) error { _, err := tx.Exec(`SELEC 1`); return err }},
		{"own", "", func(*sqlx.Tx) error { return own }},
		{"swallowed", "", func(tx *sqlx.Tx) error { tx.Exec(`SELEC 1`); return nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runs := 0
			err := db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error { runs++; return tt.f(tx) })
			if err == nil || runs != 1 {
				t.Fatalf("%d runs, %v", runs, err)
			}
			for _, no := range []error{store.ErrUnavailable, store.ErrUnknownOutcome, context.DeadlineExceeded} {
				if errors.Is(err, no) {
					t.Errorf("%v is taken for %v", err, no)
				}
			}
			var server *pq.Error
			if tt.state != "" && (!errors.As(err, &server) || string(server.Code) != tt.state) {
				t.Errorf("got %v, want SQLSTATE %s", err, tt.state)
			}
			if tt.name == "own" && err != own {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPanicReleasesTheTransaction(t *testing.T) {
	t.Parallel()
	dsn := newBook(t)
	db := ledger(t, dsn, storetest.WithMaxConns(1))
	func() {
		defer func() { recover() }()
		db.InTx(t.Context(), func(tx *sqlx.Tx, now time.Time) error {
			tx.MustExec(`INSERT INTO entry (id, at) VALUES ($1, $2)`, "p", now)
			panic("p")
		})
	}()
	if err := enter(t.Context(), db, "after"); err != nil {
		t.Fatal(err)
	}
	if n, _ := count(t, dsn, "p"); n != 0 {
		t.Fatal("committed")
	}
}

func TestOneTimePerTransaction(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.FixedZone("CST", 8*3600))
	dsn := newBook(t)
	db := ledger(t, dsn, storetest.WithNow(func() time.Time { return at }))
	var now time.Time
	err := db.InTx(t.Context(), func(tx *sqlx.Tx, n time.Time) error {
		now = n
		_, err := tx.Exec(`INSERT INTO entry (id, at) VALUES ($1, $2)`, "t", n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if now.Location() != time.UTC || !now.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("now is %v", now)
	}
	var kept time.Time
	if err := db.Pool().Get(&kept, `SELECT at FROM entry WHERE id = $1`, "t"); err != nil || !kept.Equal(now) {
		t.Errorf("kept %v (%v), want %v", kept, err, now)
	}
}

func TestIsolationIsReadCommitted(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.Shared(t)+" default_transaction_isolation=serializable")
	var level string
	err := db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error { return tx.Get(&level, `SHOW transaction_isolation`) })
	if err != nil || level != "read committed" {
		t.Fatalf("%q, %v", level, err)
	}
}
