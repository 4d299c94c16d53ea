package pgconn_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/keys/testenv"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// pools returns a pool that prepares by name and one that does not.
func pools(t *testing.T, dsn string) map[string]*sqlx.DB {
	t.Helper()
	all := map[string]*sqlx.DB{}
	for name, named := range map[string]bool{"named": true, "unnamed": false} {
		db, err := pgconn.NewDB(dsn, named)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		all[name] = db
	}
	return all
}

// Both ways of sending statements return the values that were sent.
func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	type all struct {
		I int64      `db:"i"`
		S string     `db:"s"`
		B []byte     `db:"b"`
		U uuid.UUID  `db:"u"`
		T time.Time  `db:"t"`
		O bool       `db:"o"`
		N *string    `db:"n"`
		Z *time.Time `db:"z"`
	}
	want := all{-1 << 62, "公积金 '\\ \x01", []byte{0, 1, 0xff, '\\'}, uuid.MustParse("0190a0b0-0000-7000-8000-00000000000f"),
		time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC), true, nil, nil}
	for name, db := range pools(t, dsn+" timezone=Asia/Shanghai") {
		for run := range 2 { // the second run uses the prepared statement
			var got all
			err := db.Get(&got, `SELECT $1::bigint i, $2::text s, $3::bytea b, $4::uuid u, $5::timestamptz t, $6::bool o, $7::text n, $8::timestamptz z`,
				want.I, want.S, want.B, want.U, want.T, want.O, want.N, want.Z)
			if err != nil {
				t.Fatalf("%s %d: %v", name, run, err)
			}
			got.T = got.T.UTC()
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %d:\n%s", name, run, d)
			}
		}
	}
}

func TestArraysAndJSON(t *testing.T) {
	t.Parallel()
	for name, db := range pools(t, storetest.Shared(t)) {
		var n int
		var j string
		err := db.QueryRow(`SELECT (SELECT sum(x) FROM unnest($1::bigint[]) x), ($2::jsonb ->> 'k')`, pq.Array([]int64{1, 2, 3}), `{"k":"v"}`).Scan(&n, &j)
		if err != nil || n != 6 || j != "v" {
			t.Errorf("%s: %d %q %v", name, n, j, err)
		}
	}
}

func TestRowsHaveColumnTypes(t *testing.T) {
	t.Parallel()
	for name, db := range pools(t, storetest.Shared(t)) {
		rows, err := db.Query(`SELECT $1::bigint AS a, $2::bytea AS b`, 1, []byte{1})
		if err != nil {
			t.Fatal(err)
		}
		types, err := rows.ColumnTypes()
		rows.Close()
		if err = errors.Join(err, rows.Err()); err != nil || types[0].DatabaseTypeName() != "INT8" || types[1].DatabaseTypeName() != "BYTEA" {
			t.Errorf("%s: %v %v", name, types, err)
		}
	}
}

