package argon2id

import (
	"container/list"
	"slices"
	"sync"
	"time"
)

// A Caller is who asks for a place to hash in. What it says must follow from the
// caller's own session, never from the person a password is tried for: it decides who
// waits, and how long.
type Caller struct {
	Identity   string // has one place at a time, or one wait in line; "": the program itself
	Unverified bool   // not yet known to be anybody here
}

func (c Caller) rank() rank {
	if c.Unverified {
		return unverified
	}
	return verified
}

// A rank is a line of its own: a flood of those who are not known to be anybody must not
// keep out those who are.
type rank int

const (
	verified rank = iota
	unverified
)

func (r rank) other() rank { return 1 - r }

const (
	// ownersTurns is how many places owners get for each that a stranger gets, while both
	// wait. One stranger in three is not shut out, also where there is but one place.
	verifiedPerUnverified = 2

	initialHold = 50 * time.Millisecond // until places have been held
	holdWeight  = 8                     // about so many of the last count

	// Whoever is turned away is told to come back in this time.
	minRetry, maxRetry = time.Second, 20 * time.Second
)

// A BusyError is an ErrBusy that says when to come back.
type BusyError struct{ After time.Duration }

func (e *BusyError) Error() string { return ErrBusy.Error() }

// Is reports that this is an ErrBusy.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// A queue decides who gets the next place. It is bounded by time: who would wait
// longer than the longest wait, going by how long places have been held lately, is
// turned away at once. Owners and strangers wait in a line each, first come, first
// served. While owners wait, strangers get every third place and hold no more than
// half of the places, of which a single one counts as a half.
type queue struct {
	places  int
	maxWait time.Duration
	now     func() time.Time

	mu          sync.Mutex
	held        [2]int               // places, by rank
	waiting     [2]list.List         // of *turn, by rank
	byIdentity  map[string][]*waiter // of an identity, those behind the one in line or served
	verifiedRun int                  // of owners since the last stranger's, while one waits
	meanHold    time.Duration        // how long a place is held, on the whole
	nextRetry   [2]time.Time         // when the next one turned away is to come back, by rank
}

func newQueue(places int, maxWait time.Duration, now func() time.Time) *queue {
	return &queue{places: places, maxWait: maxWait, now: now, byIdentity: make(map[string][]*waiter), meanHold: initialHold}
}

// A turn is one caller's, from entering to leaving.
type waiter struct {
	Caller
	ready   chan struct{} // closed when there is a place
	element *list.Element // nil: is not in line
	begun   time.Time     // zero: has no place
	used    bool          // the place
}

// enter gives the caller a place, or a wait for one. Error: *BusyError. A second request
// of an identity waits behind the first, not in line: whoever sends a hundred hashes in one
// place, and keeps nobody else out. It has charged nothing yet.
func (q *queue) enter(c Caller) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &waiter{Caller: c, ready: make(chan struct{})}
	wait := q.wait(c.rank())
	if behind, here := q.byIdentity[c.Identity]; here {
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

// lineUp puts a turn at the end of its line, where it may be served at once.
func (q *queue) enqueue(t *waiter) {
	t.element = q.waiting[t.rank()].PushBack(t)
	q.serve()
}

// leave ends a turn, whether it has come or not. A place that was given to somebody who had
// gone already says nothing about how long places are held.
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

// serve hands out the places that are free.
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

// next returns who gets the next place, or nil. The turns are counted only while both ranks
// wait: a quiet hour of owners earns strangers nothing.
func (q *queue) next() *list.Element {
	owner, stranger := q.waiting[verified].Front(), q.waiting[unverified].Front()
	switch {
	case owner == nil:
		return stranger
	case stranger == nil:
		q.verifiedRun = 0
		return owner
	case q.verifiedRun < verifiedPerUnverified || q.held[unverified] >= max(1, q.places/2):
		q.verifiedRun++
		return owner
	}
	q.verifiedRun = 0
	return stranger
}

// wait is how long a caller who enters now would wait.
func (q *queue) wait(r rank) time.Duration {
	place := q.waiting[r].Len() + 1
	between := place * verifiedPerUnverified
	if r == verified {
		between = place / verifiedPerUnverified
	}
	return q.interval() * time.Duration(place+min(q.waiting[r.other()].Len(), between))
}

// interval is the time from one free place to the next.
func (q *queue) interval() time.Duration { return q.meanHold / time.Duration(q.places) }

// comeBack spreads those who are turned away: they come back one after the other, as fast
// as their rank gets places.
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

// length returns how many wait in line, without those who wait behind their own identity.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting[verified].Len() + q.waiting[unverified].Len()
}
