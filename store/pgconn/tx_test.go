package pgconn_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"

	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

func TestCommitAnswerCut(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through)

	p.cutCommits.Store(1)
	err := enter(t.Context(), db, "a")
	if !errors.Is(err, pgconn.ErrUnknownOutcome) || errors.Is(err, pgconn.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnknownOutcome alone", err)
	}
	if n, _ := count(t, dsn, "a"); n != 1 {
		t.Fatalf("%d rows, want 1", n)
	}
	if err := enter(t.Context(), db, "a"); err != nil {
		t.Fatalf("repetition with the same key: %v", err)
	}
	if n, total := count(t, dsn, "a"); n != 1 || total != 1 {
		t.Fatalf("after the repetition %d rows, total %d", n, total)
	}
}

// InIdempotentTx repeats a transaction whose outcome is unknown; InTxOnce never repeats.
func TestIdempotentTxRunsAgain(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through)
	runs := 0
	insert := func(tx *pgconn.Tx) error {
		runs++
		_, err := tx.Exec(`INSERT INTO entry (id) VALUES ($1) ON CONFLICT (id) DO NOTHING`, "a")
		return err
	}
	p.cutCommits.Store(1)
	if err := db.InIdempotentTx(t.Context(), insert); err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
	if n, _ := count(t, dsn, "a"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	runs = 0
	err := db.InTxOnce(t.Context(), func(*pgconn.Tx) error { runs++; return pgconn.ErrRetry })
	if !errors.Is(err, pgconn.ErrUnavailable) || runs != 1 {
		t.Errorf("once: %d runs, %v", runs, err)
	}
}

func TestCommitOutlivesRequest(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	p, through := newProxy(t, dsn)
	db := ledger(t, through, maxConns(1))
	session := func() (pid int) {
		if err := db.DB().Get(&pid, `SELECT pg_backend_pid()`); err != nil {
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
		if !errors.Is(err, pgconn.ErrUnknownOutcome) {
			t.Fatalf("got %v, want ErrUnknownOutcome", err)
		}
		time.Sleep(2 * pgconn.CancelGrace) // a commit bound by the request would end within this time
		p.holds.Store(false)
		p.hold <- struct{}{}
		if n, _ := count(t, dsn, id); n != 1 {
			t.Fatalf("%d rows, want 1", n)
		}
		if after := session(); after != before {
			t.Error("the commit lost its connection")
		}
	}
}

func TestEndedRequestDoesNotCommit(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	db := ledger(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func(tx *pgconn.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO entry (id, at) VALUES ($1, $2)`, "late", time.Now())
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, pgconn.ErrUnknownOutcome) {
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
	dsn := newSchema(t)
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
			err := db.InTx(t.Context(), func(tx *pgconn.Tx) error {
				runs.Add(1)
				if _, err := tx.Exec(`UPDATE entry SET at = $1 WHERE id = $2`, time.Now(), order[0]); err != nil {
					return err
				}
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				_, err := tx.Exec(`UPDATE entry SET at = $1 WHERE id = $2`, time.Now(), order[1])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() < 3 {
		t.Errorf("%d runs, so there was no deadlock", runs.Load())
	}
}

func TestErrorsOfTheStatementAreFinal(t *testing.T) {
	t.Parallel()
	db := ledger(t, newSchema(t))
	if err := enter(t.Context(), db, "a"); err != nil {
		t.Fatal(err)
	}
	own := errors.New("own error")
	tests := []struct {
		name, state string
		f           func(tx *pgconn.Tx) error
	}{
		{"unique", "23505", func(tx *pgconn.Tx) error { _, err := tx.Exec(`INSERT INTO entry (id) VALUES ($1)`, "a"); return err }},
		{"bad value", "22P02", func(tx *pgconn.Tx) error { return tx.Get(new(string), `SELECT $1::uuid::text`, "13800000000") }},
		{"syntax", "42601", func(tx *pgconn.Tx) error { _, err := tx.Exec(`SELEC 1`); return err }},
		{"own", "", func(*pgconn.Tx) error { return own }},
		{"dropped", "", func(tx *pgconn.Tx) error { tx.Exec(`SELEC 1`); return nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runs := 0
			err := db.InTx(t.Context(), func(tx *pgconn.Tx) error { runs++; return tt.f(tx) })
			if err == nil || runs != 1 {
				t.Fatalf("%d runs, %v", runs, err)
			}
			for _, no := range []error{pgconn.ErrUnavailable, pgconn.ErrUnknownOutcome, context.DeadlineExceeded} {
				if errors.Is(err, no) {
					t.Errorf("%v is %v", err, no)
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
	dsn := newSchema(t)
	db := ledger(t, dsn, maxConns(1))
	func() {
		defer func() { recover() }()
		db.InTx(t.Context(), func(tx *pgconn.Tx) error {
			tx.MustExec(`INSERT INTO entry (id, at) VALUES ($1, $2)`, "p", time.Now())
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

func TestIsolationIsReadCommitted(t *testing.T) {
	t.Parallel()
	db := openPool(t, storetest.Shared(t)+" default_transaction_isolation=serializable")
	var level string
	err := db.InTx(t.Context(), func(tx *pgconn.Tx) error { return tx.Get(&level, `SHOW transaction_isolation`) })
	if err != nil || level != "read committed" {
		t.Fatalf("%q, %v", level, err)
	}
}
