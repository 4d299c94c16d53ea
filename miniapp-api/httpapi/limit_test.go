package httpapi

import (
	"fmt"
	"testing"
	"time"
)

// The limiter's memory is bounded for any number of networks, and a key without allowance is
// not deleted.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 5})
	l.max = 64
	for range 5 {
		l.wait("greedy")
	}
	for i := range 5_000 {
		l.wait(fmt.Sprint("network ", i))
		if len(l.fullAt) > l.max {
			t.Fatalf("%d keys, want at most %d", len(l.fullAt), l.max)
		}
	}
	if l.wait("greedy") == 0 {
		t.Error("5,000 other networks gave a used-up one its allowance again")
	}
	if newest := l.fullAt["network 4999"]; newest.IsZero() {
		t.Error("the newest was not counted")
	}
}

// Keys with a full allowance are deleted first, others only if there is no room.
func TestLimiterForgetsWholeKeys(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 5})
	l.max = 8
	l.wait("in use")
	for i := range 7 {
		l.fullAt[fmt.Sprint("whole ", i)] = time.Now().Add(-time.Second)
	}
	l.wait("another")
	if len(l.fullAt) != 2 || l.fullAt["in use"].IsZero() {
		t.Errorf("left: %v", l.fullAt)
	}
}
