package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	storetest.Open(t, dsn)
	storetest.Open(t, dsn) // registers nothing new
	storetest.Open(t, dsn, storetest.WithCenter("second", "2021000000000002"))
	open := func(center, app string) error {
		db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: center, AppID: app, ColumnCipher: storetest.ColumnCipher()})
		if err == nil {
			db.Close()
		}
		return err
	}
	if err := open("test", "2021000000000003"); !errors.Is(err, store.ErrOtherApp) {
		t.Errorf("another application: %v", err)
	}
	if err := open("third", storetest.AppID); !errors.Is(err, store.ErrOtherApp) {
		t.Errorf("another centre: %v", err)
	}
	for _, center := range []string{"", "a-name-that-is-longer-than-32-bytes"} {
		if err := open(center, "x"); err == nil {
			t.Errorf("centre %q accepted", center)
		}
	}
}

func TestRegisterAtOnce(t *testing.T) {
	t.Parallel()
	for range testenv.Rounds(2, 5) {
		dsn := storetest.DSN(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: "c", AppID: "a", ColumnCipher: storetest.ColumnCipher(), MaxConns: 2})
				if err != nil {
					t.Error(err)
					return
				}
				db.Close()
			})
		}
		wg.Wait()
	}
}

// TestOpenUnavailable and TestPingReadOnly check that errors of pgconn are returned.
func TestOpenUnavailable(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := store.Open(ctx, store.Config{DSN: "host=127.0.0.1 port=1 sslmode=disable", Center: "c", AppID: "a", ColumnCipher: storetest.ColumnCipher()})
	if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknownOutcome) {
		t.Errorf("got %v", err)
	}
}

func TestPingReadOnly(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	noError(t, storetest.Open(t, dsn).Ping(t.Context()))
	db := storetest.Open(t, dsn+" default_transaction_read_only=on", func(c *store.Config) { c.Look = true })
	if err := db.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
