package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// unverified returns an attempt at a person from an address.
func unverified(user, address string, person int, limits store.Spraying) store.AttemptRequest {
	return store.AttemptRequest{PersonDigest: fmt.Appendf(nil, "%016d person", person), Scope: store.PublicScope, Policy: tiers,
		Source: &store.UnverifiedSource{User: []byte(user), Address: address, Limits: limits}}
}

var sprayingBursts = []struct {
	by      string
	limits  store.Spraying
	user    func(i int) string
	address func(i int) string
	want    int32
}{
	{store.SprayingUser, store.Spraying{PerUser: 7, PerAddress: 1000, PerMinute: 1000}, one, each, 7},
	{store.SprayingAddress, store.Spraying{PerUser: 7, PerAddress: 30, PerMinute: 1000}, each, one, 30},
	{store.SprayingGlobal, store.Spraying{PerUser: 7, PerAddress: 1000, PerMinute: 40}, each, each, 40},
}

// Of concurrent attempts over two processes exactly the limit is admitted, whichever limit
// it is, and only admitted attempts are counted.
func TestBurstOfSpraying(t *testing.T) {
	t.Parallel()
	noon := func() time.Time { return time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC) }
	for _, tt := range sprayingBursts {
		t.Run(tt.by, func(t *testing.T) {
			t.Parallel()
			dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
			open := func() *store.DB {
				return storetest.Open(t, dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(noon))
			}
			handles := []*store.DB{open(), open()}
			var admitted, firsts atomic.Int32
			var wg sync.WaitGroup
			gate := make(chan struct{}, 20)
			for i := range testenv.Rounds(120, 500) {
				gate <- struct{}{}
				wg.Go(func() {
					defer func() { <-gate }()
					a, err := failedAttempt(context.Background(), handles[i%2], unverified(tt.user(i), tt.address(i), i, tt.limits))
					switch {
					case err != nil:
						t.Error(err)
					case a.Admitted:
						admitted.Add(1)
					case a.Spraying.By != tt.by:
						t.Errorf("refused by %q", a.Spraying.By)
					}
					if a.Spraying.First {
						firsts.Add(1)
					}
				})
			}
			wg.Wait()
			if admitted.Load() != tt.want || firsts.Load() != 1 {
				t.Errorf("%d attempts admitted and %d first refusals, want %d and 1", admitted.Load(), firsts.Load(), tt.want)
			}
			checkCounted(t, handles[0], tt.want)
		})
	}
}

// checkCounted checks the global counter and the number of charged attempts.
func checkCounted(t *testing.T, db *store.DB, want int32) {
	t.Helper()
	var global, used int
	pool := storetest.ProbeOf(db)
	if err := pool.Get(&global, `SELECT tried FROM spraying WHERE kind = 'global'`); err != nil || int32(global) != want {
		t.Errorf("%d counted globally, want %d: %v", global, want, err)
	}
	if err := pool.Get(&used, `SELECT sum(attempts) FROM lockouts`); err != nil || int32(used) != want {
		t.Errorf("%d attempts charged, want %d: %v", used, want, err)
	}
}

func one(int) string    { return "one" }
func each(i int) string { return fmt.Sprint("each ", i) }

// A tryStep is one attempt and its result.
type tryStep struct {
	user    string
	person  int
	right   bool          // the password is right, so the count is undone
	after   time.Duration // since the previous step
	refused string
}

// The limits are two persons a user, three persons an address and four attempts a minute.
var sprayingStories = []struct {
	name  string
	steps []tryStep
}{
	{"the third person", []tryStep{{"a", 1, false, 0, ""}, {"a", 2, false, 0, ""}, {"a", 3, false, 0, "user"}, {"a", 3, true, 0, "user"}}},
	{"one person again", []tryStep{{"a", 1, false, 0, ""}, {"a", 1, false, 0, ""}, {"a", 2, false, 0, ""}, {"a", 1, false, 0, ""}}},
	{"right passwords do not count", []tryStep{{"a", 1, true, 0, ""}, {"a", 2, true, 0, ""}, {"a", 3, true, 0, ""}, {"a", 4, true, 0, ""}, {"a", 5, true, 0, ""}}},
	{"a count is undone", []tryStep{{"a", 1, false, 0, ""}, {"a", 1, true, 0, ""}, {"a", 2, false, 0, ""}, {"a", 3, false, 0, ""}, {"a", 4, false, 0, "user"}}},
	{"users are counted separately", []tryStep{{"a", 1, false, 0, ""}, {"a", 2, false, 0, ""}, {"b", 1, false, 0, ""}, {"b", 2, false, 0, ""}}},
	{"the address", []tryStep{{"a", 1, false, 0, ""}, {"a", 2, false, 0, ""}, {"b", 3, false, 0, ""}, {"b", 4, false, 0, "address"}, {"c", 1, false, 0, "address"}, {"a", 1, false, 0, ""}}},
	{"refused by the address, not counted for the user", []tryStep{{"a", 1, false, 0, ""}, {"a", 2, false, 0, ""}, {"b", 3, false, 0, ""},
		{"b", 4, false, 0, "address"}, {"b", 4, false, 0, "address"}, {"a", 2, true, 0, ""}, {"b", 4, false, 0, ""}, {"b", 5, false, 0, "user"}}},
	{"a repeated attempt is not counted globally", []tryStep{{"a", 1, false, 0, ""}, {"a", 1, false, 0, ""}, {"a", 1, false, 0, ""}, {"b", 1, false, 0, ""},
		{"c", 1, false, 0, ""}, {"d", 1, false, 0, ""}, {"e", 1, false, 0, "global"}}},
	{"the minute", []tryStep{{"a", 1, false, 0, ""}, {"b", 1, false, 0, ""}, {"c", 1, false, 0, ""}, {"d", 1, false, 0, ""},
		{"e", 1, false, 0, "global"}, {"a", 1, false, 0, ""}, {"e", 1, false, time.Minute, ""}}},
	{"a right password does not change the count of a later minute", []tryStep{{"a", 1, false, 0, ""}, {"b", 1, false, time.Minute, ""}, {"c", 1, false, 0, ""},
		{"d", 1, false, 0, ""}, {"e", 1, false, 0, ""}, {"a", 1, true, 0, ""}, {"f", 1, false, 0, "global"}}},
	{"the next day", []tryStep{{"a", 1, false, 0, ""}, {"a", 2, false, 0, ""}, {"a", 3, false, 8*time.Hour - time.Second, "user"}, {"a", 3, false, time.Second, ""}}},
}

