package passwd

import (
	"context"
	"testing"
)

// A place that was detached outlives the context it was waited for under, and one
// whose context has ended before cannot be detached.
func TestDetachedSlotOutlivesItsContext(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	s, err := h.Reserve(ctx, Caller{})
	if err != nil || !s.Detach() {
		t.Fatalf("reserved: %v", err)
	}
	cancel()
	if err := s.Dummy(t.Context(), NewSecret("x")); err != nil {
		t.Errorf("after the end of the context: %v", err)
	}
	s.Release()

	ctx, cancel = context.WithCancel(t.Context())
	if s, err = h.Reserve(ctx, Caller{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if s.Detach() {
		t.Error("detached from a context that has ended")
	}
	eventually(t, "the place comes back", func() bool { return free(h) == 1 })
}
