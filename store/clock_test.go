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

func TestOwnClockIsNotCompared(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return time.Unix(0, 0) }))
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
