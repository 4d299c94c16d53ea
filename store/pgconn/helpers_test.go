package pgconn_test

import (
	"context"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// An option changes what openPool opens.
type option func(*pgconn.Config)

func maxConns(n int) option { return func(c *pgconn.Config) { c.MaxConns = n } }

func callTimeout(d time.Duration) option { return func(c *pgconn.Config) { c.CallTimeout = d } }

// openPool returns a pool that is closed when the test ends.
func openPool(t testing.TB, dsn string, opts ...option) *pgconn.Pool {
	t.Helper()
	c := pgconn.Config{DSN: dsn, MaxConns: 10, ConnectTimeout: testenv.Patience, CallTimeout: testenv.Patience}
	for _, o := range opts {
		o(&c)
	}
	p, err := pgconn.Connect(testenv.Context(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noError(t, p.Close()) })
	return p
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newSchema returns a DSN of the shared database with a schema of the test's own first in
// the search path, for the tables of ledger.
func newSchema(t *testing.T) (dsn string) {
	t.Helper()
	dsn = storetest.Shared(t)
	center, _ := storetest.CenterOf(dsn)
	db, err := pgconn.NewDB(dsn, true)
	noError(t, err)
	defer db.Close()
	var tables string
	noError(t, db.Get(&tables, `SELECT current_schema()`))
	_, err = db.Exec(`CREATE SCHEMA ` + center)
	noError(t, err)
	return dsn + " search_path=" + center + "," + tables
}

// ledger opens a pool on dsn and creates its tables: entry, and total, which counts
// the entries.
func ledger(t *testing.T, dsn string, opts ...option) *pgconn.Pool {
	t.Helper()
	db := openPool(t, dsn, opts...)
	err := db.InTx(t.Context(), func(tx *pgconn.Tx) error {
		_, err := tx.Exec(`
			CREATE TABLE IF NOT EXISTS entry (id text PRIMARY KEY, at timestamptz);
			CREATE TABLE IF NOT EXISTS total (n integer NOT NULL);
			INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT FROM total)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// enter adds an entry and counts it, unless there is one with this id.
func enter(ctx context.Context, db *pgconn.Pool, id string) error {
	return db.InTx(ctx, func(tx *pgconn.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO entry (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, time.Now())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE total SET n = n + $1`, 1)
		return err
	})
}

// count returns the number of entries with this id, or of all if id is "", and the total.
// It uses a connection of its own.
func count(t *testing.T, dsn, id string) (entries, total int) {
	t.Helper()
	db, err := pgconn.NewDB(dsn, true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM entry WHERE $1 IN ('', id)), (SELECT n FROM total)`, id).
		Scan(&entries, &total)
	if err != nil {
		t.Fatal(err)
	}
	return entries, total
}
