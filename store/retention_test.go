package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"fundpass/keys"
	"fundpass/store"
	"fundpass/store/storetest"
)

// retained returns the rows that Retention counts, by kind, and checks that every kind is
// reported.
func retained(t *testing.T, db *store.DB, years int, dryRun bool) map[string]int64 {
	t.Helper()
	all, err := db.Operations().Retention(t.Context(), years, dryRun)
	noError(t, err)
	got := map[string]int64{}
	for _, r := range all {
		if r.Before.IsZero() {
			t.Errorf("%s has no time", r.Kind)
		}
		if r.Rows > 0 {
			got[r.Kind] = r.Rows
		}
	}
	if len(all) != 24 {
		t.Errorf("%d kinds reported", len(all))
	}
	return got
}

// rowsOf returns the number of rows of each table.
func rowsOf(t *testing.T, db *store.DB) map[string]int {
	t.Helper()
	got := map[string]int{}
	for table, rows := range allRows(t, db) {
		got[table] = len(rows)
	}
	return got
}

// Recent rows are kept, old rows are deleted kind by kind, and a dry run reports the same
// numbers.
func TestRetention(t *testing.T) {
	t.Parallel()
	storetest.NeedCoordinator(t)
	start := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	clock := start
	key, err := keys.NewColumnKey()
	noError(t, err)
	cipher, err := keys.ParseColumnCipher(key)
	noError(t, err)
	dsn := storetest.DSN(t)
	at := func(now time.Time) *store.DB {
		clock := now
		return storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return clock }))
	}
	db := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(func() time.Time { return clock }))
	d := createPersonRows(t, db, 1)
	_, err = db.Operations().Unlock(t.Context(), operatorRequest(d))
	noError(t, err)
	young := rowsOf(t, db)

	for _, tt := range []struct {
		name string
		age  time.Duration
		want map[string]int64
	}{
		{"at once", 0, map[string]int64{}},
		{"a day and a bit", 26 * time.Hour, map[string]int64{"sessions": 4, "first answers": 2, "password tickets": 1}},
		{"three days", 76 * time.Hour, map[string]int64{"daily counts": 6, "SMS codes": 1, "counts of spraying": 3}},
		{"91 days", 91 * 24 * time.Hour, map[string]int64{"changes": 1, "resets": 1, "notices to owners": 11, "pending links": 1, "link transfers": 2}},
		{"366 days", 366 * 24 * time.Hour, map[string]int64{"notifications": 1, "phone proofs": 1, "attempts": 2, "devices": 1, "answers about messages": 1}},
		{"two years and 11 months", 1065 * 24 * time.Hour, map[string]int64{}},
		{"three years and a month", 1130 * 24 * time.Hour, map[string]int64{"events": 17, "operators' actions": 2, "reset codes": 1}},
	} {
		now := at(start.Add(tt.age))
		for i, dryRun := range []bool{true, false, false, true} {
			want := tt.want
			if i > 1 {
				want = map[string]int64{}
			}
			if diff := cmp.Diff(want, retained(t, now, 3, dryRun)); diff != "" {
				t.Errorf("%s, dry run %v:\n%s", tt.name, dryRun, diff)
			}
		}
		if tt.age == 0 {
			if diff := cmp.Diff(young, rowsOf(t, db)); diff != "" {
				t.Errorf("deleted at once:\n%s", diff)
			}
		}
	}
	left := []string{}
	for table, n := range rowsOf(t, db) {
		if n > 0 {
			left = append(left, table)
		}
	}
	slices.Sort(left)
	if diff := cmp.Diff([]string{"accounts", "centers", "consents", "links", "password_credentials", "password_history"}, left); diff != "" {
		t.Errorf("rows left after three years:\n%s", diff)
	}
	if got := partitions(t, storetest.ProbeOf(db)); got["events_2026_05"] != "" || got["events_rest"] == "" || got["events_2029_06"] == "" {
		t.Errorf("partitions %v", got)
	}
	if _, err := db.Operations().Retention(t.Context(), 0, true); err == nil {
		t.Error("0 years accepted")
	}
}

// A lock that ends in the year 9999 and an open change are kept.
func TestRetentionKeepsLocks(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	db := storetest.Open(t, storetest.DSN(t), storetest.WithNow(func() time.Time { return clock }))
	forEver := store.LockoutPolicy{Attempts: []int{1}, Until: func(time.Time) []time.Time { return []time.Time{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} }}
	for i, b := range []store.LockoutPolicy{forEver, tiers} {
		_, err := failedAttempt(t.Context(), db, store.AttemptRequest{PersonDigest: fmt.Append(nil, "person", i), Scope: store.PublicScope, Policy: b})
		noError(t, err)
	}
	clock = clock.AddDate(5, 0, 0)
	if diff := cmp.Diff(map[string]int64{"attempts": 1}, retained(t, db, 1, false)); diff != "" {
		t.Error(diff)
	}
	a, err := failedAttempt(t.Context(), db, store.AttemptRequest{PersonDigest: []byte("person0"), Scope: store.PublicScope, Policy: forEver})
	if err != nil || a.Admitted {
		t.Errorf("lock deleted: %+v %v", a, err)
	}
}

