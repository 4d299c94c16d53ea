package main

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	env := values{"FUNDPASS_DATABASE_URL": storetest.EmptyDSN(t)}
	first := runWith(t, env, "migrate")
	noError(t, first.err)
	for _, name := range []string{"applied 0001_schema.sql\n", "applied 0002_foreign_keys.sql\n"} {
		if !strings.Contains(first.out, name) {
			t.Errorf("%q is not in %q", name, first.out)
		}
	}
	second := runWith(t, env, "migrate")
	noError(t, second.err)
	if second.out != "The schema is up to date.\n" {
		t.Errorf("the second time says %q", second.out)
	}
}

// A server that cannot distribute is told so before anything is done to it.
func TestMigrateDistributed(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	got := runWith(t, values{"FUNDPASS_DATABASE_URL": dsn}, "migrate", "--distributed")
	if !errors.Is(got.err, store.ErrDistribution) || !strings.Contains(got.err.Error(), "CREATE EXTENSION citus") {
		t.Error(got.err)
	}
	db, err := sql.Open("postgres", dsn)
	noError(t, err)
	defer db.Close()
	var n int
	noError(t, db.QueryRow(`SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace`).Scan(&n))
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
		{"nobody there", "postgres://u:canary@127.0.0.1:1/x?sslmode=disable", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := runWith(t, values{"FUNDPASS_DATABASE_URL": c.dsn}, "migrate")
			if got.err == nil || c.is != nil && !errors.Is(got.err, c.is) {
				t.Fatalf("got %v, want %v", got.err, c.is)
			}
			if !strings.HasPrefix(got.err.Error(), "FUNDPASS_DATABASE_URL: ") || strings.Contains(got.err.Error(), "canary") {
				t.Error(got.err)
			}
		})
	}
}
