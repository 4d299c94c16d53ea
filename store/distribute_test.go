package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/storetest"
)

// pretended is what Distribute asks of Citus, written down instead of done.
const pretended = `
	INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	VALUES (16000, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2-1');
	CREATE TABLE citus_tables (n serial, table_name regclass PRIMARY KEY, citus_table_type text, distribution_column text, colocation_id int);
	CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql AS $$
		INSERT INTO citus_tables VALUES (DEFAULT, name, 'reference', '<none>', 1) $$;
	CREATE FUNCTION create_distributed_table(name regclass, col text, colocate_with text) RETURNS void LANGUAGE sql AS $$
		INSERT INTO citus_tables VALUES (DEFAULT, name, 'distributed', col,
			CASE colocate_with WHEN 'none' THEN 7 ELSE (SELECT colocation_id FROM citus_tables WHERE table_name = colocate_with::regclass) END) $$`

func pretendCitus(t *testing.T) (*sqlx.DB, store.MigrateConfig) {
	t.Helper()
	dsn := storetest.EmptyDSN(t)
	db := sqlx.MustOpen("postgres", dsn)
	t.Cleanup(func() { db.Close() })
	db.MustExec(pretended)
	return db, store.MigrateConfig{DSN: dsn}
}

func distribute(t *testing.T, c store.MigrateConfig) (applied, spread []string) {
	t.Helper()
	applied, spread, err := store.Distribute(t.Context(), c)
	noError(t, err)
	return applied, spread
}

// Every table is distributed once, centers first and on all servers, the others beside
// accounts; and a table that a later version adds follows.
func TestD8Distribute(t *testing.T) {
	t.Parallel()
	db, c := pretendCitus(t)
	applied, spread := distribute(t, c)
	if len(applied) == 0 || len(spread) < 20 || spread[0] != "centers" || spread[1] != "accounts" || slices.Contains(spread, "events_rest") {
		t.Errorf("applied %v, distributed %v", applied, spread)
	}
	var wrong, left []string
	noError(t, db.Select(&wrong, `SELECT table_name::text FROM citus_tables
		WHERE NOT CASE table_name::text WHEN 'centers' THEN citus_table_type = 'reference'
			ELSE citus_table_type = 'distributed' AND distribution_column = 'center_id' AND colocation_id = 7 END`))
	noError(t, db.Select(&left, `SELECT relname::text FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
			AND relname NOT IN ('goose_db_version', 'citus_tables') AND oid NOT IN (SELECT table_name FROM citus_tables)`))
	if len(wrong)+len(left) > 0 {
		t.Errorf("wrong: %v, left: %v", wrong, left)
	}
	if applied, spread := distribute(t, c); len(applied)+len(spread) > 0 {
		t.Errorf("the second time: applied %v, distributed %v", applied, spread)
	}
	db.MustExec(`CREATE TABLE added (center_id text PRIMARY KEY)`)
	if _, spread := distribute(t, c); !cmp.Equal(spread, []string{"added"}) {
		t.Errorf("after a later version: %v", spread)
	}
}

func TestD8DistributeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, before, want string }{
		{"half of it", `CREATE TABLE added (center_id text PRIMARY KEY); INSERT INTO added VALUES ('x')`, "added holds rows"},
		{"another column", `UPDATE citus_tables SET distribution_column = 'account_id' WHERE table_name = 'outbox'::regclass`, "outbox is distributed in another way"},
		{"another group", `UPDATE citus_tables SET colocation_id = 8 WHERE table_name = 'outbox'::regclass`, "outbox is distributed in another way"},
		{"centers by rows", `UPDATE citus_tables SET citus_table_type = 'distributed' WHERE table_name = 'centers'::regclass`, "centers is distributed in another way"},
		{"foreign keys", `DELETE FROM citus_tables; ALTER TABLE sessions ADD FOREIGN KEY (center_id) REFERENCES centers`, "foreign keys (sessions)"},
		{"no extension", `DELETE FROM pg_extension WHERE extname = 'citus'`, "CREATE EXTENSION citus"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, c := pretendCitus(t)
			distribute(t, c)
			db.MustExec(tt.before)
			applied, spread, err := store.Distribute(t.Context(), c)
			if !errors.Is(err, store.ErrDistribution) || !strings.Contains(err.Error(), tt.want) || len(applied)+len(spread) > 0 {
				t.Errorf("applied %v, distributed %v, %v", applied, spread, err)
			}
		})
	}
}
