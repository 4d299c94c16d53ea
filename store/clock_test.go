package store_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

func TestClock(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		skew   time.Duration
		logged bool
		ready  bool
	}{
		{"same", 0, false, true},
		{"1 s", time.Second, false, true},
		{"5 s ahead", 5 * time.Second, true, true},
		{"5 s behind", -5 * time.Second, true, true},
		{"1 min ahead", time.Minute, true, false},
		{"1 day behind", -24 * time.Hour, true, false},
	}
	dsn := storetest.DSN(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			db, err := store.Open(t.Context(), store.Config{DSN: dsn, Center: storetest.Center, AppID: storetest.AppID,
				Box: storetest.NewBox(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.CompareClock(t.Context(), func() time.Time { return time.Now().Add(tt.skew) })
			if logged := strings.Contains(log.String(), "clock differs"); logged != tt.logged {
				t.Errorf("log: %s", log.String())
			}
			if err := db.Ping(t.Context()); (err == nil) != tt.ready || err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("ping: %v", err)
			}
			db.CompareClock(t.Context(), time.Now)
			if err := db.Ping(t.Context()); err != nil {
				t.Errorf("clock is right again: %v", err)
			}
		})
	}
}

// T39: whatever this machine's clock says, at the start or later, locks and
// sessions go by the database's, and a running process does not follow a clock
// that jumps.
func TestClockIsTheDatabases(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	for _, off := range []time.Duration{0, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 365 * 24 * time.Hour, -365 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			db, err := store.Open(t.Context(), store.Config{DSN: dsn, Center: storetest.Center, AppID: storetest.AppID, Box: storetest.NewBox(t)})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			g := store.Guess{PersonDigest: []byte(off.String()), Lane: store.PublicLane, Budget: store.Budget{Guesses: []int{1},
				Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}}
			first, err := db.TakeGuess(t.Context(), g)
			if err != nil || !first.Admitted {
				t.Fatalf("%+v %v", first, err)
			}
			if lock := time.Until(*first.LockedUntil); lock < 59*time.Minute || lock > 61*time.Minute {
				t.Errorf("locked for %v, want an hour", lock)
			}
			token := []byte("token " + off.String())
			if _, err := db.OpenSession(t.Context(), token, store.Visitor{}); err != nil {
				t.Fatal(err)
			}
			db.CompareClock(t.Context(), func() time.Time { return time.Now().Add(off) })
			if _, err := db.Session(t.Context(), token); err != nil {
				t.Errorf("after the clock moved by %v the session is gone: %v", off, err)
			}
			second, err := db.TakeGuess(t.Context(), g)
			if err != nil || second.Admitted || !second.LockedUntil.Equal(*first.LockedUntil) {
				t.Errorf("after the clock moved by %v: %+v %v", off, second, err)
			}
			if d := time.Since(db.Now()).Abs(); d > 2*time.Second {
				t.Errorf("the clock is %v off the database's", d)
			}
		})
	}
}

func TestOwnClockIsNotCompared(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return time.Unix(0, 0) }))
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
