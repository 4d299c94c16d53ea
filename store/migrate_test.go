package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// migrationFiles returns the names of the migrations in order.
func migrationFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	var log bytes.Buffer
	c := store.MigrateConfig{DSN: dsn, ConnectLimit: testenv.Patience, Log: slog.New(slog.NewTextHandler(&log, nil))}
	applied, err := store.Migrate(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(migrationFiles(t), applied); d != "" {
		t.Errorf("applied:\n%s", d)
	}
	for _, f := range applied {
		if !bytes.Contains(log.Bytes(), []byte(f)) {
			t.Errorf("%s is not in the log", f)
		}
	}
	if again, err := store.Migrate(t.Context(), c); err != nil || len(again) != 0 {
		t.Errorf("again: %v, %v", again, err)
	}
	if err := storetest.Open(t, dsn).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	var wg sync.WaitGroup
	all := make([][]string, 3)
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = store.Migrate(t.Context(), store.MigrateConfig{DSN: dsn, ConnectLimit: testenv.Patience}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := slices.Sorted(slices.Values(slices.Concat(all...)))
	if d := cmp.Diff(migrationFiles(t), got); d != "" {
		t.Errorf("applied by all calls:\n%s", d)
	}
}

func TestMigrateIsSilent(t *testing.T) {
	stdout, stderr := os.Stdout, os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout, os.Stderr = w, w
	_, err = store.Migrate(t.Context(), store.MigrateConfig{DSN: storetest.EmptyDSN(t), ConnectLimit: testenv.Patience})
	os.Stdout, os.Stderr = stdout, stderr
	w.Close()
	said, _ := io.ReadAll(r)
	if err != nil || len(said) > 0 {
		t.Errorf("output %q, %v", said, err)
	}
}

func TestNotMigrated(t *testing.T) {
	t.Parallel()
	config := func(dsn string) store.Config {
		return store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: "test", AppID: storetest.AppID, ColumnCipher: storetest.ColumnCipher()}
	}
	if _, err := store.Open(t.Context(), config(storetest.EmptyDSN(t))); !errors.Is(err, store.ErrNotMigrated) {
		t.Errorf("empty: %v", err)
	}
	dsn := storetest.DSN(t)
	db := storetest.Open(t, dsn)
	storetest.ProbeOf(db).MustExec(`DELETE FROM goose_db_version WHERE version_id = 2`)
	if err := db.Ping(t.Context()); err != nil { // foreign keys are not required
		t.Error(err)
	}
	storetest.ProbeOf(db).MustExec(`DELETE FROM goose_db_version WHERE version_id = 1`)
	if err := db.Ping(t.Context()); !errors.Is(err, store.ErrNotMigrated) {
		t.Errorf("ping: %v", err)
	}
	if _, err := store.Open(t.Context(), config(dsn)); !errors.Is(err, store.ErrNotMigrated) {
		t.Errorf("one missing: %v", err)
	}
}

func TestMigrateErrors(t *testing.T) {
	t.Parallel()
	if _, err := store.Migrate(t.Context(), store.MigrateConfig{DSN: "host=/tmp"}); !errors.Is(err, store.ErrUnsafeDSN) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := store.Migrate(ctx, store.MigrateConfig{DSN: "host=" + t.TempDir() + " sslmode=disable user=x"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := store.Migrate(ctx, store.MigrateConfig{DSN: storetest.EmptyDSN(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
