package passwd

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// Two Hashers of one process hash no more at once than the larger of them alone, and
// the second takes as many slots by default as the first. Not parallel: other tests
// make Hashers too.
func TestSlotsAreTheProcesss(t *testing.T) {
	first := cheap(t, func(c *HasherConfig) { c.Slots = 0 })
	second := cheap(t, func(c *HasherConfig) { c.Slots = 0 })
	if first.slots != second.slots {
		t.Errorf("%d slots, then %d", first.slots, second.slots)
	}
	var running, most atomic.Int32
	var wg sync.WaitGroup
	for _, h := range []*Hasher{first, second} {
		for range h.slots {
			wg.Go(func() {
				s, err := h.Reserve(t.Context(), Caller{})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Release()
				for range 200 {
					_ = s.place.run(t.Context(), func(a *arena) {
						n := running.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						var key [tagSize]byte
						a.key(key[:], nil, make([]byte, saltSize), first.params)
						running.Add(-1)
					})
				}
			})
		}
	}
	wg.Wait()
	if int(most.Load()) > first.slots {
		t.Errorf("%d hashes at once in %d slots", most.Load(), first.slots)
	}
}

// A Hasher that outlives a larger one still hashes.
func TestSlotsOfTheLastHasher(t *testing.T) {
	large := NewHasher(HasherConfig{Pepper: newPepper(t), Memory: 64, Time: 1, Slots: 3})
	small := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	large.Close()
	done := make(chan error, 1)
	go func() { done <- small.Dummy(t.Context(), NewSecret("x")) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testenv.Patience):
		t.Fatal("there is no slot left")
	}
}
