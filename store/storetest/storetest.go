// Package storetest gives a test a migrated database of its own on a real
// PostgreSQL.
//
// The first use in a test binary starts one throwaway server, and migrates one
// template database of which every test gets a copy. The server stops and its
// directory goes when the test process ends, however it ends. Without a
// PostgreSQL on the machine the test is skipped, and fails where CI is set.
package storetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/store"
	"fundpass/store/localpg"
)

// AppID is the application of the centre "test".
const AppID = "2021000000000001"

// Center is the centre that New and Open register.
const Center = "test"

// Option changes what New and Open make.
type Option func(*store.Config)

// WithNow replaces the clock.
func WithNow(now func() time.Time) Option { return func(c *store.Config) { c.Now = now } }

// WithBox replaces the box, which is Box.
func WithBox(b *keys.Box) Option { return func(c *store.Config) { c.Box = b } }

// WithPepper replaces the pepper, which is one for all tests of a binary; nil is none.
func WithPepper(p *keys.Pepper) Option { return func(c *store.Config) { c.Pepper = p } }

// WithCenter replaces the centre and its application.
func WithCenter(center, appID string) Option {
	return func(c *store.Config) { c.Center, c.AppID = center, appID }
}

// WithMaxConns replaces the number of connections, which is 10.
func WithMaxConns(n int) Option { return func(c *store.Config) { c.MaxConns = n } }

// New returns a store on a migrated database of its own.
func New(t testing.TB, opts ...Option) *store.DB {
	t.Helper()
	return Open(t, DSN(t), opts...)
}

// Open returns another handle on the database of dsn, as a second process has.
// It is closed when the test ends.
func Open(t testing.TB, dsn string, opts ...Option) *store.DB {
	t.Helper()
	c := store.Config{DSN: dsn, Center: Center, AppID: AppID, MaxConns: 10, Box: Box(), Pepper: pepper()}
	for _, o := range opts {
		o(&c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := store.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// NewBox returns a box with a random key.
func NewBox(t testing.TB) *keys.Box {
	t.Helper()
	return made(keys.NewBoxKey, keys.ParseBox)
}

// NewPepper returns a pepper with a random key.
func NewPepper(t testing.TB) *keys.Pepper {
	t.Helper()
	return made(keys.NewPepperKey, keys.ParsePepper)
}

// Box is the box of all tests of a binary that do not bring their own: a database
// refuses a second one.
var Box = sync.OnceValue(func() *keys.Box { return made(keys.NewBoxKey, keys.ParseBox) })

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

// DSN returns a migrated database of its own. It is never dropped, because a
// drop costs more than the whole directory at the end.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, template)
}

// EmptyDSN returns a database of its own with nothing in it.
func EmptyDSN(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// Server returns the server that all tests of this binary share, for those that
// need its programs or sockets. Stopping it fails the others.
func Server(t testing.TB) *localpg.Server {
	t.Helper()
	s, err := shared()
	Require(t, err)
	return s.pg
}

// Require ends the test if err is not nil: it skips where a program is not
// installed (localpg.ErrNoPrograms, exec.ErrNotFound), unless CI is set.
func Require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case missing(err) && os.Getenv("CI") == "":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

func missing(err error) bool {
	return errors.Is(err, localpg.ErrNoPrograms) || errors.Is(err, exec.ErrNotFound)
}
