// Package storetest gives a test a migrated database on a real PostgreSQL.
//
// All test binaries of a run of the go command share one throwaway server, and most
// tests share one database on it, each with a centre of its own. Tests of the schema,
// of connections and of faults get a database of their own. The server is stopped and
// its directory removed when the run ends, even if it is killed. Without PostgreSQL
// tests are skipped, and fail if CI is set. FUNDPASS_TEST_DATABASE_URL names another
// server to run them on.
package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/localpg"
)

// AppID is the application of the centre "test".
const AppID = "2021000000000001"

// Center is the centre that Open registers in a database of the test's own.
const Center = "test"

// centerSetting is the setting of a connection string that names the centre.
const centerSetting = "fundpass.center"

var centers = regexp.MustCompile(`\b` + regexp.QuoteMeta(centerSetting) + `=(t\d{12})\b`)

// CenterOf returns the centre and the application of a connection string of Shared, or
// Center and AppID for any other.
func CenterOf(dsn string) (center, appID string) {
	found := centers.FindStringSubmatch(dsn)
	if found == nil {
		return Center, AppID
	}
	return found[1], "2021" + found[1][1:]
}

// An Option changes the configuration of New and Open.
type Option func(*store.Config)

// WithNow replaces the clock.
func WithNow(now func() time.Time) Option { return func(c *store.Config) { c.Now = now } }

// WithColumnCipher replaces the column cipher, which is ColumnCipher() by default.
func WithColumnCipher(b *keys.ColumnCipher) Option {
	return func(c *store.Config) { c.ColumnCipher = b }
}

// WithPepper replaces the pepper, which is the same for all tests of a binary by default;
// nil is none.
func WithPepper(p *keys.Pepper) Option { return func(c *store.Config) { c.Pepper = p } }

// WithCenter replaces the centre and its application.
func WithCenter(center, appID string) Option {
	return func(c *store.Config) { c.Center, c.AppID = center, appID }
}

// WithMaxConns replaces the number of connections, which is 10.
func WithMaxConns(n int) Option { return func(c *store.Config) { c.MaxConns = n } }

// New returns a store for a new centre in the shared database.
func New(t testing.TB, opts ...Option) *store.DB {
	t.Helper()
	return Open(t, Shared(t), opts...)
}

