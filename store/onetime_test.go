package store_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Two processes share a one-time token: one makes it, both can open it, one spends it.
func TestOneTimeOverTwoProcesses(t *testing.T) {
	t.Parallel()
	cipher, dsn := storetest.NewColumnCipher(t), storetest.Shared(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	browser := []byte("browser")
	token, err := one.NewOneTime(store.OneTimeCaptcha, browser, []byte("12345"))
	noError(t, err)
	for range 2 {
		value, err := two.OpenOneTime(store.OneTimeCaptcha, browser, token)
		if noError(t, err); string(value) != "12345" {
			t.Fatalf("opened %q", value)
		}
	}
	var spent, refused atomic.Int32
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			value, err := []*store.DB{one, two}[i%2].SpendOneTime(t.Context(), store.OneTimeCaptcha, browser, token)
			switch {
			case err == nil && string(value) == "12345":
				spent.Add(1)
			case errors.Is(err, store.ErrConflict):
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if spent.Load() != 1 || refused.Load() != 99 {
		t.Errorf("%d spent, %d refused", spent.Load(), refused.Load())
	}
}

// A token that is not exactly the one made is refused, and spends nothing.
func TestOneTimeRefused(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	db := storetest.New(t, storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	browser := []byte("browser")
	token, err := db.NewOneTime(store.OneTimeSignIn, browser, []byte("value"))
	noError(t, err)
	refused := func(name string, purpose store.OneTimePurpose, binding []byte, token string) {
		t.Helper()
		if value, err := db.OpenOneTime(purpose, binding, token); !errors.Is(err, store.ErrOneTime) || value != nil {
			t.Errorf("%s is opened: %q, %v", name, value, err)
		}
		if value, err := db.SpendOneTime(t.Context(), purpose, binding, token); !errors.Is(err, store.ErrOneTime) || value != nil {
			t.Errorf("%s is spent: %q, %v", name, value, err)
		}
	}
	refused("another purpose", store.OneTimeCaptcha, browser, token)
	refused("another browser", store.OneTimeSignIn, []byte("browser 2"), token)
	refused("no browser", store.OneTimeSignIn, nil, token)
	refused("empty", store.OneTimeSignIn, browser, "")
	refused("too long", store.OneTimeSignIn, browser, token+"A")
	refused("too short", store.OneTimeSignIn, browser, token[:len(token)-4])
	refused("line break", store.OneTimeSignIn, browser, token+"\n")
	refused("line break inside", store.OneTimeSignIn, browser, token[:8]+"\n"+token[8:])
	refused("padding", store.OneTimeSignIn, browser, token+"=")
	for i := range token {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		refused("changed character", store.OneTimeSignIn, browser, token[:i]+string(other)+token[i+1:])
	}
	refused("other alphabet", store.OneTimeSignIn, browser, strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return '+'
		}
		return r
	}, token+"-"))

	ahead.Store(int64(store.OneTimeLife - time.Second))
	if _, err := db.OpenOneTime(store.OneTimeSignIn, browser, token); err != nil {
		t.Errorf("refused before its end: %v", err)
	}
	ahead.Store(int64(store.OneTimeLife))
	refused("expired", store.OneTimeSignIn, browser, token)
	ahead.Store(0)
	_, err = db.SpendOneTime(t.Context(), store.OneTimeSignIn, browser, token)
	noError(t, err)
}

// The rows of spent tokens outlive the tokens, and Purge deletes them then.
func TestSpentOneTimeIsPurged(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	db := storetest.New(t, storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	token, err := db.NewOneTime(store.OneTimeCaptcha, nil, nil)
	noError(t, err)
	_, err = db.SpendOneTime(t.Context(), store.OneTimeCaptcha, nil, token)
	noError(t, err)
	rows := func() string { return list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM spent_values`)[0] }
	for _, c := range []struct {
		later time.Duration
		want  string
	}{{store.OneTimeLife + time.Second, "1"}, {26 * time.Hour, "0"}} {
		ahead.Store(int64(c.later))
		noError(t, db.Operations().Purge(t.Context()))
		if got := rows(); got != c.want {
			t.Errorf("after %v: %s rows, want %s", c.later, got, c.want)
		}
	}
}
