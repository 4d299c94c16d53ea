package store_test

import (
	"testing"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A batch into a table that is still empty, of which PostgreSQL knows nothing, does not
// walk all earlier rows for each one.
func TestImportIntoEmptyTable(t *testing.T) {
	t.Parallel()
	storetest.NeedPlain(t, "the statistics of shards are on other servers")
	db := storetest.Open(t, storetest.DSN(t))
	if c := importAll(t, db, depositors(1, store.ImportBatch)...); c.Added != store.ImportBatch {
		t.Fatalf("%+v", c)
	}
	var seen struct {
		Inserted int64 `db:"inserted"`
		Read     int64 `db:"read"`
	}
	noError(t, db.Close()) // the server's processes tell what they counted when they end
	testenv.Eventually(t, "the statistics know of the batch", func() bool {
		noError(t, storetest.ProbeOf(db).Get(&seen, `
			SELECT (SELECT n_tup_ins FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = 'accounts') AS inserted,
				(SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND relname = 'accounts') AS read`))
		return seen.Inserted >= store.ImportBatch
	})
	if seen.Read > 10*store.ImportBatch {
		t.Errorf("%d index entries read for %d rows", seen.Read, store.ImportBatch)
	}
}
