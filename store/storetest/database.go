package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"fundpass/store/localpg"
)

const (
	template = "template_migrated" // what a database of one's own is a copy of
	common   = "common"            // what most tests share
)

type server struct {
	pg    *localpg.Server
	admin *sql.DB
	count atomic.Int64
}

// create makes a database from another one. Copies of one template are made one
// at a time, over all test binaries.
func create(t testing.TB, from string) string {
	t.Helper()
	s, err := shared()
	Require(t, err)
	name := fmt.Sprintf("t%d_%d", os.Getpid(), s.count.Add(1))
	c, err := s.admin.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, statement := range []string{
		`SELECT pg_advisory_lock(1)`,
		fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY`, name, from),
		`SELECT pg_advisory_unlock(1)`,
	} {
		if _, err := c.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return s.pg.DSN(name)
}

// isolate makes the role "probe", for which row security hides every row of
// another centre than the one the connection names.
func isolate(ctx context.Context, dsn string) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `
		CREATE ROLE probe NOLOGIN;
		GRANT ALL ON ALL TABLES IN SCHEMA public TO probe;
		ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO probe;
		DO $$
		DECLARE name text;
		BEGIN
			FOR name IN SELECT table_name FROM information_schema.columns
				WHERE table_schema = 'public' AND column_name = 'center_id' LOOP
				EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
				EXECUTE format($p$CREATE POLICY own ON %I TO probe USING (center_id = current_setting('`+centerSetting+`'))$p$, name);
			END LOOP;
		END $$`)
	return err
}
