package store_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Through a worker an old month is deleted row by row, and its partition stays until the
// coordinator drops it. New months are made by the coordinator, and events without one are
// kept all the same.
func TestEventsThroughWorker(t *testing.T) {
	t.Parallel()
	storetest.NeedDistributed(t)
	dsn := storetest.DSN(t)
	coordinator, worker := storetest.Coordinator(t, dsn), storetest.Worker(t, dsn)
	month := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	at := func(dsn string, now time.Time) *store.DB {
		return storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return now }))
	}
	at(coordinator, month)
	late := month.AddDate(2, 0, 0)
	db := at(worker, late)
	addEvents(t, db, storetest.Center, 10, month, late)
	if got := retained(t, db, 1, false); got["events"] != 10 {
		t.Errorf("through a worker: %v", got)
	}
	if got := partitions(t, storetest.ProbeOf(db)); got["events_2026_02"] == "" || got["events_2028_02"] != "" {
		t.Errorf("partitions %v", got)
	}
	addEvents(t, db, storetest.Center, 5, month)
	upkeep := at(coordinator, late)
	if got := retained(t, upkeep, 1, false); got["events"] != 5 {
		t.Errorf("on the coordinator: %v", got)
	}
	if got := partitions(t, storetest.ProbeOf(db)); got["events_2026_02"] != "" || got["events_2028_03"] == "" {
		t.Errorf("partitions %v", got)
	}
	if n := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM events WHERE center_id = $1`, storetest.Center)[0]; n != "10" {
		t.Errorf("%s events left, want those of the month without a partition", n)
	}
}

// The coordinator does not wait long for a lock that a reader holds on a worker, because the
// statements of all requests would queue behind it.
func TestRetentionBesideReaderOfWorker(t *testing.T) {
	t.Parallel()
	storetest.NeedDistributed(t)
	dsn := storetest.DSN(t)
	coordinator, worker := storetest.Coordinator(t, dsn), storetest.Worker(t, dsn)
	month := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	storetest.Open(t, coordinator, storetest.WithNow(func() time.Time { return month }))
	reader := storetest.Probe(t, worker).MustBegin()
	defer reader.Rollback()
	list := []string{}
	noError(t, reader.Select(&list, `SELECT kind FROM events WHERE center_id = $1`, storetest.Center))
	db := storetest.Open(t, coordinator, storetest.WithNow(func() time.Time { return month.AddDate(2, 0, 0) })) // returns while the reader has its lock
	if got := partitions(t, storetest.ProbeOf(db)); got["events_2028_02"] != "" {
		t.Errorf("made under a reader: %v", got)
	}
	addEvents(t, db, storetest.Center, 10, month)
	if got := retained(t, db, 1, false); got["events"] != 10 {
		t.Errorf("%v", got)
	}
	if partitions(t, storetest.ProbeOf(db))["events_2026_02"] == "" {
		t.Error("partition dropped under a reader")
	}
	noError(t, reader.Rollback())
	all, err := db.Operations().Retention(t.Context(), 1, false)
	noError(t, err)
	if !slices.Contains(all[0].Parts, "events_2026_02") {
		t.Errorf("without a reader: %+v", all[0])
	}
}

// Attempts through the coordinator and through a worker at once share one limit.
func TestAttemptsThroughAllNodes(t *testing.T) {
	t.Parallel()
	storetest.NeedDistributed(t)
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	dbs := [2]*store.DB{}
	for i, node := range []string{storetest.Coordinator(t, dsn), storetest.Worker(t, dsn)} {
		dbs[i] = storetest.Open(t, node, storetest.WithColumnCipher(cipher))
	}
	importAll(t, dbs[0], depositor(1))
	var admitted atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			a, err := dbs[i%2].ReserveAttempt(t.Context(), store.AttemptRequest{
				PersonDigest: dbs[0].PersonDigest(depositor(1).DocumentKey), Scope: store.PublicScope, Policy: tiers})
			if err != nil {
				t.Error(err)
			}
			if a.Admitted {
				admitted.Add(1)
			}
		})
	}
	all.Wait()
	if n := int(admitted.Load()); n != tiers.Attempts[0] {
		t.Errorf("%d attempts admitted, want %d", n, tiers.Attempts[0])
	}
}
