package store_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// steps is the number of steps of TestLockModel.
var steps = flag.Int("steps", testenv.Rounds(5_000, 100_000), "steps of TestLockModel")

// lockSeed repeats the histories of a failed run, which logs its seed.
var lockSeed = flag.Uint64("lockseed", 0, "seed of TestLockModel; 0: a random one")

// A scopeModel is the model of the counter of one scope.
type scopeModel struct {
	attempts int         // failed in this tier
	tier     int         // tiers that ended in a lock since the last success
	until    time.Time   // end of the lock
	pending  []time.Time // leases of pending attempts
}

// limit returns how many attempts are left in this tier, at least one.
func (l *scopeModel) limit(b store.LockoutPolicy) int {
	return max(1, b.Attempts[min(l.tier, len(b.Attempts)-1)]-l.attempts) // only a success ends the last tier
}

// reserve starts one attempt at the time now. It returns whether the attempt is admitted.
func (l *scopeModel) reserve(b store.LockoutPolicy, now time.Time) bool {
	l.lapse(now)
	if l.until.After(now) || len(l.pending) >= l.limit(b) {
		return false
	}
	lease := now.Add(store.AttemptLease)
	if n := len(l.pending); n > 0 && !lease.After(l.pending[n-1]) { // the clock was set back
		lease = l.pending[n-1].Add(time.Microsecond)
	}
	l.pending = append(l.pending, lease)
	return true
}

// lapse releases the attempts whose leases have ended.
func (l *scopeModel) lapse(now time.Time) {
	l.pending = slices.DeleteFunc(l.pending, func(end time.Time) bool { return !end.After(now) })
}

// settle removes an attempt from the pending ones. It returns whether the attempt was
// pending.
func (l *scopeModel) settle(lease, now time.Time) bool {
	i := slices.Index(l.pending, lease)
	if i < 0 {
		return false
	}
	if !lease.After(now) {
		return false
	}
	l.pending = slices.Delete(l.pending, i, i+1)
	return true
}

// fail counts a failed attempt.
func (l *scopeModel) fail(b store.LockoutPolicy, now time.Time) {
	last := len(b.Attempts) - 1
	tier := min(l.tier, last)
	if !l.until.After(now) {
		l.until = time.Time{}
	}
	if l.attempts++; l.attempts >= b.Attempts[tier] {
		l.attempts, l.tier = 0, min(l.tier+1, last)
		if end := b.Until(now)[tier]; end.After(l.until) {
			l.until = end
		}
	}
}

// left returns the value of Attempt.Remaining.
func (l *scopeModel) left(b store.LockoutPolicy, now time.Time) int {
	if l.until.After(now) {
		return 0
	}
	return l.limit(b)
}

// modelScopes are the public scope and those of two users who are proven to be the person.
var modelScopes = []string{"public", "owner", "second owner"}

// A lockModel is the model of one person's counters, by scope.
type lockModel map[string]*scopeModel

// A history is a sequence of steps for one person, in the database and in the model.
type history struct {
	db      *store.DB
	now     *time.Time // of db
	rand    *rand.Rand
	person  []byte
	session store.Session // of a linked user
	account store.Account // as of the last reset
	state   string        // of the password, in the model
	model   lockModel
	policy  string
	scope   string
	log     []string
	waiting []pendingAttempt
}

// A lockStep is a step of a history and its weight.
type lockStep struct {
	name   string
	weight int
	take   func(h *history) error
}

var lockSteps = []lockStep{
	{"wrong", 50, (*history).wrong},
	{"right", 6, (*history).right},
	{"cut", 8, (*history).begin}, // the caller disconnects, and the verdict comes later
	{"verdict", 8, (*history).verdict},
	{"kill", 3, (*history).kill},
	{"retry", 3, (*history).retry},
	{"lease", 3, func(h *history) error { return h.move(store.AttemptLease) }},
	{"reset attempts", 2, func(h *history) error { return h.resetAttempts(h.scope) }}, // without an attempt
	{"reset", 1, (*history).reset},
	{"unlock", 1, (*history).unlock},
	{"freeze", 1, (*history).freeze},
	{"scope", 8, func(h *history) error { h.scope = modelScopes[h.rand.IntN(len(modelScopes))]; return nil }},
	{"policy", 1, func(h *history) error { h.policy = policyNames[h.rand.IntN(len(policyNames))]; return nil }},
	{"wait", 10, func(h *history) error { return h.move(h.anyTime()) }},
	{"jump back", 3, func(h *history) error { return h.move(-h.anyTime()) }},
	{"jump ahead", 2, func(h *history) error { return h.move(time.Duration(1+h.rand.IntN(400)) * 24 * time.Hour) }},
	{"just before", 8, func(h *history) error { return h.toLockEnd(-time.Microsecond) }},
	{"the end", 8, func(h *history) error { return h.toLockEnd(0) }},
}

