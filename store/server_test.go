package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// connect returns a server with n connections, which is closed when the test ends.
func connect(t *testing.T, dsn string, n int) *store.Server {
	t.Helper()
	s, err := store.Connect(t.Context(), store.ServerConfig{DSN: dsn, MaxConns: n, CallLimit: testenv.Patience, ConnectLimit: testenv.Patience})
	noError(t, err)
	t.Cleanup(func() { noError(t, s.Close()) })
	return s
}

// centerConfig returns the configuration of a centre with keys of its own.
func centerConfig(t *testing.T, center, app string) store.CenterConfig {
	return store.CenterConfig{Center: center, AppID: app, ColumnCipher: storetest.NewColumnCipher(t), Pepper: storetest.NewPepper(t)}
}

// TestCentersOfOneServer checks that centres share connections and nothing else: an account
// of one is not found by another, and each has its own application and keys.
func TestCentersOfOneServer(t *testing.T) {
	t.Parallel()
	s := connect(t, storetest.DSN(t), 4)
	var dbs []*store.DB
	var configs []store.CenterConfig
	for i := range 3 {
		c := centerConfig(t, fmt.Sprint("city ", i), fmt.Sprint("app ", i))
		db, err := s.OpenCenter(t.Context(), c)
		noError(t, err)
		dbs, configs = append(dbs, db), append(configs, c)
	}
	ids := map[uuid.UUID]bool{}
	for _, db := range dbs {
		importAll(t, db, depositor(1, hashed))
		ids[importedAccount(t, db, depositor(1, hashed)).ID] = true
	}
	if len(ids) != len(dbs) {
		t.Errorf("%d accounts in %d centres", len(ids), len(dbs))
	}
	for want, c := range map[error]store.CenterConfig{
		store.ErrOtherApp:       {Center: "city 0", AppID: "app 1", ColumnCipher: configs[0].ColumnCipher},
		store.ErrOtherColumnKey: {Center: "city 0", AppID: "app 0", ColumnCipher: configs[1].ColumnCipher},
		store.ErrOtherPepper:    {Center: "city 0", AppID: "app 0", ColumnCipher: configs[0].ColumnCipher, Pepper: configs[1].Pepper},
	} {
		if _, err := s.OpenCenter(t.Context(), c); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	noError(t, dbs[0].Close())
	noError(t, dbs[1].Ping(t.Context()))
	importAll(t, dbs[1], depositor(2, hashed))
	again, err := s.OpenCenter(t.Context(), configs[0])
	noError(t, err)
	importedAccount(t, again, depositor(1, hashed))
}

// TestStormedCenterLeavesConnections checks that a centre whose every call waits for a lock
// does not keep another from its rows.
func TestStormedCenterLeavesConnections(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	s := connect(t, dsn, 8) // 4 for a centre, of which 3 for transactions
	stormed, err := s.OpenCenter(t.Context(), centerConfig(t, "stormed", "app 1"))
	noError(t, err)
	other, err := s.OpenCenter(t.Context(), centerConfig(t, "other", "app 2"))
	noError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	entered := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for range cap(entered) {
		wg.Go(func() {
			_ = stormed.InTx(ctx, func(*sqlx.Tx, time.Time) error {
				entered <- struct{}{}
				<-ctx.Done()
				return nil
			})
		})
	}
	for range 3 {
		<-entered
	}
	importAll(t, other, depositor(1, hashed))
	importedAccount(t, other, depositor(1, hashed))
	noError(t, s.Ping(t.Context()))
	if n := len(entered); n != 0 {
		t.Errorf("%d further calls of the stormed centre have a connection", n)
	}
	cancel()
	wg.Wait()
	noError(t, stormed.Close())
	if _, err := stormed.AccountByNumber(t.Context(), "1"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a closed centre: %v", err)
	}
	noError(t, other.Ping(t.Context()))
}
