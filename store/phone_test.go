package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/store"
	"fundpass/store/storetest"
)

// signIn opens a session of a user.
func signIn(t *testing.T, db *store.DB, user string) store.Session {
	t.Helper()
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %d", user, time.Now().UnixNano()))
	s, err := db.OpenSession(t.Context(), store.ChannelAlipay, digest[:], store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: "2021", Kind: "open_id", Value: user}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBindPhone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	ctx := t.Context()
	proof := store.PhoneProof{Payload: []byte("payload one"), Mobile: "19900000001"}
	bind := func(s store.Session, p store.PhoneProof, want error) {
		t.Helper()
		if err := db.BindPhone(ctx, s, p); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	proven := func(s store.Session, want string) {
		t.Helper()
		if now, err := db.Session(ctx, s.TokenDigest); err != nil || now.Phone != want {
			t.Errorf("got %q, %v, want %q", now.Phone, err, want)
		}
	}
	a, b := signIn(t, db, "a"), signIn(t, db, "b")
	proven(a, "")
	bind(a, proof, nil)
	bind(a, proof, nil)
	bind(b, proof, store.ErrConflict)
	proven(a, "19900000001")
	proven(b, "")
	bind(signIn(t, db, "a"), proof, nil)
	bind(a, store.PhoneProof{Payload: []byte("payload two"), Mobile: "19900000002"}, nil)
	proven(a, "19900000002")

	ended := signIn(t, db, "c")
	if err := db.EndSession(ctx, ended.TokenDigest); err != nil {
		t.Fatal(err)
	}
	three := store.PhoneProof{Payload: []byte("payload three"), Mobile: "19900000003"}
	bind(ended, three, store.ErrNotFound)
	bind(b, three, nil) // an ended session does not claim the payload
}

// A phone number is deleted with its session. The payload belongs to its sender for a year
// after its last use and then to its next sender, as the number itself.
func TestPhoneIsPurged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	proof := store.PhoneProof{Payload: []byte("payload"), Mobile: "19900000001"}
	for _, step := range []struct {
		user  string
		after time.Duration
		want  error
	}{
		{"a", 0, nil},
		{"b", 300 * 24 * time.Hour, store.ErrConflict},
		{"a", 0, nil}, // extends the year
		{"b", 300 * 24 * time.Hour, store.ErrConflict},
		{"b", 66 * 24 * time.Hour, nil},
		{"a", 0, store.ErrConflict},
	} {
		now = now.Add(step.after)
		if err := db.Operations().Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := signIn(t, db, step.user)
		if err := db.BindPhone(t.Context(), s, proof); !errors.Is(err, step.want) {
			t.Errorf("%s after %s: got %v, want %v", step.user, step.after, err, step.want)
		}
		now = now.Add(store.SessionLife)
		if err := db.Operations().Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM sessions WHERE token_digest = $1`, s.TokenDigest)[0]; n != "0" {
			t.Errorf("%s phone numbers not deleted with the session", n)
		}
	}
}

// Of fifty users who send one payload concurrently over two processes, one succeeds.
func TestBindPhoneRace(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	key, err := keys.NewColumnKey()
	if err != nil {
		t.Fatal(err)
	}
	cipher, err := keys.ParseColumnCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	handles := []*store.DB{storetest.Open(t, dsn, storetest.WithColumnCipher(cipher)), storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))}
	for round := range 5 {
		proof := store.PhoneProof{Payload: fmt.Appendf(nil, "payload %d", round), Mobile: "19900000001"}
		errs := make([]error, 50)
		var wg sync.WaitGroup
		for i := range errs {
			s := signIn(t, handles[i%2], fmt.Sprint("user ", i))
			wg.Go(func() { errs[i] = handles[i%2].BindPhone(t.Context(), s, proof) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d succeeded, want 1", round, won)
		}
	}
}
