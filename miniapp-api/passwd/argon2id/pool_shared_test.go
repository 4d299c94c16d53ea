package argon2id

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// TestSlotsOfProcess checks that two pools of a process compute no more at once than the
// larger one, and that the second has as many slots by default as the first. It is not
// parallel, because other tests create pools, too.
func TestSlotsOfProcess(t *testing.T) {
	first, second := newPool(t, Config{}), newPool(t, Config{})
	if first.slots != second.slots {
		t.Errorf("%d slots, then %d", first.slots, second.slots)
	}
	var running, most atomic.Int32
	var wg sync.WaitGroup
	for _, p := range []*Pool{first, second} {
		for range p.slots {
			wg.Go(func() {
				s, err := p.Reserve(t.Context(), Caller{})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Release()
				for range 200 {
					_ = s.Do(t.Context(), func(a *Arena) {
						n := running.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						arenaKey(a, nil, []byte("somesalt"), cheap)
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

// TestSlotsOfTheLastPool checks that a pool that outlives a larger one still computes.
func TestSlotsOfTheLastPool(t *testing.T) {
	large := NewPool(Config{Slots: 3})
	small := newPool(t, Config{Slots: 1})
	large.Close()
	done := make(chan error, 1)
	go func() { done <- reserveAndCompute(t.Context(), small) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testenv.Patience):
		t.Fatal("no slot is left")
	}
}
