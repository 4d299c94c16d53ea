package store

import (
	"context"
	"testing"
)

// Without a trace a transaction allocates nothing for one.
func TestNoSpanCostsNothing(t *testing.T) {
	ctx := context.WithValue(t.Context(), new(int), 1)
	if n := testing.AllocsPerRun(100, func() {
		_, span := startSpan(ctx)
		endSpan(span, nil)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
