package store_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

var update = flag.Bool("update", false, "write schema.sql anew")

// TestSchema checks that schema.sql is the result of the migrations, so that a review shows
// what a migration changes.
func TestSchema(t *testing.T) {
	t.Parallel()
	storetest.NeedOwnServer(t, "it reads the whole catalog of its database")
	dsn := storetest.EmptyDSN(t)
	if _, err := store.Migrate(t.Context(), store.MigrateConfig{DSN: dsn, ConnectLimit: testenv.Patience}); err != nil {
		t.Fatal(err)
	}
	got := dump(t, storetest.Probe(t, dsn))
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("schema.sql differs from the result of the migrations; check it and run go test ./store -run TestSchema -update\n%s", d)
	}
}

// dump returns the schema as SQL in a fixed order, read from parts of the catalog that are
// the same in every PostgreSQL from 14 on.
func dump(t *testing.T, db *sqlx.DB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("-- Made by TestSchema from the migrations; not to be edited.\n")
	for _, table := range list(t, db, `
		SELECT relname::text FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> $1
		ORDER BY relname`, "goose_db_version") {
		fmt.Fprintf(&b, "\nCREATE TABLE %s (\n\t%s\n)%s;\n", table, strings.Join(list(t, db, columnsAndConstraints, table), ",\n\t"),
			strings.Join(list(t, db, `SELECT ' PARTITION BY ' || pg_get_partkeydef($1::text::regclass) WHERE pg_get_partkeydef($1::text::regclass) IS NOT NULL`, table), ""))
		for _, line := range append(list(t, db, childTables, table), list(t, db, plainIndexes, table)...) {
			b.WriteString(line + ";\n")
		}
	}
	return b.String()
}

const (
	columnsAndConstraints = `
		SELECT line FROM (
			SELECT 1 AS part, attnum::text AS place, lpad(attnum::text, 4) AS sort,
				attname || ' ' || format_type(atttypid, atttypmod)
				|| CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
				|| coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') AS line
			FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
			UNION ALL
			SELECT CASE contype WHEN 'p' THEN 2 WHEN 'u' THEN 3 WHEN 'c' THEN 4 ELSE 5 END, '', pg_get_constraintdef(oid), pg_get_constraintdef(oid)
			FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'c', 'f')
		) lines ORDER BY part, sort COLLATE "C"`

	childTables = `
		SELECT 'CREATE TABLE ' || relname || ' PARTITION OF ' || $1::text || ' ' || pg_get_expr(relpartbound, oid)
		FROM pg_class JOIN pg_inherits ON inhrelid = oid
		WHERE inhparent = $1::text::regclass AND relkind = 'r' ORDER BY relname`

	plainIndexes = `
		SELECT replace(pg_get_indexdef(indexrelid), 'public.', '')
		FROM pg_index WHERE indrelid = $1::text::regclass
			AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
		ORDER BY 1`
)

func list(t *testing.T, db *sqlx.DB, query string, args ...any) []string {
	t.Helper()
	var lines []string
	if err := db.Select(&lines, query, args...); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestSchemaRules checks the rules that keep the schema distributable.
func TestSchemaRules(t *testing.T) {
	t.Parallel()
	storetest.NeedOwnServer(t, "it reads the whole catalog of its database")
	db := storetest.ProbeOf(storetest.Open(t, storetest.DSN(t)))
	rules := []struct{ name, offenders string }{
		{"center_id begins every primary key", `
			SELECT r.relname::text FROM pg_class r JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype = 'p'
			JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = c.conkey[1]
			WHERE r.relnamespace = current_schema()::regnamespace AND a.attname <> 'center_id' AND r.relname <> 'goose_db_version'`},
		{"every table has a primary key", `
			SELECT r.relname::text FROM pg_class r
			WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p')
			AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = r.oid AND contype = 'p')`},
		{"center_id is part of every unique index", `
			SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid
			WHERE r.relnamespace = current_schema()::regnamespace AND i.indisunique AND r.relname NOT IN ('goose_db_version', 'centers')
			AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attname = 'center_id' AND a.attnum = ANY (i.indkey))`},
		{"no sequences, triggers or enum types", `
			SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' AND relname NOT LIKE 'goose%'
			UNION ALL SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT typname::text FROM pg_type WHERE typtype = 'e' AND typnamespace = current_schema()::regnamespace`},
		{"no default asks the database's clock", `
			SELECT adrelid::regclass::text FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) ~ 'now|clock|CURRENT' AND adrelid::regclass::text NOT LIKE 'goose%'`},
		{"nothing deferrable", `SELECT conname::text FROM pg_constraint WHERE condeferrable`},
	}
	for _, r := range rules {
		if bad := list(t, db, r.offenders); len(bad) > 0 {
			t.Errorf("%s: %v", r.name, bad)
		}
	}
}
