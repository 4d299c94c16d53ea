package serve

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/store"
	"fundpass/store/storetest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	env := cmdtest.Values{"FUNDPASS_DATABASE_URL": storetest.EmptyDSN(t)}
	first := cmdtest.Run(t, env, "migrate")
	cmdtest.NoError(t, first.Err)
	for _, name := range []string{"applied 0001_schema.sql\n", "applied 0002_foreign_keys.sql\n"} {
		if !strings.Contains(first.Out, name) {
			t.Errorf("%q is not in %q", name, first.Out)
		}
	}
	second := cmdtest.Run(t, env, "migrate")
	cmdtest.NoError(t, second.Err)
	if second.Out != "The schema is up to date.\n" {
		t.Errorf("the second time says %q", second.Out)
	}
}

// TestMigrateDistributed checks that a database without Citus is refused before it is changed.
func TestMigrateDistributed(t *testing.T) {
	t.Parallel()
	storetest.NeedPlain(t, "the server has the extension")
	dsn := storetest.EmptyDSN(t)
	got := cmdtest.Run(t, cmdtest.Values{"FUNDPASS_DATABASE_URL": dsn}, "migrate", "--distributed")
	if !errors.Is(got.Err, store.ErrDistribution) || !strings.Contains(got.Err.Error(), "CREATE EXTENSION citus") {
		t.Error(got.Err)
	}
	db, err := sql.Open("postgres", dsn)
	cmdtest.NoError(t, err)
	defer db.Close()
	var n int
	cmdtest.NoError(t, db.QueryRow(`SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace`).Scan(&n))
	if n > 0 {
		t.Errorf("%d relations were made", n)
	}
}

func TestMigrateRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, dsn string
		is        error
	}{
		{"not set", "", nil},
		{"unsafe", "postgres://canary:canary@db.example.com/x?sslmode=disable", store.ErrUnsafeDSN},
		{"no server", "postgres://u:canary@127.0.0.1:1/x?sslmode=disable", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := cmdtest.Run(t, cmdtest.Values{"FUNDPASS_DATABASE_URL": c.dsn}, "migrate")
			if got.Err == nil || c.is != nil && !errors.Is(got.Err, c.is) {
				t.Fatalf("got %v, want %v", got.Err, c.is)
			}
			if !strings.HasPrefix(got.Err.Error(), "FUNDPASS_DATABASE_URL: ") || strings.Contains(got.Err.Error(), "canary") {
				t.Error(got.Err)
			}
		})
	}
}