// Open returns a store on the database of dsn, such as that of a second process. It is
// closed when the test ends.
func Open(t testing.TB, dsn string, opts ...Option) *store.DB {
	t.Helper()
	c := store.Config{DSN: dsn, MaxConns: 10, CallLimit: testenv.Patience, ConnectLimit: testenv.Patience, ColumnCipher: ColumnCipher(), Pepper: pepper()}
	c.Center, c.AppID = CenterOf(dsn)
	for _, o := range opts {
		o(&c)
	}
	db, err := store.Open(testenv.Context(t), c)
	if err != nil {
		t.Fatal(err)
	}
	probes.Store(db, sync.OnceValue(func() *sqlx.DB { return Probe(t, dsn) }))
	t.Cleanup(func() {
		probes.Delete(db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// probes maps each store of Open to a function that returns its probe.
var probes sync.Map

// ProbeOf returns the Probe for the database of a store from New or Open. It is closed with
// the store.
func ProbeOf(db *store.DB) *sqlx.DB {
	probe, ok := probes.Load(db)
	if !ok {
		panic("storetest: not a store of New or Open")
	}
	return probe.(func() *sqlx.DB)()
}

// NewColumnCipher returns a column cipher with a random key.
func NewColumnCipher(t testing.TB) *keys.ColumnCipher {
	t.Helper()
	return made(keys.NewColumnKey, keys.ParseColumnCipher)
}

// NewPepper returns a pepper with a random key.
func NewPepper(t testing.TB) *keys.Pepper {
	t.Helper()
	return made(keys.NewPepperKey, keys.ParsePepper)
}

// ColumnCipher returns the column cipher of all tests of a binary that do not use their
// own, because a centre refuses a second one.
var ColumnCipher = sync.OnceValue(func() *keys.ColumnCipher { return made(keys.NewColumnKey, keys.ParseColumnCipher) })

var pepper = sync.OnceValue(func() *keys.Pepper { return made(keys.NewPepperKey, keys.ParsePepper) })

func made[K any](file func() ([]byte, error), parse func([]byte) (K, error)) K {
	data, err := file()
	if err != nil {
		panic(err)
	}
	key, err := parse(data)
	if err != nil {
		panic(err)
	}
	return key
}

// Shared returns a DSN of the shared database with a new centre.
func Shared(t testing.TB) string {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	dsn, err := s.commonDSN()
	Require(t, err)
	return fmt.Sprintf("%s %s=t%012d", dsn, centerSetting, rand.N(int64(1e12)))
}

// Probe opens a plain pool, with which a test reads and writes rows without the store. On
// the shared database it sees only the rows of the centre of dsn.
func Probe(t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	if centers.MatchString(dsn) {
		dsn += " role=" + probeOf(t, dsn)
	}
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { db.Close() })
	return db
}

// probeOf creates and returns the role of a centre's probes.
func probeOf(t testing.TB, dsn string) string {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	role, _ := CenterOf(dsn)
	if err := makeRole(testenv.Context(t), s.admin, `CREATE ROLE `+role+` LOGIN IN ROLE `+probeRole); err != nil {
		t.Fatal(err)
	}
	if s.given != nil {
		t.Cleanup(func() { _, _ = s.admin.Exec(`DROP ROLE IF EXISTS ` + role) })
	}
	return role
}

// DSN returns a DSN of a new migrated database. The database is never dropped, because that
// takes longer than removing the server's directory.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, true)
}

// EmptyDSN returns a DSN of a new empty database.
func EmptyDSN(t testing.TB) string {
	t.Helper()
	return create(t, false)
}

// Server returns the server that all tests share, for tests that need its programs, its
// settings or all its sessions. Stopping it fails other tests. On a given server the test is
// skipped.
func Server(t testing.TB) *localpg.Server {
	t.Helper()
	NeedOwnServer(t, "it needs a server that the tests started")
	s, err := theServer()
	Require(t, err)
	return s.pg
}

// NeedOwnServer skips the test on a given server; why says what it would do there.
func NeedOwnServer(t testing.TB, why string) {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	if s.given != nil {
		skip(t, why)
	}
}

// IsDistributed reports whether the tables are distributed.
func IsDistributed(t testing.TB) bool {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	return s.given != nil && s.given.distributed
}

// NeedPlain skips the test if the tables are distributed; why says what they lack.
func NeedPlain(t testing.TB, why string) {
	t.Helper()
	if IsDistributed(t) {
		skip(t, why)
	}
}

// NeedCoordinator skips the test on a worker, which changes no tables.
func NeedCoordinator(t testing.TB) {
	t.Helper()
	s, err := theServer()
	Require(t, err)
	if s.given != nil && s.given.onWorker() {
		skip(t, "only the coordinator changes tables")
	}
}

// NeedDistributed skips the test unless the tables are distributed.
func NeedDistributed(t testing.TB) {
	t.Helper()
	if !IsDistributed(t) {
		const why = "tests of distributed tables: set " + givenURL
		testenv.Announce("skipped: " + why)
		t.Skip(why)
	}
}

// skip skips a test that cannot run on the given server.
func skip(t testing.TB, why string) {
	t.Helper()
	testenv.Announce("skipped: " + t.Name() + ": " + why)
	t.Skip(why)
}

// Require ends the test if err is not nil. It skips the test if a program is not installed
// (localpg.ErrNoPrograms, exec.ErrNotFound), unless CI is set.
func Require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case missing(err):
		testenv.Missing(t, err.Error())
	default:
		t.Fatal(err)
	}
}

func missing(err error) bool {
	return errors.Is(err, localpg.ErrNoPrograms) || errors.Is(err, exec.ErrNotFound)
}
