package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// TestFailover kills the primary under load, twice, and twenty times in the long tier. No
// acknowledged change is lost, every reply is true, and changes go on after a promotion.
func TestFailover(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	l := newLoad(t, c, testenv.Rounds(4, 8))
	l.run()
	var gaps, outages []time.Duration
	rewound := 0
	for range testenv.Rounds(2, 20) {
		l.awaitAcks(2 * len(l.citizens))
		c.awaitStreaming(2)
		killed := time.Now()
		dead := c.kill()
		c.promote()
		promoted := time.Now()
		first := l.firstAckSince(promoted)
		gaps, outages = append(gaps, first.Sub(promoted)), append(outages, first.Sub(killed))
		if c.rewind(dead) {
			rewound++
		}
	}
	l.stop()
	acked, lost := l.check()
	t.Logf("%d failovers, %d rewound: %d changes acknowledged, %d lost; first replies to confirms %v", len(gaps), rewound, acked, lost, l.seen)
	t.Logf("from the promotion to the first change: %s; from the kill: %s", spread(gaps), spread(outages))
}

// spread returns the median and the maximum.
func spread(all []time.Duration) string {
	return fmt.Sprintf("p50 %v, max %v", medianOf(all).Round(time.Millisecond), slices.Max(all).Round(time.Millisecond))
}

// TestIsolatedPrimary cuts the primary off from its standbys. It acknowledges nothing, and
// citizens are told to ask again. When the standbys return, the waiting changes are done.
// When it is fenced and a standby promoted instead, the repeats do them there.
func TestIsolatedPrimary(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	l := newLoad(t, c, 6)
	l.run()
	for _, end := range []string{"standbys return", "fenced"} {
		l.awaitAcks(len(l.citizens))
		c.awaitStreaming(2)
		c.cut()
		cut := time.Now()
		before := l.counted(toldLater)
		testenv.Eventually(t, "as many replies as citizens say to ask again", func() bool {
			acked, _ := l.acksAfter(cut)
			return acked > 0 || l.counted(toldLater) >= before+len(l.citizens)
		})
		if n, _ := l.acksAfter(cut); n > 0 {
			t.Errorf("%s: %d changes acknowledged by the isolated primary", end, n)
		}
		if end == "fenced" {
			dead := c.kill()
			c.promote()
			c.rewind(dead)
		} else {
			c.heal()
		}
	}
	l.awaitAcks(len(l.citizens))
	l.stop()
	acked, lost := l.check()
	t.Logf("%d changes acknowledged, %d lost; first replies to confirms %v", acked, lost, l.seen)
}
