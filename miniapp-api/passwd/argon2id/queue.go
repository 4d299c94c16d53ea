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

// A queue decides who gets the next place. Tenants take turns: the next place goes to the
// waiting tenant that holds the fewest places, and among those to the one that was served
// least recently. A tenant that is alone has all places. A tenant that holds none need not
// wait for one if the spare place is free, so a tenant whose callers pile up does not delay
// the single caller of another. The callers of a tenant are ordered by its line.
type queue struct {
	places  int
	maxWait time.Duration
	now     func() time.Time

	mu      sync.Mutex
	lines   map[string]*line // by tenant
	waiting []*line          // those with callers in the queue
	taken   int              // places held, without the spare one
	spare   bool             // the spare place is free
	turns   uint64           // places given so far
}

func newQueue(places int, maxWait time.Duration, now func() time.Time) *queue {
	return &queue{places: places, maxWait: maxWait, now: now, lines: make(map[string]*line)}
}

// line returns the line of a tenant. It is kept, because it knows how long the tenant's
// hashes take.
func (q *queue) line(tenant string) *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[tenant]
	if l == nil {
		l = newLine(q)
		q.lines[tenant] = l
	}
	return l
}

// addSpare adds the spare place.
func (q *queue) addSpare() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare = true
	q.serve()
}

// A waiter is one caller from enter to leave.
type waiter struct {
	Caller
	line    *line
	ready   chan struct{} // closed when the caller gets a place
	element *list.Element // nil if not in the queue
	begun   time.Time     // zero without a place
	spare   bool          // the place is the spare one
	used    bool          // the place was used
}

// enter gives the caller a place or a position in the queue, or returns a *BusyError. A
// second request of an identity waits behind the first, outside the queue: an identity
// that sends a hundred requests computes in one place and delays nobody else. Nothing has
// been charged at this time.
func (q *queue) enter(l *line, c Caller) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &waiter{Caller: c, line: l, ready: make(chan struct{})}
	wait := l.wait(c.rank())
	if behind, present := l.byIdentity[c.Identity]; present {
		if time.Duration(len(behind)+1)*(wait+l.meanHold) > q.maxWait {
			return nil, &BusyError{minRetry}
		}
		l.byIdentity[c.Identity] = append(behind, t)
		return t, nil
	}
	if q.taken == q.places && wait > q.maxWait {
		return nil, &BusyError{l.retryAfter(c.rank())}
	}
	if c.Identity != "" {
		l.byIdentity[c.Identity] = nil
	}
	q.enqueue(t)
	return t, nil
}

// enqueue appends a waiter to its line, where it may be served at once.
func (q *queue) enqueue(t *waiter) {
	if t.line.length() == 0 {
		q.waiting = append(q.waiting, t.line)
	}
	t.element = t.line.waiting[t.rank()].PushBack(t)
	q.serve()
}

// dequeue removes a waiter from its line.
func (q *queue) dequeue(t *waiter) {
	t.line.waiting[t.rank()].Remove(t.element)
	t.element = nil
	if t.line.length() == 0 {
		q.waiting = slices.DeleteFunc(q.waiting, func(l *line) bool { return l == t.line })
	}
}

// leave removes a waiter, whether it has a place or not. A place that was not used is not
// measured.
func (q *queue) leave(t *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := t.line
	behind := l.byIdentity[t.Identity]
	if t.element == nil && t.begun.IsZero() {
		l.byIdentity[t.Identity] = slices.DeleteFunc(behind, func(other *waiter) bool { return other == t })
		return
	}
	if t.element != nil {
		q.dequeue(t)
	} else {
		q.vacate(t)
	}
	if t.used {
		l.meanHold += (min(q.now().Sub(t.begun), q.maxWait) - l.meanHold) / holdWeight
	}
	if len(behind) > 0 {
		l.byIdentity[t.Identity] = behind[1:]
		q.enqueue(behind[0])
		return
	}
	delete(l.byIdentity, t.Identity)
	q.serve()
}

// serve assigns the free places.
func (q *queue) serve() {
	for len(q.waiting) > 0 {
		l := slices.MinFunc(q.waiting, (*line).compare)
		spare := q.taken == q.places
		if spare && (!q.spare || l.holds() > 0) {
			return
		}
		t := l.next().Value.(*waiter)
		q.dequeue(t)
		q.occupy(t, spare)
		close(t.ready)
	}
}

// occupy gives a waiter a place.
func (q *queue) occupy(t *waiter, spare bool) {
	if spare {
		t.spare, q.spare = true, false
	} else {
		q.taken++
	}
	q.turns++
	t.line.held[t.rank()]++
	t.line.served = q.turns
	t.begun = q.now()
}

// vacate takes the place back.
func (q *queue) vacate(t *waiter) {
	if t.spare {
		q.spare = true
	} else {
		q.taken--
	}
	t.line.held[t.rank()]--
}

// length returns the number of callers in the queue, without those who wait behind their
// own identity.
func (q *queue) length() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.waiting {
		n += l.length()
	}
	return n
}