// addEvents inserts n events of a centre at each time.
func addEvents(t *testing.T, db *store.DB, center string, n int, all ...time.Time) {
	t.Helper()
	noError(t, db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
		for _, month := range all {
			if _, err := tx.Exec(`INSERT INTO events (center_id, at, event_id, account_id, kind, channel)
				SELECT $1, $2::timestamptz + i * interval '1 second', gen_random_uuid(), $3, 'k', 'c' FROM generate_series(1, $4) i`,
				center, month, uuid.New(), n); err != nil {
				return err
			}
		}
		return nil
	}))
}

// A partition of one centre is dropped; another centre's events stay in theirs, and rows in
// events_rest are deleted. Two processes share the work.
func TestRetentionOfEvents(t *testing.T) {
	t.Parallel()
	storetest.NeedCoordinator(t)
	dsn := storetest.DSN(t)
	month := func(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC) }
	storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return month(2) })) // makes February to April
	now := func() time.Time { return time.Date(2029, 4, 15, 0, 0, 0, 0, time.UTC) }
	db := storetest.Open(t, dsn, storetest.WithNow(now))
	second := storetest.Open(t, dsn, storetest.WithNow(now))
	addEvents(t, db, storetest.Center, 2500, month(1), month(2), month(3), month(4))
	addEvents(t, db, "other", 3, month(1), month(3))

	if got := retained(t, db, 3, true); got["events"] != 7500 {
		t.Errorf("a dry run counts %v", got)
	}
	var mu sync.Mutex
	var rows int64
	var parts []string
	var wg sync.WaitGroup
	for _, process := range []*store.DB{db, second} {
		wg.Go(func() {
			all, err := process.Operations().Retention(t.Context(), 3, false)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			rows += all[0].Rows
			parts = append(parts, all[0].Parts...)
		})
	}
	wg.Wait()
	if rows != 7500 || strings.Join(parts, " ") != "events_2026_02" {
		t.Errorf("%d rows deleted, dropped %v", rows, parts)
	}
	for center, want := range map[string]string{storetest.Center: "2500", "other": "6"} {
		if got := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM events WHERE center_id = $1`, center)[0]; got != want {
			t.Errorf("%s has %s events, want %s", center, got, want)
		}
	}
	if got := partitions(t, storetest.ProbeOf(db)); got["events_2026_02"] != "" || got["events_2026_03"] == "" || got["events_2026_04"] == "" {
		t.Errorf("partitions %v", got)
	}
}

// A worker of a distributed server drops no partition, so its events are deleted row by
// row.
func TestRetentionOnWorker(t *testing.T) {
	t.Parallel()
	storetest.NeedOwnServer(t, "its event trigger, which answers as a worker does, holds for the whole database")
	dsn := storetest.DSN(t)
	month := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return month }))
	db := storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return month.AddDate(2, 0, 0) }))
	addEvents(t, db, storetest.Center, 10, month)
	storetest.ProbeOf(db).MustExec(`
		CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'operation is not allowed on this node' USING ERRCODE = 'XX000', HINT = 'Connect to the coordinator and run it again.';
		END $$;
		CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION refuse()`)
	if got := retained(t, db, 1, false); got["events"] != 10 {
		t.Errorf("%v", got)
	}
	if partitions(t, storetest.ProbeOf(db))["events_2026_02"] == "" {
		t.Error("partition dropped")
	}
}

// A partition that a reader has locked is not dropped: its events are deleted row by row
// without waiting.
func TestRetentionBesideReader(t *testing.T) {
	t.Parallel()
	storetest.NeedCoordinator(t)
	dsn := storetest.DSN(t)
	month := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return month }))
	db := storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return month.AddDate(2, 0, 0) }))
	addEvents(t, db, storetest.Center, 10, month)
	noError(t, db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
		if _, err := tx.Exec(`LOCK TABLE events_2026_02 IN ACCESS SHARE MODE`); err != nil {
			return err
		}
		if got := retained(t, db, 1, false); got["events"] != 10 {
			t.Errorf("%v", got)
		}
		return nil // Retention returned while the reader still holds its lock
	}))
	if partitions(t, storetest.ProbeOf(db))["events_2026_02"] == "" {
		t.Error("partition dropped under a reader")
	}
	all, err := db.Operations().Retention(t.Context(), 1, false)
	noError(t, err)
	if len(all[0].Parts) != 1 || all[0].Rows != 0 {
		t.Errorf("the next day: %+v", all[0])
	}
}
