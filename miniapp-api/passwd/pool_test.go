package passwd

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	testenv.Eventually(t, what, is)
}

// free reports how many places nobody holds.
func free(h *Hasher) int { return len(h.idle) }

// empty reports that nobody is in the queue and every place is free.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held == [2]int{} && q.waiting[owners].Len()+q.waiting[strangers].Len()+len(q.present) == 0
}

// Whoever would wait too long is turned away, whatever they want.
func TestReserveIsBoundedByTime(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots, c.Wait = 2, time.Nanosecond })
	var held []*Slot
	for range 2 {
		s, err := h.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, s)
	}
	_, _, verified := h.Verify(t.Context(), h.dummy, NewSecret("secret words"))
	_, hashed := h.Hash(t.Context(), NewSecret("secret words"))
	_, wrapped := h.WrapLegacy("md5", "00000000000000000000000000000000")
	for what, err := range map[string]error{"Verify": verified, "Hash": hashed, "WrapLegacy": wrapped, "Dummy": h.Dummy(t.Context(), NewSecret("secret words"))} {
		if busy := (*BusyError)(nil); !errors.Is(err, ErrBusy) || !errors.As(err, &busy) || busy.After < soonest {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, s := range held {
		s.Release()
		s.Release()
	}
	if free(h) != 2 || !h.queue.empty() {
		t.Errorf("%d free", free(h))
	}
	if err := h.Dummy(t.Context(), NewSecret("secret words")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestReserveEndsWithContext(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	held, err := h.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := h.Reserve(ctx, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	held.Release()
	if _, err := h.Reserve(ctx, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended before: %v", err)
	}
	if free(h) != 1 || !h.queue.empty() {
		t.Errorf("%d free", free(h))
	}
}

func TestSlotEndsWithContext(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	s, err := h.Reserve(ctx, Caller{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the place comes back", func() bool { return free(h) == 1 })
	if err := s.Dummy(ctx, NewSecret("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("with the ended context: %v", err)
	}
	if err := s.Dummy(t.Context(), NewSecret("x")); !errors.Is(err, ErrReleased) {
		t.Errorf("with another: %v", err)
	}
	s.Release()
	if free(h) != 1 || !h.queue.empty() {
		t.Errorf("%d free", free(h))
	}
}

func TestForgottenSlotComesBack(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	for range 3 {
		func() {
			s, err := h.Reserve(context.Background(), Caller{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Dummy(context.Background(), NewSecret("x")); err != nil {
				t.Fatal(err)
			}
		}()
		eventually(t, "the place comes back", func() bool { runtime.GC(); return free(h) == 1 })
	}
}

func TestPanicReachesTheCallerOnly(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	func() {
		s, err := h.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		defer func() {
			if recover() != "boom" {
				t.Error("the panic is lost")
			}
		}()
		_ = s.place.run(t.Context(), func(*arena) { panic("boom") })
	}()
	if err := h.Dummy(t.Context(), NewSecret("x")); err != nil || free(h) != 1 {
		t.Errorf("afterwards: %v, %d free", err, free(h))
	}
}

// A slot whose request ends while it hashes must not let one hash more run.
func TestNeverMoreThanSlots(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots, c.Wait = 2, testenv.Patience })
	var running, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := h.Reserve(ctx, Caller{})
			if err != nil {
				return
			}
			defer s.Release()
			_ = s.place.run(ctx, func(*arena) {
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
	eventually(t, "all places come back", func() bool { return free(h) == 2 && h.queue.empty() })
}

func TestCallersTogether(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Wait = testenv.Patience })
	hash, err := h.Hash(t.Context(), NewSecret("secret words"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			typed := NewSecret("secret words")
			if i%2 == 0 {
				typed = NewSecret("wrong words!")
			}
			if ok, _, err := h.Verify(t.Context(), hash, typed); ok != (i%2 == 1) || err != nil {
				t.Errorf("caller %d: %v, %v", i, ok, err)
			}
		})
	}
	wg.Wait()
}

func TestClose(t *testing.T) {
	t.Parallel()
	h := NewHasher(HasherConfig{Pepper: newPepper(t), Memory: 64, Time: 1, Slots: 1})
	s, err := h.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error)
	go func() { _, err := h.Reserve(t.Context(), Caller{}); waits <- err }()
	eventually(t, "one waits", func() bool { return h.Waiting() == 1 })
	h.Close()
	h.Close()
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Errorf("waiting: %v", err)
	}
	eventually(t, "the worker ends", func() bool { return errors.Is(s.Dummy(t.Context(), NewSecret("x")), ErrClosed) })
	s.Release()
	if _, err := h.WrapLegacy("md5", "00000000000000000000000000000000"); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

// Not parallel: other tests make Hashers too.
func TestProcessorsAreGivenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	one := NewHasher(HasherConfig{Pepper: newPepper(t), Memory: 64, Slots: 3})
	byDefault := NewHasher(HasherConfig{Pepper: newPepper(t), Memory: 64})
	if got := runtime.GOMAXPROCS(0); got != before+max(3, before) || byDefault.slots != before {
		t.Errorf("GOMAXPROCS %d with 3 slots and %d by default, was %d", got, byDefault.slots, before)
	}
	if byDefault.queue.longest != 2*time.Second {
		t.Errorf("waits %v by default", byDefault.queue.longest)
	}
	one.Close()
	one.Close()
	byDefault.Close()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS %d, was %d", got, before)
	}
}

// An endingContext ends after its first look.
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

// A context that ends while its slot is on the way to hash is what the caller is
// told, not the slot that went with it.
func TestSlotEndsWithItsContext(t *testing.T) {
	h := cheap(t)
	slot, err := h.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	slot.Release()
	if err := slot.Dummy(&endingContext{Context: t.Context()}, NewSecret("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := slot.Dummy(t.Context(), NewSecret("x")); !errors.Is(err, ErrReleased) {
		t.Errorf("got %v of a slot that was given back", err)
	}
}
