package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"

	"fundpass/keys/testenv"
	"fundpass/store"
)

// givenURL names a database on a running server, for a superuser. On it every test has a
// schema instead of a database. If the database has the citus extension, store.Distribute
// distributes the tables; the server may be a worker.
const givenURL = "FUNDPASS_TEST_DATABASE_URL"

// A given is the server of givenURL.
type given struct {
	dsn         string
	ddl         string    // of the coordinator if the server is a worker, else dsn
	admin       *sql.DB   // on the server of ddl
	mine        *sql.Conn // holds the locks of the schemas in use
	distributed bool
	common      func() (string, error)
}

var givenServer = sync.OnceValues(func() (*server, error) {
	dsn := os.Getenv(givenURL)
	if url, err := pq.ParseURL(dsn); err == nil { //nolint:staticcheck // settings are appended to the key=value form
		dsn = strings.ReplaceAll(url, "'", "") // tests split it at spaces
	}
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
	defer cancel()
	g := &given{dsn: dsn, ddl: dsn}
	g.common = sync.OnceValues(g.makeCommon)
	err := g.findCoordinator(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", givenURL, err)
	}
	if g.admin, err = sql.Open("postgres", g.ddl); err != nil {
		return nil, err
	}
	if g.mine, err = g.admin.Conn(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", givenURL, err)
	}
	testenv.Announce("storetest: the server of " + givenURL + ", on " + g.tables())
	return &server{admin: g.admin, given: g}, g.sweep(ctx)
})

// tables says how the server stores the tables.
func (g *given) tables() string {
	switch {
	case g.onWorker():
		return "distributed tables through a worker"
	case g.distributed:
		return "distributed tables"
	}
	return "plain tables"
}

// onWorker reports whether the server is a worker, which changes no tables.
func (g *given) onWorker() bool { return g.ddl != g.dsn }

// Coordinator returns dsn on the server that changes tables, which a worker is not.
func Coordinator(t testing.TB, dsn string) string {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	if s.given == nil {
		return dsn
	}
	return dsn + strings.TrimPrefix(s.given.ddl, s.given.dsn)
}

// Worker returns dsn on a worker. It skips the test unless the tables are distributed.
func Worker(t testing.TB, dsn string) string {
	t.Helper()
	NeedDistributed(t)
	s, err := theServer()
	Require(t, err)
	var node string
	if err := s.admin.QueryRow(`
		SELECT format(' host=%s port=%s', nodename, nodeport) FROM pg_dist_node
		WHERE groupid <> 0 AND isactive ORDER BY groupid LIMIT 1`).Scan(&node); err != nil {
		t.Fatal(err)
	}
	return dsn + node
}

// findCoordinator sets ddl and distributed.
func (g *given) findCoordinator(ctx context.Context) error {
	db, err := sql.Open("postgres", g.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')`).Scan(&g.distributed)
	if err != nil || !g.distributed {
		return err
	}
	var host string
	var port int
	err = db.QueryRowContext(ctx, `
		SELECT nodename, nodeport FROM pg_dist_node
		WHERE groupid = 0 AND (SELECT groupid FROM pg_dist_local_group) <> 0`).Scan(&host, &port)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	g.ddl = fmt.Sprintf("%s host=%s port=%d", g.dsn, host, port)
	return err
}

const schemaPrefix = "fundpass_test_"

// lockOf returns the key of the advisory lock that the user of a schema holds.
func lockOf(schema string) int64 {
	h := fnv.New64a()
	h.Write([]byte(schema))
	return int64(h.Sum64())
}

// sweep drops the schemas of test binaries that have ended.
func (g *given) sweep(ctx context.Context) error {
	var left []string
	if err := g.mine.QueryRowContext(ctx, `
		SELECT array_agg(nspname::text) FROM pg_namespace WHERE starts_with(nspname, $1)`, schemaPrefix).Scan(pq.Array(&left)); err != nil {
		return err
	}
	for _, schema := range left {
		var free bool
		err := g.mine.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, lockOf(schema)).Scan(&free)
		if err == nil && free {
			_, err = g.mine.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+schema+` CASCADE`)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeCommon creates the schema that most tests of this binary share.
func (g *given) makeCommon() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
	defer cancel()
	name := fmt.Sprintf("%sp%d", schemaPrefix, os.Getpid())
	if err := g.makeSchema(ctx, name, true); err != nil {
		return "", err
	}
	return inSchema(g.dsn, name), isolate(ctx, inSchema(g.ddl, name))
}

// create creates a schema that is dropped at the end of the test. The DSN of an empty one
// leads to the server that can migrate it.
func (g *given) create(t testing.TB, name string, migrated bool) string {
	t.Helper()
	name = schemaPrefix + name
	if err := g.makeSchema(testenv.Context(t), name, migrated); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := g.admin.Exec(`DROP SCHEMA IF EXISTS ` + name + ` CASCADE`); err != nil {
			t.Log(err) // the next run sweeps
		}
	})
	if !migrated {
		return inSchema(g.ddl, name)
	}
	return inSchema(g.dsn, name)
}

func inSchema(dsn, name string) string { return dsn + " search_path=" + name }

// makeSchema creates a schema, locks it for this process and migrates it.
func (g *given) makeSchema(ctx context.Context, name string, migrated bool) error {
	if _, err := g.mine.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lockOf(name)); err != nil {
		return err
	}
	if _, err := g.admin.ExecContext(ctx, `CREATE SCHEMA `+name); err != nil {
		return err
	}
	var err error
	switch c := (store.MigrateConfig{DSN: inSchema(g.ddl, name), ConnectLimit: testenv.Patience}); {
	case migrated && g.distributed:
		_, _, err = store.Distribute(ctx, c)
	case migrated:
		_, err = store.Migrate(ctx, c)
	}
	return err
}
