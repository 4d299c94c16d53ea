package argon2id

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"fundpass/keys/testenv"
)

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	testenv.Eventually(t, what, is)
}

// cheap is the lowest cost.
var cheap = Params{Memory: 64, Time: 1, Threads: 1}

func newPool(t testing.TB, c Config) *Pool {
	t.Helper()
	p := NewPool(c)
	t.Cleanup(p.Close)
	return p
}

// compute computes a cheap key in a slot.
func compute(ctx context.Context, s *Slot) error {
	return s.Do(ctx, func(a *Arena) { arenaKey(a, []byte("secret words"), []byte("somesalt"), cheap) })
}

// reserveAndCompute reserves a place and computes a cheap key in it.
func reserveAndCompute(ctx context.Context, p *Pool) error {
	s, err := p.Reserve(ctx, Caller{})
	if err != nil {
		return err
	}
	defer s.Release()
	return compute(ctx, s)
}

// free returns the number of free places.
func free(p *Pool) int { return len(p.idle) }

// empty reports whether nobody waits and every place is free.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lines {
		if l.held != [2]int{} || l.length()+len(l.byIdentity) > 0 {
			return false
		}
	}
	return q.taken == 0 && len(q.waiting) == 0
}

// TestReserveIsBoundedByTime checks that a caller who would wait too long is refused.
func TestReserveIsBoundedByTime(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 2, Wait: time.Nanosecond})
	var held []*Slot
	for range 2 {
		s, err := p.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, s)
	}
	_, err := p.Reserve(t.Context(), Caller{})
	if busy := (*BusyError)(nil); !errors.Is(err, ErrBusy) || !errors.As(err, &busy) || busy.After < minRetry {
		t.Errorf("without a place: %v", err)
	}
	for _, s := range held {
		s.Release()
		s.Release()
	}
	if free(p) != 2 || !p.queue.empty() {
		t.Errorf("%d free", free(p))
	}
	if err := reserveAndCompute(t.Context(), p); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestReserveEndsWithContext(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 1})
	held, err := p.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Reserve(ctx, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	held.Release()
	if _, err := p.Reserve(ctx, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended before: %v", err)
	}
	if free(p) != 1 || !p.queue.empty() {
		t.Errorf("%d free", free(p))
	}
}

func TestSlotEndsWithContext(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 1})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := p.Reserve(ctx, Caller{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the place is released", func() bool { return free(p) == 1 })
	if err := compute(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("with the ended context: %v", err)
	}
	if err := compute(t.Context(), s); !errors.Is(err, ErrReleased) {
		t.Errorf("with another: %v", err)
	}
	s.Release()
	if free(p) != 1 || !p.queue.empty() {
		t.Errorf("%d free", free(p))
	}
}

func TestForgottenSlotComesBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 1})
	for range 3 {
		func() {
			s, err := p.Reserve(context.Background(), Caller{})
			if err != nil {
				t.Fatal(err)
			}
			if err := compute(context.Background(), s); err != nil {
				t.Fatal(err)
			}
		}()
		eventually(t, "the place is released", func() bool { runtime.GC(); return free(p) == 1 })
	}
}

func TestPanicReachesTheCallerOnly(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 1})
	func() {
		s, err := p.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		defer func() {
			if recover() != "boom" {
				t.Error("Do did not panic")
			}
		}()
		_ = s.Do(t.Context(), func(*Arena) { panic("boom") })
	}()
	if err := reserveAndCompute(t.Context(), p); err != nil || free(p) != 1 {
		t.Errorf("afterwards: %v, %d free", err, free(p))
	}
}

// TestNeverMoreThanSlots checks that a request that ends while it hashes does not let
// another hash run at the same time.
func TestNeverMoreThanSlots(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 2, Wait: testenv.Patience})
	var running, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := p.Reserve(ctx, Caller{})
			if err != nil {
				return
			}
			defer s.Release()
			_ = s.Do(ctx, func(*Arena) {
				if i%3 == 0 {
					cancel()
				}
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Millisecond)
				running.Add(-1)
			})
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d at once", most.Load())
	}
	eventually(t, "all places are released", func() bool { return free(p) == 2 && p.queue.empty() })
}

func TestCallersTogether(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 2, Wait: testenv.Patience})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			s, err := p.Reserve(t.Context(), Caller{})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Release()
			var got []byte
			password, salt := fmt.Append(nil, "password ", i), []byte("somesalt")
			err = s.Do(t.Context(), func(a *Arena) { got = arenaKey(a, password, salt, cheap) })
			if want := argon2.IDKey(password, salt, cheap.Time, cheap.Memory, cheap.Threads, keySize); err != nil || !bytes.Equal(got, want) {
				t.Errorf("caller %d: %x, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

func TestClose(t *testing.T) {
	t.Parallel()
	p := NewPool(Config{Slots: 1})
	s, err := p.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error)
	go func() { _, err := p.Reserve(t.Context(), Caller{}); waits <- err }()
	eventually(t, "one waits", func() bool { return p.Waiting() == 1 })
	p.Close()
	p.Close()
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Errorf("waiting: %v", err)
	}
	eventually(t, "the worker ends", func() bool { return errors.Is(compute(t.Context(), s), ErrClosed) })
	s.Release()
	eventually(t, "no further caller is admitted", func() bool { return errors.Is(reserveAndCompute(t.Context(), p), ErrClosed) })
}

// TestProcessorsAreGivenBack is not parallel, because other tests create pools, too.
func TestProcessorsAreGivenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	one, byDefault := NewPool(Config{Slots: 3}), NewPool(Config{})
	if got := runtime.GOMAXPROCS(0); got != before+max(3, before) || byDefault.slots != before {
		t.Errorf("GOMAXPROCS %d with 3 slots and %d by default, was %d", got, byDefault.slots, before)
	}
	if byDefault.queue.maxWait != 2*time.Second {
		t.Errorf("waits %v by default", byDefault.queue.maxWait)
	}
	one.Close()
	one.Close()
	byDefault.Close()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS %d, was %d", got, before)
	}
}

// An endingContext ends after the first call of Err.
type endingContext struct {
	context.Context
	looks int
}

func (c *endingContext) Err() error {
	if c.looks++; c.looks == 1 {
		return nil
	}
	return context.DeadlineExceeded
}

// TestSlotEndsWithItsContext checks that a caller whose context ends on the way to hash
// gets the error of the context, not ErrReleased.
func TestSlotEndsWithItsContext(t *testing.T) {
	p := newPool(t, Config{Slots: 1})
	slot, err := p.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	slot.Release()
	if err := compute(&endingContext{Context: t.Context()}, slot); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := compute(t.Context(), slot); !errors.Is(err, ErrReleased) {
		t.Errorf("got %v of a slot that was given back", err)
	}
}
