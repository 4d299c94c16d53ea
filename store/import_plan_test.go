package store_test

import (
	"slices"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// rowsRead is how many rows and index entries of accounts a database has read.
func rowsRead(t *testing.T, db *store.DB, inserted int64) (read int64) {
	t.Helper()
	noError(t, db.Close()) // the server's processes tell what they counted when they end
	testenv.Eventually(t, "the statistics know of all rows", func() bool {
		var seen int64
		noError(t, storetest.ProbeOf(db).QueryRow(`
			SELECT n_tup_ins, seq_tup_read + (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND relname = 'accounts')
			FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = 'accounts'`).Scan(&seen, &read))
		return seen >= inserted
	})
	return read
}

// A batch into a table that is still empty, of which PostgreSQL knows nothing, does not
// walk all earlier rows for each one.
func TestImportIntoEmptyTable(t *testing.T) {
	t.Parallel()
	storetest.NeedPlain(t, "the statistics of shards are on other servers")
	db := storetest.Open(t, storetest.DSN(t))
	if c := importAll(t, db, depositors(1, store.ImportBatch)...); c.Added != store.ImportBatch {
		t.Fatalf("%+v", c)
	}
	if read := rowsRead(t, db, store.ImportBatch); read > 10*store.ImportBatch {
		t.Errorf("%d index entries read for %d rows", read, store.ImportBatch)
	}
}

// What a batch reads does not grow with the centre, although the connection's statements,
// and PostgreSQL's checks of foreign keys, were first planned for an empty one.
// It is not parallel, because databases that are created beside it make PostgreSQL forget plans.
func TestImportOfManyBatches(t *testing.T) {
	storetest.NeedPlain(t, "the statistics of shards are on other servers")
	db := storetest.Open(t, storetest.DSN(t))
	all := depositors(1, 4000)
	for batch := range slices.Chunk(all, 100) {
		if c := importAll(t, db, batch...); c.Added != int64(len(batch)) {
			t.Fatalf("%+v", c)
		}
	}
	if read := rowsRead(t, db, int64(len(all))); read > int64(20*len(all)) {
		t.Errorf("%d rows and index entries read for %d rows", read, len(all))
	}
}
