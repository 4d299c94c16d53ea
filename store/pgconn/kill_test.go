package pgconn_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// TestKilledBackends kills sessions under load. Every acknowledged entry exists once, and
// none is counted twice.
func TestKilledBackends(t *testing.T) {
	t.Parallel()
	const writers, each, kills = 8, 20, 20
	dsn := storetest.DSN(t)
	db := ledger(t, dsn)
	ctx := testenv.Context(t)
	var unknown, entered, killed atomic.Int64
	stop := killBackends(t, dsn, &entered, &killed)

	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; i < each || killed.Load() < kills; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				err := enter(ctx, db, id)
				for errors.Is(err, pgconn.ErrUnknownOutcome) {
					unknown.Add(1)
					err = enter(ctx, db, id)
				}
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				entered.Add(1)
			}
		})
	}
	wg.Wait()
	stop()
	want := int(entered.Load())
	if n, total := count(t, dsn, ""); n != want || total != n {
		t.Errorf("%d entries, total %d, want %d of both", n, total, want)
	}
	t.Logf("%d sessions killed, %d unknown outcomes", killed.Load(), unknown.Load())
}

// killBackends ends sessions of the database, and counts them, until stop is called. It
// waits for an entry between kills, so that a busy machine makes progress.
func killBackends(t *testing.T, dsn string, entered, killed *atomic.Int64) (stop func()) {
	t.Helper()
	storetest.NeedOwnServer(t, "it ends all sessions of its database")
	db, err := pgconn.NewDB(dsn+" application_name=killer", true)
	if err != nil {
		t.Fatal(err)
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer db.Close()
		seen := int64(-1)
		for {
			select {
			case <-end:
				return
			case <-time.After(rand.N(4 * time.Millisecond)):
			}
			if seen == entered.Load() {
				continue
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
			if n > 0 {
				killed.Add(int64(n))
				seen = entered.Load()
			}
		}
	}()
	return func() { close(end); <-done }
}

func TestKilledIdleConnectionsAreNotNoticed(t *testing.T) {
	t.Parallel()
	storetest.NeedOwnServer(t, "it ends all sessions of its database")
	dsn := storetest.DSN(t)
	db := ledger(t, dsn)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { enter(t.Context(), db, fmt.Sprint(i)) })
	}
	wg.Wait()
	killer, err := pgconn.NewDB(dsn+" application_name=killer", true)
	if err != nil {
		t.Fatal(err)
	}
	defer killer.Close()
	killer.MustExec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`, "fundpass")
	testenv.Eventually(t, "the sessions have ended", func() bool {
		var left int
		noError(t, killer.Get(&left, `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`, "fundpass"))
		return left == 0
	})
	runs := 0
	err = db.Read(t.Context(), func(q sqlx.QueryerContext) error {
		runs++
		return sqlx.GetContext(t.Context(), q, new(int), `SELECT 1`)
	})
	if err != nil || runs != 1 {
		t.Fatalf("%d runs, %v", runs, err)
	}
}