// modelPolicies are the policies of cities and unusual ones.
var modelPolicies = map[string]store.LockoutPolicy{
	"default":   modelPolicy("5 15m", "5 1h", "5 midnight", "5 reset"),
	"short":     modelPolicy("3 1m", "2 1h", "2 reset"),
	"at once":   modelPolicy("1 reset"),
	"one each":  modelPolicy("1 1m", "1 1m", "1 1h", "1 reset"),
	"one first": modelPolicy("1 1m", "4 reset"),
	"midnight":  modelPolicy("2 midnight", "3 reset"),
}

var policyNames = []string{"default", "short", "at once", "one each", "one first", "midnight"}

// modelPolicy parses tiers such as "5 15m".
func modelPolicy(tiers ...string) store.LockoutPolicy {
	var b store.LockoutPolicy
	locks := make([]string, len(tiers))
	for i, t := range tiers {
		n := 0
		if _, err := fmt.Sscan(t, &n, &locks[i]); err != nil {
			panic(err)
		}
		b.Attempts = append(b.Attempts, n)
	}
	b.Until = func(now time.Time) []time.Time {
		until := make([]time.Time, len(locks))
		for i, l := range locks {
			until[i] = lockEnd(l, now)
		}
		return until
	}
	return b
}

func lockEnd(lock string, now time.Time) time.Time {
	switch lock {
	case "reset":
		return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	case "midnight":
		return now.Add(8 * time.Hour).Truncate(24 * time.Hour).Add(16 * time.Hour) // 00:00 in Beijing
	}
	d, err := time.ParseDuration(lock)
	if err != nil {
		panic(err)
	}
	return now.Add(d)
}

func (h *history) lock() *scopeModel { return h.model[h.scope] }

func (h *history) resetAttempts(scope string) error {
	h.model[scope].clear()
	return h.db.ResetAttempts(context.Background(), h.person, []byte(scope))
}

func (h *history) move(d time.Duration) error {
	*h.now = h.now.Add(d)
	return nil
}

// anyTime returns a random duration of about a second, a minute, an hour or a day.
func (h *history) anyTime() time.Duration {
	unit := []time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}[h.rand.IntN(5)]
	return time.Duration(h.rand.Int64N(int64(2 * unit))).Truncate(time.Microsecond)
}

// toLockEnd moves the clock to off from the end of the present lock, unless the lock never
// ends.
func (h *history) toLockEnd(off time.Duration) error {
	if u := h.lock().until; u.After(*h.now) && u.Year() < 9999 {
		*h.now = u.Add(off)
	}
	return nil
}

const historyLength = 100

// run takes historyLength steps.
func (h *history) run(count *atomic.Int64) error {
	for range historyLength {
		s := h.next()
		h.log = append(h.log, fmt.Sprintf("%s %s/%s: %s", h.now.Format(time.RFC3339Nano), h.policy, h.scope, s.name))
		if err := s.take(h); err != nil {
			return fmt.Errorf("%w, after\n%s", err, strings.Join(h.log, "\n"))
		}
		count.Add(1)
	}
	return nil
}

func (h *history) next() lockStep {
	all := 0
	for _, s := range lockSteps {
		all += s.weight
	}
	n := h.rand.IntN(all)
	for _, s := range lockSteps {
		if n -= s.weight; n < 0 {
			return s
		}
	}
	panic("unreachable")
}

// The database and the model agree after each step of random histories of attempts, resets,
// unlocks and freezes, with clocks that jump. A failure prints the history.
func TestLockModel(t *testing.T) {
	t.Parallel()
	const generators = 8
	dsn := storetest.Shared(t)
	seed := *lockSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -lockseed=%d", seed)
	var done, people, histories atomic.Int64
	var wg sync.WaitGroup
	for n := range generators {
		now := new(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		generator := &generator{now: now, rand: rand.New(rand.NewPCG(seed, uint64(n))), people: &people,
			db: storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return *now }), storetest.WithMaxConns(1))}
		wg.Go(func() {
			for done.Load() < int64(*steps) && !t.Failed() {
				h, err := generator.begin()
				if err == nil {
					histories.Add(1)
					err = h.run(&done)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d steps in %d histories", done.Load(), histories.Load())
	if done.Load() < int64(*steps) {
		t.Errorf("%d steps, want %d", done.Load(), *steps)
	}
}
