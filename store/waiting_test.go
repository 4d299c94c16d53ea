package store_test

import (
	"fmt"
	"testing"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// awaitWaiting waits until n sessions wait for locks of the transactions, or for a session
// that does.
func awaitWaiting(t *testing.T, db *store.DB, n int, holders ...*sqlx.Tx) {
	t.Helper()
	probe := storetest.ProbeOf(db)
	self, edges := `SELECT pg_backend_pid()`, `
		SELECT pid AS waiting, unnest(pg_blocking_pids(pid)) AS blocking FROM pg_locks WHERE NOT granted`
	if storetest.IsDistributed(t) { // the locks of rows are on the servers of the shards
		self, edges = `SELECT citus_backend_gpid()`, `SELECT waiting_gpid AS waiting, blocking_gpid AS blocking FROM citus_lock_waits`
	}
	held := map[int64]bool{}
	for _, tx := range holders {
		var id int64
		noError(t, tx.Get(&id, self))
		held[id] = true
	}
	testenv.Eventually(t, fmt.Sprint(n, " sessions wait for a lock"), func() bool {
		var all []struct{ Waiting, Blocking int64 }
		noError(t, probe.Select(&all, edges))
		reached := map[int64]bool{}
		for range all {
			for _, e := range all {
				if held[e.Blocking] || reached[e.Blocking] {
					reached[e.Waiting] = true
				}
			}
		}
		return len(reached) >= n
	})
}
