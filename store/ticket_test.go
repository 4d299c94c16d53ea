package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

func visitSession(t *testing.T, db *store.DB, name string) store.Session {
	t.Helper()
	digest := make([]byte, 32)
	copy(digest, name)
	s, err := db.OpenSession(t.Context(), store.ChannelAlipay, digest, store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: "app", Kind: "open_id", Value: name}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTicket(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	db := storetest.New(t, storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	mine, other := visitSession(t, db, "mine"), visitSession(t, db, "other")
	text, another := []byte("sealed text"), []byte("another text")
	spend := func(s store.Session, ticket string, sealed []byte, again bool) bool {
		t.Helper()
		good, err := db.SpendTicket(t.Context(), s, ticket, sealed, again)
		if err != nil {
			t.Fatal(err)
		}
		return good
	}
	for _, ticket := range []string{"a", "late", "purged"} {
		if err := db.AddTicket(t.Context(), mine, ticket); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name   string
		by     store.Session
		ticket string
		sealed []byte
		again  bool
		good   bool
	}{
		{"unknown", mine, "b", text, false, false},
		{"of another session", other, "a", text, false, false},
		{"the first time", mine, "a", text, false, true},
		{"a replay", mine, "a", text, false, false},
		{"a replay with another text", mine, "a", another, true, false},
		{"the same request again", mine, "a", text, true, true},
		{"again, from another session", other, "a", text, true, false},
	} {
		if got := spend(step.by, step.ticket, step.sealed, step.again); got != step.good {
			t.Errorf("%s: %v, want %v", step.name, got, step.good)
		}
	}
	ahead.Store(int64(store.TicketLife - time.Second))
	if err := db.Operations().Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !spend(mine, "late", text, false) {
		t.Error("valid ticket refused")
	}
	ahead.Store(int64(store.TicketLife + time.Second))
	if spend(mine, "purged", text, false) {
		t.Error("expired ticket accepted")
	}
}

// Of many concurrent uses of one ticket over two processes, one succeeds.
func TestTicketOnce(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	cipher := storetest.WithColumnCipher(storetest.NewColumnCipher(t))
	one := storetest.Open(t, dsn, cipher)
	handles := []*store.DB{one, storetest.Open(t, dsn, cipher)}
	s := visitSession(t, one, "mine")
	if err := one.AddTicket(t.Context(), s, "ticket"); err != nil {
		t.Fatal(err)
	}
	var good atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			ok, err := handles[i%2].SpendTicket(t.Context(), s, "ticket", []byte{byte(i)}, false)
			if err != nil {
				t.Error(err)
			}
			if ok {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if good.Load() != 1 {
		t.Errorf("%d of 50 uses succeeded, want 1", good.Load())
	}
}