// preparedOn returns the number of statements prepared on this connection.
func preparedOn(t *testing.T, c *sqlx.Conn) int {
	t.Helper()
	var n int
	if err := c.GetContext(t.Context(), &n, `SELECT count(*) FROM pg_prepared_statements WHERE name <> ''`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStatementsArePreparedOnce(t *testing.T) {
	t.Parallel()
	dbs := pools(t, storetest.Shared(t))
	for name, want := range map[string]int{"named": 2, "unnamed": 0} {
		c, err := dbs[name].Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			var n int
			if err := c.GetContext(t.Context(), &n, `SELECT $1::int`, i); err != nil || n != i {
				t.Fatal(n, err)
			}
			if _, err := c.ExecContext(t.Context(), `SELECT $1::text`, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if n := preparedOn(t, c); n != want {
			t.Errorf("%s: %d statements prepared, want %d", name, n, want)
		}
		c.Close()
	}
}

func TestLeastUsedStatementIsClosed(t *testing.T) {
	t.Parallel()
	c, err := pools(t, storetest.Shared(t))["named"].Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for round := range 2 {
		for i := range pgconn.StmtCacheSize + 20 {
			var n int
			if err := c.GetContext(t.Context(), &n, fmt.Sprintf(`SELECT $1::int + %d`, i), 1); err != nil || n != 1+i {
				t.Fatal(round, i, n, err)
			}
		}
		if n := preparedOn(t, c); n != pgconn.StmtCacheSize {
			t.Fatalf("%d statements kept, want %d", n, pgconn.StmtCacheSize)
		}
	}
}

// A stale statement is prepared again, in a read and in a transaction.
func TestSchemaChangesUnderStatements(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	for name, upset := range map[string]string{
		"0A000": `ALTER TABLE entry ADD COLUMN IF NOT EXISTS more text; ALTER TABLE entry ALTER at TYPE text`,
		"26000": `DEALLOCATE ALL`,
	} {
		for _, in := range []string{"read", "tx"} {
			t.Run(name+" "+in, func(t *testing.T) {
				db := ledger(t, dsn, maxConns(1))
				db.DB().MustExec(`ALTER TABLE entry DROP COLUMN IF EXISTS more, DROP COLUMN at, ADD COLUMN at timestamptz`)
				for range 2 {
					if err := exhaust(t.Context(), db, in, `SELECT * FROM entry WHERE id = $1`, []any{"a"}); err != nil {
						t.Fatal(err)
					}
				}
				db.DB().MustExec(upset)
				if err := exhaust(t.Context(), db, in, `SELECT * FROM entry WHERE id = $1`, []any{"a"}); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// 0A000 has other, permanent causes.
func TestUnsupportedIsNotRepeated(t *testing.T) {
	t.Parallel()
	db := openPool(t, storetest.DSN(t))
	db.DB().MustExec(`CREATE FUNCTION unsupported(int) RETURNS int LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '0A000'; END $$`)
	ctx, runs := testenv.Context(t), 0
	err := db.InTx(ctx, func(tx *pgconn.Tx) error {
		runs++
		return tx.GetContext(ctx, new(int), `SELECT unsupported($1)`, 1)
	})
	if runs > 2 || err == nil || errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestOneAnswerAtATime(t *testing.T) {
	t.Parallel()
	for name, db := range pools(t, storetest.Shared(t)) {
		tx := db.MustBegin()
		rows, err := tx.Query(`SELECT g FROM generate_series(1, $1) g`, 3)
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
		if err := tx.Get(new(int), `SELECT $1::int`, 1); err == nil {
			t.Errorf("%s: a second query while rows are open", name)
		}
		if _, err := tx.Exec(`SELECT $1::int`, 1); err == nil {
			t.Errorf("%s: a statement while rows are open", name)
		}
		n := 1
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err != nil || n != 3 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
		if err := tx.Get(new(int), `SELECT $1::int`, 1); err != nil {
			t.Errorf("%s: after the rows: %v", name, err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	}
}

func TestPrepareIsRefused(t *testing.T) {
	t.Parallel()
	for name, db := range pools(t, storetest.Shared(t)) {
		if s, err := db.Prepare(`SELECT 1`); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// database/sql repeats a statement whose connection reports driver.ErrBadConn, which conn
// never does.
func TestStatementIsNeverRunAgain(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	ledger(t, dsn)
	for name, db := range pools(t, dsn) {
		_, err := db.Exec(`WITH i AS (INSERT INTO entry (id) VALUES ($1)) SELECT pg_terminate_backend(pg_backend_pid())`, name)
		if err == nil || errors.Is(err, driver.ErrBadConn) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := db.Ping(); err != nil {
			t.Errorf("%s: broken connection not replaced: %v", name, err)
		}
	}
}

func TestValuesAreNotInErrors(t *testing.T) {
	t.Parallel()
	const secret = "13800000000"
	for name, db := range pools(t, storetest.Shared(t)) {
		for _, q := range []string{`SELECT $1::text::uuid`, `SELECT $1::text::timestamptz`, `SELECT $1::text::jsonb`, `SELECT $1::text::boolean`} {
			err := db.Get(new(sql.NullString), q, secret+"x")
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s %s: %v", name, q, err)
			}
			var server *pq.Error
			if !errors.As(err, &server) || server.Code[:2] != "22" {
				t.Errorf("%s %s: no *pq.Error: %v", name, q, err)
			}
		}
	}
}
