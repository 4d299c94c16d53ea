package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"

	"fundpass/store/localpg"
)

const (
	template = "template_migrated" // copied by create
	common   = "common"            // shared by most tests
)

// probeRole is the group of the roles of all probes.
const probeRole = "fundpass_probe"

// A server has the databases of tests: the server that all test binaries share, or that of
// givenURL.
type server struct {
	pg    *localpg.Server // nil for a given server
	admin *sql.DB
	given *given
	count atomic.Int64
}

// theServer returns the server, which the first call finds or starts.
func theServer() (*server, error) {
	if os.Getenv(givenURL) != "" {
		return givenServer()
	}
	return shared()
}

// commonDSN returns the DSN of the database that most tests share.
func (s *server) commonDSN() (string, error) {
	if s.given != nil {
		return s.given.common()
	}
	return s.pg.DSN(common), nil
}

// create creates a database, migrated or empty. Copies of a template are made one at a time
// over all test binaries.
func create(t testing.TB, migrated bool) string {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	name := fmt.Sprintf("t%d_%d", os.Getpid(), s.count.Add(1))
	if s.given != nil {
		return s.given.create(t, name, migrated)
	}
	from := "template0"
	if migrated {
		from = template
	}
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

// isolate creates row security policies that give the role of a probe access to the rows of
// the centre of the same name only.
func isolate(ctx context.Context, dsn string) error {
	db, err := sql.Open("postgres", dsn+" citus.multi_shard_modify_mode=sequential") // a plain server ignores it
	if err != nil {
		return err
	}
	defer db.Close()
	var schema string
	if err := db.QueryRowContext(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		return err
	}
	if err := makeRole(ctx, db, `CREATE ROLE `+probeRole+` NOLOGIN`); err != nil {
		return err
	}
	tables, err := centreTables(ctx, db)
	if err != nil {
		return err
	}
	statements := []string{
		`GRANT pg_monitor TO ` + probeRole, // shows who waits for whom
		`GRANT ALL ON SCHEMA ` + schema + ` TO ` + probeRole,
		`GRANT ALL ON ALL TABLES IN SCHEMA ` + schema + ` TO ` + probeRole,
		`ALTER DEFAULT PRIVILEGES IN SCHEMA ` + schema + ` GRANT ALL ON TABLES TO ` + probeRole,
	}
	for _, name := range tables {
		statements = append(statements, `ALTER TABLE `+name+` ENABLE ROW LEVEL SECURITY`,
			`CREATE POLICY own ON `+name+` TO `+probeRole+` USING (center_id = current_user)`)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// centreTables returns the names of the tables with a center_id.
func centreTables(ctx context.Context, db *sql.DB) (names []string, err error) {
	err = db.QueryRowContext(ctx, `
		SELECT array_agg(table_name::text) FROM information_schema.columns
		WHERE table_schema = current_schema() AND column_name = 'center_id'`).Scan(pq.Array(&names))
	return names, err
}

// makeRole creates a role unless it exists.
func makeRole(ctx context.Context, db *sql.DB, statement string) error {
	_, err := db.ExecContext(ctx, statement)
	if e := (*pq.Error)(nil); errors.As(err, &e) && (e.Code == "42710" || e.Code == "23505") {
		return nil
	}
	return err
}
