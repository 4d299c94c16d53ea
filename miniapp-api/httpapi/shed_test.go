package httpapi

import (
	"fmt"
	"testing"
	"time"
)

// The number of remembered callers is bounded.
func TestTurnedAwayAreBounded(t *testing.T) {
	t.Parallel()
	a, now := newTurnedAway(), time.Now()
	a.now = func() time.Time { return now }
	for i := range 2 * maxTurnedAway {
		a.add(fmt.Sprint(i), time.Second)
	}
	if len(a.until) != maxTurnedAway {
		t.Errorf("%d callers are remembered", len(a.until))
	}
	now = now.Add(time.Second)
	a.add("the next", time.Second)
	if len(a.until) != 1 {
		t.Errorf("%d callers are remembered, want the one who has to wait", len(a.until))
	}
}
