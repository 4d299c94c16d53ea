package store_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// partitions returns the partitions of events with their bounds.
func partitions(t *testing.T, db *sqlx.DB) map[string]string {
	t.Helper()
	var rows []struct{ Name, Bound string }
	err := db.Select(&rows, `
		SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events'::regclass`)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, r := range rows {
		m[r.Name] = r.Bound
	}
	return m
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	storetest.NeedCoordinator(t)
	at := time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC)
	dsn := storetest.DSN(t)
	db := storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return at }))
	want := map[string]string{
		"events_rest":    "DEFAULT",
		"events_2026_11": "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')",
		"events_2026_12": "FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')",
		"events_2027_01": "FOR VALUES FROM ('2027-01-01 00:00:00+00') TO ('2027-02-01 00:00:00+00')",
	}
	if d := cmp.Diff(want, partitions(t, storetest.ProbeOf(db))); d != "" {
		t.Errorf("at Open:\n%s", d)
	}
	db.MakePartitionsAt(t.Context(), at)
	if d := cmp.Diff(want, partitions(t, storetest.ProbeOf(db))); d != "" {
		t.Errorf("again:\n%s", d)
	}
	db.MakePartitionsAt(t.Context(), at.Add(time.Second))
	want["events_2027_02"] = "FOR VALUES FROM ('2027-02-01 00:00:00+00') TO ('2027-03-01 00:00:00+00')"
	if d := cmp.Diff(want, partitions(t, storetest.ProbeOf(db))); d != "" {
		t.Errorf("next month:\n%s", d)
	}
}

func TestPartitionsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.NeedCoordinator(t)
	dsn := storetest.DSN(t)
	probe := storetest.Probe(t, dsn)
	var log syncBuffer
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: storetest.Center, AppID: storetest.AppID,
				ColumnCipher: storetest.ColumnCipher(), Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			if n := len(partitions(t, probe)); n != 4 {
				t.Errorf("%d partitions", n)
			}
		})
	}
	wg.Wait()
	if s := log.String(); s != "" {
		t.Errorf("log: %s", s)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// If events_rest has rows of a month, that month's partition cannot be created; the others
// are, and the store serves.
func TestPartitionThatCannotBeMade(t *testing.T) {
	t.Parallel()
	storetest.NeedCoordinator(t)
	dsn := storetest.DSN(t)
	db := storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }))
	addEvent := func(at time.Time) error {
		return db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
			_, err := tx.Exec(`INSERT INTO events (center_id, at, event_id, account_id, kind, channel) VALUES ($1, $2, $3, $4, $5, $6)`,
				"test", at, uuid.New(), uuid.New(), "k", "c")
			return err
		})
	}
	at := time.Date(2027, 5, 2, 0, 0, 0, 0, time.UTC)
	if err := addEvent(at); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	later, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: storetest.Center, AppID: storetest.AppID,
		ColumnCipher: storetest.ColumnCipher(), Now: func() time.Time { return at }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if !strings.Contains(log.String(), "events_2027_05") {
		t.Errorf("log: %s", log.String())
	}
	got := partitions(t, storetest.ProbeOf(db))
	if got["events_2027_05"] != "" || got["events_2027_06"] == "" || got["events_2027_07"] == "" {
		t.Errorf("got %v", got)
	}
	if err := addEvent(at); err != nil {
		t.Error(err)
	}
}
