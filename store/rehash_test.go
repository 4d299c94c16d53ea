package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

func withHash(hash string) func(*store.Depositor) {
	return func(d *store.Depositor) { d.InitialRule, d.Hash = "", hash }
}

// allHashes returns every hash of a centre.
func allHashes(t *testing.T, db *store.DB) []store.StoredHash {
	t.Helper()
	var all []store.StoredHash
	for after := uuid.Nil; ; after = all[len(all)-1].AccountID {
		batch, err := db.Operations().Hashes(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			return all
		}
		if len(batch) > store.RehashBatch {
			t.Fatalf("%d in a batch", len(batch))
		}
		all = append(all, batch...)
	}
}

func replaceHashes(t *testing.T, db *store.DB, want int64, all ...store.NewHash) {
	t.Helper()
	if n, err := db.Operations().ReplaceHashes(t.Context(), all); n != want || err != nil {
		t.Fatalf("%d replaced, %v; want %d", n, err, want)
	}
}

// Hashes returns every hash of its centre once, and no initial password.
func TestHashes(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	other := storetest.New(t, storetest.WithColumnCipher(cipher)) // another centre
	const n = 2*store.RehashBatch + 3
	ds := depositors(0, n+5)
	want := map[string]bool{}
	for i := range n {
		hash := fmt.Sprint("hash ", i)
		withHash(hash)(&ds[i])
		want[hash] = true
	}
	importAll(t, db, ds...)
	importAll(t, other, depositor(1, withHash("of another centre")))
	all := allHashes(t, db)
	got := map[string]bool{}
	for _, h := range all {
		got[h.Hash] = true
	}
	if d := cmp.Diff(want, got); d != "" || len(all) != n {
		t.Errorf("%d hashes, %s", len(all), d)
	}
	if count, err := db.Operations().CountHashes(t.Context()); count != n || err != nil {
		t.Errorf("CountHashes = %d, %v", count, err)
	}
	foreign := allHashes(t, other)
	replaceHashes(t, db, 0, store.NewHash{Old: foreign[0], Hash: "taken over"})
}

// ReplaceHashes replaces only hashes that are unchanged.
func TestReplaceHashes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, withHash("old")), depositor(2, withHash("old")), depositor(3))
	all := allHashes(t, db)
	rewritten := []store.NewHash{{Old: all[0], Hash: "new"}, {Old: all[1], Hash: "new"}}
	replaceHashes(t, db, 2, rewritten...)
	replaceHashes(t, db, 0, rewritten...)
	replaceHashes(t, db, 0)
	for _, h := range allHashes(t, db) {
		if h.Hash != "new" || h.Version != 1 {
			t.Errorf("got %+v", h)
		}
		upgraded := h
		upgraded.Hash = "upgraded"
		if err := db.UpgradeHash(t.Context(), store.Account{ID: h.AccountID, Version: 1}, upgraded.Hash); err != nil {
			t.Fatal(err)
		}
		replaceHashes(t, db, 0, store.NewHash{Old: h, Hash: "newer"}) // the hash has changed
		upgraded.Version++
		replaceHashes(t, db, 0, store.NewHash{Old: upgraded, Hash: "newer"}) // the password has changed
	}
}

// linkedSession returns a session of a user who is linked to the account.
func linkedSession(t *testing.T, db *store.DB, who string, a store.Account) store.Session {
	t.Helper()
	token := []byte("token of " + who)
	s, err := db.OpenSession(t.Context(), store.ChannelAlipay, token, store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: who}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AddLink(t.Context(), s, a, nil); err != nil {
		t.Fatal(err)
	}
	if s, err = db.Session(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return s
}

// A change that ends between read and write is kept, and an open change is not affected by
// the replacement.
func TestReplaceHashesBesideChange(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, withHash("old")))
	a := importedAccount(t, db, depositor(1))
	s := linkedSession(t, db, "somebody", a)
	c, err := db.OpenChange(t.Context(), s, a, []byte("old print"))
	if err != nil {
		t.Fatal(err)
	}
	read := allHashes(t, db)
	replaceHashes(t, db, 1, store.NewHash{Old: read[0], Hash: "old, other key"})
	read = allHashes(t, db)
	if _, err := db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "citizen's", Fingerprint: []byte("new print")}); err != nil {
		t.Fatal(err)
	}
	replaceHashes(t, db, 0, store.NewHash{Old: read[0], Hash: "overwritten"})
	if now := allHashes(t, db); len(now) != 1 || now[0].Hash != "citizen's" || now[0].Version != 2 {
		t.Errorf("got %+v", now)
	}
}

// After concurrent changes and replacements every account has the new password.
func TestReplaceHashesRacesChanges(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	db, walker := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher)), storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	const people = 20
	ctx, stop := context.WithCancel(t.Context())
	var changes, walk sync.WaitGroup
	for i := range people {
		importAll(t, db, depositor(i, withHash("0")))
		a := importedAccount(t, db, depositor(i))
		s := linkedSession(t, db, fmt.Sprint("user ", i), a)
		c, err := db.OpenChange(ctx, s, a, []byte("old print"))
		if err != nil {
			t.Fatal(err)
		}
		changes.Go(func() {
			if _, err := db.FinishChange(ctx, s, c.ID, store.NewPassword{Hash: "citizen's", Fingerprint: []byte("new print")}); err != nil {
				t.Error(err)
			}
		})
		if i == 0 {
			walk.Go(func() { rewriteUntil(ctx, t, walker) })
		}
	}
	changes.Wait()
	stop()
	walk.Wait()
	for _, h := range allHashes(t, db) {
		if h.Version != 2 || h.Hash[:9] != "citizen's" {
			t.Errorf("got %+v", h)
		}
	}
}

// rewriteUntil appends a mark to every hash again and again until ctx ends.
func rewriteUntil(ctx context.Context, t *testing.T, db *store.DB) {
	for ctx.Err() == nil {
		read, err := db.Operations().Hashes(ctx, uuid.Nil)
		if err == nil {
			rewritten := make([]store.NewHash, len(read))
			for i, h := range read {
				rewritten[i] = store.NewHash{Old: h, Hash: h.Hash + "."}
			}
			_, err = db.Operations().ReplaceHashes(ctx, rewritten)
		}
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
	}
}
