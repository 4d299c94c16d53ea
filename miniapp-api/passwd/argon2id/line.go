package argon2id

import (
	"cmp"
	"container/list"
	"time"
)

// A line is the part of the queue of one tenant. It refuses callers who would wait longer
// than the queue's maxWait, judging by how long places were held recently and by the other
// tenants that wait, so that a flood is refused from the tenant's own share. Verified and
// unverified callers each wait in first-come order. While verified callers wait, unverified
// ones get every third place of the tenant and hold at most half of its places, or one if it
// has only one. The mutex of the queue protects it.
type line struct {
	queue       *queue
	held        [2]int               // places held, by rank
	waiting     [2]list.List         // of *waiter, by rank
	byIdentity  map[string][]*waiter // further callers of an identity that waits or has a place
	verifiedRun int                  // places given to verified callers since the last unverified one, while one waits
	served      uint64               // the queue's turn in which the tenant got its last place
	meanHold    time.Duration        // moving average of the time a place is held
	nextRetry   [2]time.Time         // when the next refused caller should retry, by rank
}

func newLine(q *queue) *line {
	return &line{queue: q, byIdentity: make(map[string][]*waiter), meanHold: initialHold}
}

// length returns the number of callers in the queue.
func (l *line) length() int { return l.waiting[verified].Len() + l.waiting[unverified].Len() }

// holds returns the number of places that the tenant holds.
func (l *line) holds() int { return l.held[verified] + l.held[unverified] }

// compare orders tenants by who gets the next place.
func (l *line) compare(other *line) int {
	return cmp.Or(cmp.Compare(l.holds(), other.holds()), cmp.Compare(l.served, other.served))
}

// next returns the element that gets the tenant's next place, or nil. verifiedRun counts
// only while both ranks wait, so that unverified callers earn nothing while there are none.
func (l *line) next() *list.Element {
	first, other := l.waiting[verified].Front(), l.waiting[unverified].Front()
	switch {
	case first == nil:
		return other
	case other == nil:
		l.verifiedRun = 0
		return first
	case l.verifiedRun < verifiedPerUnverified || l.held[unverified] >= max(1, (l.holds()+1)/2):
		l.verifiedRun++
		return first
	}
	l.verifiedRun = 0
	return other
}

// wait returns how long a caller who enters now would wait: for the callers of the tenant
// who come first and, in turn, for as many of every other tenant.
func (l *line) wait(r rank) time.Duration {
	place := l.waiting[r].Len() + 1
	between := place * verifiedPerUnverified
	if r == verified {
		between = place / verifiedPerUnverified
	}
	own := place + min(l.waiting[r.other()].Len(), between)
	busy := l.meanHold * time.Duration(own)
	for _, other := range l.queue.waiting {
		if other != l {
			busy += other.meanHold * time.Duration(min(other.length(), own))
		}
	}
	return busy / time.Duration(l.queue.places)
}

// interval returns the time from one place for the tenant to the next while others wait.
func (l *line) interval() time.Duration {
	round := l.meanHold
	for _, other := range l.queue.waiting {
		if other != l {
			round += other.meanHold
		}
	}
	return round / time.Duration(l.queue.places)
}

// retryAfter spreads the retries of refused callers: they are scheduled one after the
// other, at the rate at which their rank gets places.
func (l *line) retryAfter(r rank) time.Duration {
	step := l.interval()
	if l.waiting[r.other()].Len() > 0 {
		step *= verifiedPerUnverified + 1
		if r == verified {
			step /= verifiedPerUnverified
		}
	}
	now := l.queue.now()
	if first := now.Add(minRetry); l.nextRetry[r].Before(first) {
		l.nextRetry[r] = first
	}
	after := min(l.nextRetry[r].Sub(now), maxRetry)
	if after < maxRetry {
		l.nextRetry[r] = l.nextRetry[r].Add(step)
	}
	return after
}
