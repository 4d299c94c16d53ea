package passwd

import (
	"errors"
	"testing"

	"fundpass/keys/testenv"
)

// TestHashersOfOnePool checks that the Hashers of two centres share the places of a pool,
// that each counts its own callers and hashes, and that closing one does not stop the other.
func TestHashersOfOnePool(t *testing.T) {
	t.Parallel()
	pool := NewPool(PoolConfig{Slots: 1, Wait: testenv.Patience})
	defer pool.Close()
	shared := func(tenant string) func(*HasherConfig) {
		return func(c *HasherConfig) { c.Slots, c.Pool, c.Tenant = 0, pool, tenant }
	}
	a, b := cheap(t, shared("a")), cheap(t, shared("b"))
	var held [2]*Slot // b's is the spare place
	for i, h := range []*Hasher{a, b} {
		var err error
		if held[i], err = h.Reserve(t.Context(), Caller{Identity: "same"}); err != nil {
			t.Fatal(err)
		}
	}
	waits := make(chan error, 1)
	go func() {
		slot, err := b.Reserve(testenv.Context(t), Caller{Identity: "other"})
		if err == nil {
			_, err = slot.Hash(testenv.Context(t), NewSecret("Korb-7-Lampe"))
			slot.Release()
		}
		waits <- err
	}()
	testenv.Eventually(t, "one waits", func() bool { return b.Waiting() == 1 })
	if a.Waiting() != 0 || pool.Waiting() != 1 {
		t.Errorf("%d of the other centre wait, %d of all", a.Waiting(), pool.Waiting())
	}
	for _, s := range held {
		s.Release()
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
	if a.Hashed() != 0 || b.Hashed() != 1 {
		t.Errorf("hashed %d and %d", a.Hashed(), b.Hashed())
	}
	a.Close()
	if _, err := b.Hash(t.Context(), NewSecret("Korb-7-Lampe")); err != nil {
		t.Errorf("after the other was closed: %v", err)
	}
	pool.Close()
	testenv.Eventually(t, "the pool is closed", func() bool {
		_, err := b.Hash(t.Context(), NewSecret("Korb-7-Lampe"))
		return errors.Is(err, ErrClosed)
	})
}