func TestSprayingStories(t *testing.T) {
	t.Parallel()
	limits := store.Spraying{PerUser: 2, PerAddress: 3, PerMinute: 4}
	for _, tt := range sprayingStories {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)                         // 16:00 in Beijing
			db := storetest.New(t, storetest.WithNow(func() time.Time { return now })) // a centre for each test
			for i, s := range tt.steps {
				now = now.Add(s.after)
				req := unverified(s.user, "here", s.person, limits)
				req.Policy = generous
				a, err := db.ReserveAttempt(t.Context(), req)
				if err != nil || a.Spraying.By != s.refused || a.Admitted != (s.refused == "") {
					t.Fatalf("step %d: %+v %v, want refused by %q", i, a, err, s.refused)
				}
				if a.Spraying.By != "" && !a.Spraying.Until.After(now) {
					t.Errorf("step %d: until %v", i, a.Spraying.Until)
				}
				if s.right && a.Admitted {
					err = db.PassAttempt(t.Context(), req, a)
				} else {
					_, err = db.FailAttempt(t.Context(), req, a, false)
				}
				noError(t, err)
			}
		})
	}
}

// generous is a policy that does not lock within a test.
var generous = store.LockoutPolicy{Attempts: []int{50}, Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}

// A refused attempt does not change a lock, whether the person exists or not.
func TestRefusedAttemptChargesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	limits := store.Spraying{PerUser: 1, PerAddress: 9, PerMinute: 99}
	if _, err := failedAttempt(t.Context(), db, unverified("a", "x", 0, limits)); err != nil {
		t.Fatal(err)
	}
	fresh := unverified("a", "x", 1, limits)
	for range 5 {
		if a, err := failedAttempt(t.Context(), db, fresh); err != nil || a.Admitted || a.LockedUntil != nil || a.Remaining != 3 {
			t.Fatalf("%+v %v", a, err)
		}
	}
	owner := store.AttemptRequest{PersonDigest: fresh.PersonDigest, Scope: store.PublicScope, Policy: tiers}
	for _, left := range []int{2, 1, 0} {
		a, err := failedAttempt(t.Context(), db, owner)
		if err != nil || !a.Admitted || a.Remaining != left || left == 0 && a.LockedUntil.After(db.Now().Add(time.Minute)) {
			t.Fatalf("%+v %v, want %d left and the first tier's lock", a, err, left)
		}
		if _, err := failedAttempt(t.Context(), db, fresh); err != nil {
			t.Fatal(err)
		}
	}
	var refused int
	if err := storetest.ProbeOf(db).Get(&refused, `SELECT sum(refused) FROM lockouts`); err != nil || refused != 0 {
		t.Errorf("%d attempts refused by a lock, want 0: %v", refused, err)
	}
}

// Purge deletes counters after two days and no later ones.
func TestPurgeSpraying(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	db := storetest.New(t, storetest.WithNow(func() time.Time { return now }))
	count := func() (n int) {
		if err := storetest.ProbeOf(db).Get(&n, `SELECT count(*) FROM spraying`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := db.ReserveAttempt(t.Context(), unverified("a", "x", 0, store.Spraying{PerUser: 1, PerAddress: 1, PerMinute: 1})); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{24 * time.Hour, 3}, {12 * time.Hour, 1}, {12 * time.Hour, 0}} { // the day began at 00:00 in Beijing
		now = now.Add(tt.after)
		if err := db.Operations().Purge(t.Context()); err != nil || count() != tt.want {
			t.Errorf("%v later %d rows, want %d: %v", tt.after, count(), tt.want, err)
		}
	}
}
