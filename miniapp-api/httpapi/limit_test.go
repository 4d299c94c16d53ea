package httpapi

import (
	"fmt"
	"testing"
	"time"
)

// However many networks a stranger brings, the memory is bounded, and none of them makes
// the limiter forget one that is used up.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 5})
	l.most = 64
	for range 5 {
		l.wait("greedy")
	}
	for i := range 5_000 {
		l.wait(fmt.Sprint("network ", i))
		if len(l.whole) > l.most {
			t.Fatalf("%d keys, want at most %d", len(l.whole), l.most)
		}
	}
	if l.wait("greedy") == 0 {
		t.Error("5,000 other networks gave a used-up one its allowance again")
	}
	if newest := l.whole["network 4999"]; newest.IsZero() {
		t.Error("the newest was not counted")
	}
}

// Whole keys go first, and none that is not whole goes while there is room.
func TestLimiterForgetsWholeKeys(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 5})
	l.most = 8
	l.wait("in use")
	for i := range 7 {
		l.whole[fmt.Sprint("whole ", i)] = time.Now().Add(-time.Second)
	}
	l.wait("another")
	if len(l.whole) != 2 || l.whole["in use"].IsZero() {
		t.Errorf("left: %v", l.whole)
	}
}
