package store_test

import (
	"context"
	"testing"
	"time"
	"os"
	"strconv"

	"fundpass/store"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

func TestScratchImport(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	if n == 0 { t.Skip() }
	dir, _ := os.MkdirTemp("/tmp", "fpb")
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o711)
	pg, err := localpg.Start(context.Background(), localpg.Options{Dir: dir + "/d", Name: "x", Own: true})
	if err != nil { t.Fatal(err) }
	defer pg.Close()
	dsn := pg.DSN("x")
	if _, err := store.Migrate(t.Context(), store.MigrateConfig{DSN: dsn}); err != nil { t.Fatal(err) }
	db := storetest.Open(t, dsn)
	var seal time.Duration
	s0 := time.Now()
	for i := 0; i < n; i += 5000 {
		t0 := time.Now()
		b, err := db.SealBatch(depositors(i, 5000))
		if err != nil { t.Fatal(err) }
		seal += time.Since(t0)
		_ = b
		if _, err := db.ImportDepositors(t.Context(), depositors(i, 5000)); err != nil { t.Fatal(err) }
	}
	total := time.Since(s0) - 2*seal
	t.Logf("seal %.1f us/row; merge %.1f us/row", float64(seal.Microseconds())/float64(n), float64(total.Microseconds())/float64(n))
	p := db.Pool()
	must := func(q string) { if _, err := p.Exec(q); err != nil { t.Fatal(q, err) } }
	must("set statement_timeout=0")
	ctx, c := context.WithTimeout(t.Context(), 10*time.Minute)
	defer c()
	ex := func(q string) { t0 := time.Now(); if _, err := p.ExecContext(ctx, q); err != nil { t.Fatal(q, err) }; t.Log(q, time.Since(t0)) }
	ex("copy accounts to '" + pg.Dir() + "/a'")
	ex("copy password_credentials to '" + pg.Dir() + "/c'")
	ex("truncate accounts, password_credentials cascade")
	t0 := time.Now()
	ex("copy accounts from '" + pg.Dir() + "/a'")
	ex("copy password_credentials from '" + pg.Dir() + "/c'")
	t.Logf("copy %.1f us/row", float64(time.Since(t0).Microseconds())/float64(n))
}
