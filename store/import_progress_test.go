package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// pieceOf is the piece of a file that holds depositors from..from+n.
func pieceOf(t *testing.T, db *store.DB, file []byte, from, n int) store.ImportStep {
	t.Helper()
	b, err := db.Roster().SealBatch(depositors(from, n))
	if err != nil {
		t.Fatal(err)
	}
	return store.ImportStep{
		File: file, From: int64(from), Lines: int64(from + n + 1), Bytes: int64(100 * (from + n + 1)), Refused: 1, Batch: b,
	}
}

func TestImportSteps(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	sum := sha256.Sum256([]byte("a file"))
	file := sum[:]
	one, two := pieceOf(t, db, file, 0, 10), pieceOf(t, db, file, 11, 10)

	if _, err := db.Roster().ImportStep(t.Context(), one); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a step before the beginning: %v", err)
	}
	beginImport(t, db, file, store.Progress{})
	if _, err := db.Roster().ImportStep(t.Context(), two); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a step too early: %v", err)
	}
	half := store.Progress{Lines: 11, Bytes: 1100, Counts: store.Counts{Added: 10, Refused: 1}}
	takeStep(t, db, one, half)
	takeStep(t, db, one, half) // an answer that was lost
	beginImport(t, db, file, half)
	if _, err := db.Roster().FinishImport(t.Context(), file, 22); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("finished too early: %v", err)
	}
	whole := store.Progress{Lines: 22, Bytes: 2200, Counts: store.Counts{Added: 20, Refused: 2}}
	takeStep(t, db, two, whole)
	takeStep(t, db, one, whole)
	for range 2 {
		p, err := db.Roster().FinishImport(t.Context(), file, 22)
		if err != nil || p.FinishedAt == nil {
			t.Fatalf("finish: %+v, %v", p, err)
		}
	}
	beginImport(t, db, file, store.Progress{}) // anew
	takeStep(t, db, one, store.Progress{Lines: 11, Bytes: 1100, Counts: store.Counts{Unchanged: 10, Refused: 1}})
}

// A process that is still at a file which others finished and began anew must stop.
func TestImportStepBehindItsBack(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	file := []byte("the digest of a file")
	beginImport(t, db, file, store.Progress{})
	for _, s := range []store.ImportStep{pieceOf(t, db, file, 0, 10), pieceOf(t, db, file, 11, 10)} {
		if _, err := db.Roster().ImportStep(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Roster().FinishImport(t.Context(), file, 22); err != nil {
		t.Fatal(err)
	}
	beginImport(t, db, file, store.Progress{})
	if _, err := db.Roster().ImportStep(t.Context(), pieceOf(t, db, file, 11, 10)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

// A step that fails half way leaves no trace, in the progress either.
func TestImportStepAllOrNothing(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	db := storetest.Open(t, dsn)
	file := []byte("the digest of a file")
	beginImport(t, db, file, store.Progress{})
	if _, err := storetest.Probe(t, storetest.Coordinator(t, dsn)).Exec(`ALTER TABLE password_credentials ADD CONSTRAINT never CHECK (version <> 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Roster().ImportStep(t.Context(), pieceOf(t, db, file, 0, 10)); err == nil {
		t.Fatal("no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Roster().ImportStep(ctx, pieceOf(t, db, file, 0, 10)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	beginImport(t, db, file, store.Progress{})
	if n := len(rowsOnDisk(t, db)); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func beginImport(t *testing.T, db *store.DB, file []byte, want store.Progress) {
	t.Helper()
	p, err := db.Roster().BeginImport(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
}

func takeStep(t *testing.T, db *store.DB, s store.ImportStep, want store.Progress) {
	t.Helper()
	p, err := db.Roster().ImportStep(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
}

// Runs of a sync cut a file in their own ways: what one did is not what another
// means, though it is as many lines. The last one that began goes on.
func TestSyncRuns(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	file := []byte("the digest of a file")
	first, second := uuid.New(), uuid.New()
	if _, err := db.Roster().BeginImport(t.Context(), file, &first); err != nil {
		t.Fatal(err)
	}
	one, two := pieceOf(t, db, file, 0, 10), pieceOf(t, db, file, 0, 10)
	one.Run, two.Run = &first, &second
	for range 2 { // an answer that was lost
		if p, err := db.Roster().ImportStep(t.Context(), one); err != nil || p.Added != 10 {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	if p, err := db.Roster().BeginImport(t.Context(), file, &second); err != nil || p.Added != 10 {
		t.Fatalf("%+v, %v", p, err)
	}
	one = pieceOf(t, db, file, 11, 10)
	two = one
	one.Run, two.Run = &first, &second
	over := func() { // though nobody else did these lines, and though somebody did
		t.Helper()
		for _, run := range []*uuid.UUID{&first, nil} {
			one.Run = run
			if _, err := db.Roster().ImportStep(t.Context(), one); !errors.Is(err, store.ErrConflict) {
				t.Errorf("of a run that is over: %v", err)
			}
		}
	}
	over()
	if _, err := db.Roster().ImportStep(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	over()
}
