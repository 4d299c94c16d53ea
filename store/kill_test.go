package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/storetest"
)

// TestKilledBackends kills sessions under load: what was acknowledged is there
// once, and nothing counted twice.
func TestKilledBackends(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 40
	dsn := storetest.DSN(t)
	db := ledger(t, dsn)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	kills := killBackends(t, dsn)

	var unknown atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				err := enter(ctx, db, id)
				for errors.Is(err, store.ErrUnknownOutcome) {
					unknown.Add(1)
					err = enter(ctx, db, id)
				}
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
			}
		})
	}
	wg.Wait()
	killed := kills()
	if n, total := count(t, dsn, ""); n != writers*each || total != n {
		t.Errorf("%d entries, total %d, want %d of both", n, total, writers*each)
	}
	if killed == 0 {
		t.Error("no session was killed, so nothing was tested")
	}
	t.Logf("%d sessions killed, %d unknown outcomes", killed, unknown.Load())
}

// killBackends ends sessions of the database until the returned function is
// called, which tells how many.
func killBackends(t *testing.T, dsn string) (stop func() int) {
	t.Helper()
	db, err := store.OpenPool(dsn+" application_name=killer", true)
	if err != nil {
		t.Fatal(err)
	}
	end, done := make(chan struct{}), make(chan int)
	go func() {
		killed := 0
		for {
			select {
			case <-end:
				db.Close()
				done <- killed
				return
			case <-time.After(rand.N(4 * time.Millisecond)):
			}
			var n int
			err := db.Get(&n, `
				SELECT count(pg_terminate_backend(pid)) FROM (
					SELECT pid FROM pg_stat_activity
					WHERE datname = current_database() AND application_name = $1 AND state <> 'idle'
					ORDER BY random() LIMIT 1) one`, "fundpass")
			if err != nil {
				t.Error(err)
			}
			killed += n
		}
	}()
	return func() int { close(end); return <-done }
}

func TestKilledIdleConnectionsAreNotNoticed(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	db := ledger(t, dsn)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { enter(t.Context(), db, fmt.Sprint(i)) })
	}
	wg.Wait()
	killer, err := store.OpenPool(dsn+" application_name=killer", true)
	if err != nil {
		t.Fatal(err)
	}
	defer killer.Close()
	killer.MustExec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`, "fundpass")
	time.Sleep(50 * time.Millisecond)
	runs := 0
	err = db.Read(t.Context(), func(q sqlx.QueryerContext) error {
		runs++
		return sqlx.GetContext(t.Context(), q, new(int), `SELECT 1`)
	})
	if err != nil || runs != 1 {
		t.Fatalf("%d runs, %v", runs, err)
	}
}
