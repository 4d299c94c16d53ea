package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// fakeCitus records the calls of Distribute to Citus instead of executing them.
const fakeCitus = `
	INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	VALUES (16000, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2-1');
	CREATE FUNCTION keys() RETURNS int LANGUAGE sql AS $$
		SELECT count(*)::int FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace $$;
	CREATE TABLE pg_dist_partition (n serial, keys int DEFAULT keys(), emptied bool DEFAULT false,
		logicalrelid regclass PRIMARY KEY, partkey text, repmodel "char", colocationid int);
	CREATE TABLE pg_dist_local_group AS SELECT 0 AS groupid;
	CREATE FUNCTION column_to_column_name(name regclass, col text) RETURNS text LANGUAGE sql AS 'SELECT col';
	CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql AS $$
		INSERT INTO pg_dist_partition VALUES (DEFAULT, DEFAULT, DEFAULT, name, NULL, 't', 1) $$;
	CREATE FUNCTION create_distributed_table(name regclass, col text, colocate_with text) RETURNS void LANGUAGE sql AS $$
		INSERT INTO pg_dist_partition VALUES (DEFAULT, DEFAULT, DEFAULT, name, col, 's',
			CASE colocate_with WHEN 'none' THEN 7 ELSE (SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass) END) $$;
	CREATE FUNCTION truncate_local_data_after_distributing_table(name regclass) RETURNS void LANGUAGE sql AS $$
		UPDATE pg_dist_partition SET emptied = true WHERE logicalrelid = name $$`

func newFakeCitus(t *testing.T) (*sqlx.DB, store.MigrateConfig) {
	t.Helper()
	storetest.NeedOwnServer(t, "it pretends to have the extension")
	dsn := storetest.EmptyDSN(t)
	db := sqlx.MustOpen("postgres", dsn)
	t.Cleanup(func() { db.Close() })
	db.MustExec(fakeCitus)
	return db, store.MigrateConfig{DSN: dsn, ConnectLimit: testenv.Patience}
}

func distribute(t *testing.T, c store.MigrateConfig) (applied, distributed []string) {
	t.Helper()
	applied, distributed, err := store.Distribute(t.Context(), c)
	noError(t, err)
	return applied, distributed
}

// Distribute distributes every table once: centers first as a reference table, the others
// co-located with accounts, then the foreign keys. A table that a later version adds
// follows.
func TestDistribute(t *testing.T) {
	t.Parallel()
	db, c := newFakeCitus(t)
	applied, distributed := distribute(t, c)
	if len(applied) == 0 || len(distributed) < 20 || distributed[0] != "centers" || distributed[1] != "accounts" || slices.Contains(distributed, "events_rest") {
		t.Errorf("applied %v, distributed %v", applied, distributed)
	}
	if last := applied[len(applied)-1]; !strings.HasSuffix(last, "_foreign_keys.sql") || len(applied) != len(migrationFiles(t)) {
		t.Errorf("applied %v, %s last", applied, last)
	}
	storetest.Open(t, c.DSN)
	var wrong, left []string
	noError(t, db.Select(&wrong, `SELECT concat(logicalrelid, ' beside ', keys, ' foreign keys of ', keys()) FROM pg_dist_partition
		WHERE keys > 0 OR keys() < 7 OR NOT emptied`))
	if len(wrong) > 0 {
		t.Errorf("wrong: %v", wrong)
	}
	noError(t, db.Select(&wrong, `SELECT logicalrelid::text FROM pg_dist_partition
		WHERE NOT CASE WHEN logicalrelid::text IN ('centers', 'goose_db_version') THEN partkey IS NULL AND repmodel = 't'
			ELSE partkey = 'center_id' AND colocationid = 7 END`))
	noError(t, db.Select(&left, `SELECT relname::text FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
			AND relname NOT LIKE 'pg_dist_%' AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)`))
	if len(wrong)+len(left) > 0 {
		t.Errorf("wrong: %v, left: %v", wrong, left)
	}
	if applied, distributed := distribute(t, c); len(applied)+len(distributed) > 0 {
		t.Errorf("second call: applied %v, distributed %v", applied, distributed)
	}
	if applied, err := store.Migrate(t.Context(), c); !errors.Is(err, store.ErrDistribution) || !strings.Contains(err.Error(), "--distributed") {
		t.Errorf("Migrate of a distributed database: applied %v, %v", applied, err)
	}
	db.MustExec(`CREATE TABLE added (center_id text PRIMARY KEY)`)
	if _, distributed := distribute(t, c); !cmp.Equal(distributed, []string{"added"}) {
		t.Errorf("after a later version: %v", distributed)
	}
}

// A plain database is distributed with its rows. Its foreign keys are dropped meanwhile and
// restored.
func TestDistributePlainDatabase(t *testing.T) {
	t.Parallel()
	storetest.NeedOwnServer(t, "it pretends to have the extension")
	dsn := storetest.EmptyDSN(t)
	c := store.MigrateConfig{DSN: dsn, ConnectLimit: testenv.Patience}
	_, err := store.Migrate(t.Context(), c)
	noError(t, err)
	importAll(t, storetest.Open(t, dsn), depositor(1))
	db := storetest.Probe(t, dsn)
	const keysOf = `SELECT concat(conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype = 'f' ORDER BY 1`
	var before, after []string
	noError(t, db.Select(&before, keysOf))
	db.MustExec(fakeCitus)
	if applied, distributed := distribute(t, c); len(applied) > 0 || !slices.Contains(distributed, "goose_db_version") {
		t.Errorf("applied %v, distributed %v", applied, distributed)
	}
	noError(t, db.Select(&after, keysOf))
	var most int
	noError(t, db.Get(&most, `SELECT max(keys) FROM pg_dist_partition`))
	if d := cmp.Diff(before, after); d != "" || most > 0 {
		t.Errorf("distributed with %d foreign keys; afterwards:\n%s", most, d)
	}
}

func TestDistributeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, before, want string }{
		{"distributed in part", `CREATE TABLE added (center_id text PRIMARY KEY); INSERT INTO added VALUES ('x')`, "added has rows"},
		{"another column", `UPDATE pg_dist_partition SET partkey = 'account_id' WHERE logicalrelid = 'outbox'::regclass`, "outbox is distributed in another way"},
		{"another group", `UPDATE pg_dist_partition SET colocationid = 8 WHERE logicalrelid = 'outbox'::regclass`, "outbox is distributed in another way"},
		{"centers by rows", `UPDATE pg_dist_partition SET partkey = 'center_id' WHERE logicalrelid = 'centers'::regclass`, "centers is distributed in another way"},
		{"a worker", `UPDATE pg_dist_local_group SET groupid = 1`, "connect to the coordinator"},
		{"no extension", `DELETE FROM pg_extension WHERE extname = 'citus'`, "CREATE EXTENSION citus"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, c := newFakeCitus(t)
			distribute(t, c)
			db.MustExec(tt.before)
			applied, distributed, err := store.Distribute(t.Context(), c)
			if !errors.Is(err, store.ErrDistribution) || !strings.Contains(err.Error(), tt.want) || len(applied)+len(distributed) > 0 {
				t.Errorf("applied %v, distributed %v, %v", applied, distributed, err)
			}
		})
	}
}
