package store_test

import (
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A batch into a table that is still empty, of which PostgreSQL knows nothing, does not
// walk all earlier rows for each one.
func TestImportIntoEmptyTable(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	if c := importAll(t, db, depositors(1, store.ImportBatch)...); c.Added != store.ImportBatch {
		t.Fatalf("%+v", c)
	}
	var seen struct {
		Inserted int64 `db:"inserted"`
		Read     int64 `db:"read"`
	}
	for end := time.Now().Add(30 * time.Second); seen.Inserted < store.ImportBatch; time.Sleep(50 * time.Millisecond) {
		noError(t, db.Pool().Get(&seen, `
			SELECT (SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'accounts') AS inserted,
				(SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'accounts') AS read`))
		if time.Now().After(end) {
			t.Fatalf("the statistics say %+v", seen)
		}
	}
	if seen.Read > 10*store.ImportBatch {
		t.Errorf("%d index entries read for %d rows", seen.Read, store.ImportBatch)
	}
}
