package argon2id

import (
	"container/list"
	"slices"
	"sync"
	"time"
)

// A Caller identifies who asks for a place. It must be derived from the caller's session,
// never from the person whose password is tried, because it decides who waits and how
// long.
type Caller struct {
	Identity   string // has one place or one position in the queue; "" is the program itself
	Unverified bool   // not known to be a person of this centre
}

func (c Caller) rank() rank {
	if c.Unverified {
		return unverified
	}
	return verified
}

// A rank is a queue of its own, so that a flood of unverified callers does not block
// verified ones.
type rank int

const (
	verified rank = iota
	unverified
)

func (r rank) other() rank { return 1 - r }

const (
	// verifiedPerUnverified is the number of places that verified callers get for each
	// place of an unverified one while both wait. Unverified callers are thus not shut
	// out, even if there is only one place.
	verifiedPerUnverified = 2

	initialHold = 50 * time.Millisecond // before the first measurement
	holdWeight  = 8                     // a measurement counts one in so many in the moving average

	// Bounds of BusyError.After.
	minRetry, maxRetry = time.Second, 20 * time.Second
)

// A BusyError is an ErrBusy with the time after which to retry.
type BusyError struct{ After time.Duration }

func (e *BusyError) Error() string { return ErrBusy.Error() }

// Is reports whether target is ErrBusy.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// A queue decides who gets the next place. It refuses callers who would wait longer than
// maxWait, judging by how long places were held recently. Verified and unverified callers
// each wait in first-come order. While verified callers wait, unverified ones get every
// third place and hold at most half of the places, or one if there is only one.
type queue struct {
	places  int
	maxWait time.Duration
	now     func() time.Time

	mu          sync.Mutex
	held        [2]int               // places held, by rank
	waiting     [2]list.List         // of *waiter, by rank
	byIdentity  map[string][]*waiter // further callers of an identity that waits or has a place
	verifiedRun int                  // places given to verified callers since the last unverified one, while one waits
	meanHold    time.Duration        // moving average of the time a place is held
	nextRetry   [2]time.Time         // when the next refused caller should retry, by rank
}

func newQueue(places int, maxWait time.Duration, now func() time.Time) *queue {
	return &queue{places: places, maxWait: maxWait, now: now, byIdentity: make(map[string][]*waiter), meanHold: initialHold}
}

// A waiter is one caller from enter to leave.
type waiter struct {
	Caller
	ready   chan struct{} // closed when the caller gets a place
	element *list.Element // nil if not in the queue
	begun   time.Time     // zero without a place
	used    bool          // the place was used
}

// enter gives the caller a place or a position in the queue, or returns a *BusyError. A
// second request of an identity waits behind the first, outside the queue: an identity
// that sends a hundred requests computes in one place and delays nobody else. Nothing has
// been charged at this time.
func (q *queue) enter(c Caller) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &waiter{Caller: c, ready: make(chan struct{})}
	wait := q.wait(c.rank())
	if behind, present := q.byIdentity[c.Identity]; present {
		if time.Duration(len(behind)+1)*(wait+q.meanHold) > q.maxWait {
			return nil, &BusyError{minRetry}
		}
		q.byIdentity[c.Identity] = append(behind, t)
		return t, nil
	}
	if q.held[verified]+q.held[unverified] == q.places && wait > q.maxWait {
		return nil, &BusyError{q.retryAfter(c.rank())}
	}
	if c.Identity != "" {
		q.byIdentity[c.Identity] = nil
	}
	q.enqueue(t)
	return t, nil
}

// enqueue appends a waiter to its queue, where it may be served at once.
func (q *queue) enqueue(t *waiter) {
	t.element = q.waiting[t.rank()].PushBack(t)
	q.serve()
}

// leave removes a waiter, whether it has a place or not. A place that was not used is not
// measured.
func (q *queue) leave(t *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	behind := q.byIdentity[t.Identity]
	if t.element == nil && t.begun.IsZero() {
		q.byIdentity[t.Identity] = slices.DeleteFunc(behind, func(other *waiter) bool { return other == t })
		return
	}
	if t.element != nil {
		q.waiting[t.rank()].Remove(t.element)
	} else {
		q.held[t.rank()]--
	}
	if t.used {
		q.meanHold += (min(q.now().Sub(t.begun), q.maxWait) - q.meanHold) / holdWeight
	}
	if len(behind) > 0 {
		q.byIdentity[t.Identity] = behind[1:]
		q.enqueue(behind[0])
		return
	}
	delete(q.byIdentity, t.Identity)
	q.serve()
}

// serve assigns the free places.
func (q *queue) serve() {
	for q.held[verified]+q.held[unverified] < q.places {
		element := q.next()
		if element == nil {
			return
		}
		t := element.Value.(*waiter)
		q.waiting[t.rank()].Remove(element)
		q.held[t.rank()]++
		t.element, t.begun = nil, q.now()
		close(t.ready)
	}
}

// next returns the element that gets the next place, or nil. verifiedRun counts only
// while both ranks wait, so that unverified callers earn nothing while there are none.
func (q *queue) next() *list.Element {
	first, other := q.waiting[verified].Front(), q.waiting[unverified].Front()
	switch {
	case first == nil:
		return other
	case other == nil:
		q.verifiedRun = 0
		return first
	case q.verifiedRun < verifiedPerUnverified || q.held[unverified] >= max(1, q.places/2):
		q.verifiedRun++
		return first
	}
	q.verifiedRun = 0
	return other
}

// wait returns how long a caller who enters now would wait.
func (q *queue) wait(r rank) time.Duration {
	place := q.waiting[r].Len() + 1
	between := place * verifiedPerUnverified
	if r == verified {
		between = place / verifiedPerUnverified
	}
	return q.interval() * time.Duration(place+min(q.waiting[r.other()].Len(), between))
}

// interval returns the time from one free place to the next.
func (q *queue) interval() time.Duration { return q.meanHold / time.Duration(q.places) }

// retryAfter spreads the retries of refused callers: they are scheduled one after the
// other, at the rate at which their rank gets places.
func (q *queue) retryAfter(r rank) time.Duration {
	step := q.interval()
	if q.waiting[r.other()].Len() > 0 {
		step *= verifiedPerUnverified + 1
		if r == verified {
			step /= verifiedPerUnverified
		}
	}
	now := q.now()
	if first := now.Add(minRetry); q.nextRetry[r].Before(first) {
		q.nextRetry[r] = first
	}
	after := min(q.nextRetry[r].Sub(now), maxRetry)
	if after < maxRetry {
		q.nextRetry[r] = q.nextRetry[r].Add(step)
	}
	return after
}

// length returns the number of callers in the queue, without those who wait behind their
// own identity.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting[verified].Len() + q.waiting[unverified].Len()
}
