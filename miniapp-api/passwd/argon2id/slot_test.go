package argon2id

import (
	"context"
	"testing"
)

// TestDetachedSlotOutlivesItsContext checks that a detached place outlives the context of
// Reserve, and that a place whose context has ended cannot be detached.
func TestDetachedSlotOutlivesItsContext(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Slots: 1})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := p.Reserve(ctx, Caller{})
	if err != nil || !s.Detach() {
		t.Fatalf("reserved: %v", err)
	}
	cancel()
	if err := compute(t.Context(), s); err != nil {
		t.Errorf("after the end of the context: %v", err)
	}
	s.Release()

	ctx, cancel = context.WithCancel(t.Context())
	if s, err = p.Reserve(ctx, Caller{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if s.Detach() {
		t.Error("detached from a context that has ended")
	}
	eventually(t, "the place is released", func() bool { return free(p) == 1 })
}
