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
		return strangers
	}
	return owners
}

// A rank is a line of its own: a flood of those who are not known to be anybody must not
// keep out those who are.
type rank int

const (
	owners rank = iota
	strangers
)

func (r rank) other() rank { return 1 - r }

const (
	// ownersTurns is how many places owners get for each that a stranger gets, while both
	// wait. One stranger in three is not shut out, also where there is but one place.
	ownersTurns = 2

	firstHold = 50 * time.Millisecond // until places have been held
	holdsMean = 8                     // about so many of the last count

	// Whoever is turned away is told to come back in this time.
	soonest, latest = time.Second, 20 * time.Second
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
	longest time.Duration
	now     func() time.Time

	mu      sync.Mutex
	held    [2]int             // places, by rank
	waiting [2]list.List       // of *turn, by rank
	present map[string][]*turn // of an identity, those behind the one in line or served
	turns   int                // of owners since the last stranger's, while one waits
	hold    time.Duration      // how long a place is held, on the whole
	back    [2]time.Time       // when the next one turned away is to come back, by rank
}

func newQueue(places int, longest time.Duration, now func() time.Time) *queue {
	return &queue{places: places, longest: longest, now: now, present: make(map[string][]*turn), hold: firstHold}
}

// A turn is one caller's, from entering to leaving.
type turn struct {
	Caller
	come  chan struct{} // closed when there is a place
	line  *list.Element // nil: is not in line
	begun time.Time     // zero: has no place
	used  bool          // the place
}

// enter gives the caller a place, or a wait for one. Error: *BusyError. A second request
// of an identity waits behind the first, not in line: whoever sends a hundred hashes in one
// place, and keeps nobody else out. It has charged nothing yet.
func (q *queue) enter(c Caller) (*turn, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &turn{Caller: c, come: make(chan struct{})}
	wait := q.wait(c.rank())
	if behind, here := q.present[c.Identity]; here {
		if time.Duration(len(behind)+1)*(wait+q.hold) > q.longest {
			return nil, &BusyError{soonest}
		}
		q.present[c.Identity] = append(behind, t)
		return t, nil
	}
	if q.held[owners]+q.held[strangers] == q.places && wait > q.longest {
		return nil, &BusyError{q.comeBack(c.rank())}
	}
	if c.Identity != "" {
		q.present[c.Identity] = nil
	}
	q.lineUp(t)
	return t, nil
}

// lineUp puts a turn at the end of its line, where it may be served at once.
func (q *queue) lineUp(t *turn) {
	t.line = q.waiting[t.rank()].PushBack(t)
	q.serve()
}

// leave ends a turn, whether it has come or not. A place that was given to somebody who had
// gone already says nothing about how long places are held.
func (q *queue) leave(t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	behind := q.present[t.Identity]
	if t.line == nil && t.begun.IsZero() {
		q.present[t.Identity] = slices.DeleteFunc(behind, func(other *turn) bool { return other == t })
		return
	}
	if t.line != nil {
		q.waiting[t.rank()].Remove(t.line)
	} else {
		q.held[t.rank()]--
	}
	if t.used {
		q.hold += (min(q.now().Sub(t.begun), q.longest) - q.hold) / holdsMean
	}
	if len(behind) > 0 {
		q.present[t.Identity] = behind[1:]
		q.lineUp(behind[0])
		return
	}
	delete(q.present, t.Identity)
	q.serve()
}

// serve hands out the places that are free.
func (q *queue) serve() {
	for q.held[owners]+q.held[strangers] < q.places {
		line := q.next()
		if line == nil {
			return
		}
		t := line.Value.(*turn)
		q.waiting[t.rank()].Remove(line)
		q.held[t.rank()]++
		t.line, t.begun = nil, q.now()
		close(t.come)
	}
}

// next returns who gets the next place, or nil. The turns are counted only while both ranks
// wait: a quiet hour of owners earns strangers nothing.
func (q *queue) next() *list.Element {
	owner, stranger := q.waiting[owners].Front(), q.waiting[strangers].Front()
	switch {
	case owner == nil:
		return stranger
	case stranger == nil:
		q.turns = 0
		return owner
	case q.turns < ownersTurns || q.held[strangers] >= max(1, q.places/2):
		q.turns++
		return owner
	}
	q.turns = 0
	return stranger
}

// wait is how long a caller who enters now would wait.
func (q *queue) wait(r rank) time.Duration {
	place := q.waiting[r].Len() + 1
	between := place * ownersTurns
	if r == owners {
		between = place / ownersTurns
	}
	return q.interval() * time.Duration(place+min(q.waiting[r.other()].Len(), between))
}

// interval is the time from one free place to the next.
func (q *queue) interval() time.Duration { return q.hold / time.Duration(q.places) }

// comeBack spreads those who are turned away: they come back one after the other, as fast
// as their rank gets places.
func (q *queue) comeBack(r rank) time.Duration {
	step := q.interval()
	if q.waiting[r.other()].Len() > 0 {
		step *= ownersTurns + 1
		if r == owners {
			step /= ownersTurns
		}
	}
	now := q.now()
	if first := now.Add(soonest); q.back[r].Before(first) {
		q.back[r] = first
	}
	after := min(q.back[r].Sub(now), latest)
	if after < latest {
		q.back[r] = q.back[r].Add(step)
	}
	return after
}

// length returns how many wait in line, without those who wait behind their own identity.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting[owners].Len() + q.waiting[strangers].Len()
}
