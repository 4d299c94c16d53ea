package argon2id

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A queueTest is a queue with a clock that the test sets, the line of its only tenant, and its
// callers by name.
type queueTest struct {
	*queue
	*line
	t       *testing.T
	at      *time.Time
	waiters map[string]*waiter
}

func newQueueTest(t *testing.T, places int, maxWait, meanHold time.Duration) *queueTest {
	at := time.Unix(1, 0)
	b := &queueTest{t: t, at: &at, waiters: map[string]*waiter{}}
	b.queue = newQueue(places, maxWait, func() time.Time { return at })
	b.line = b.queue.line("")
	b.meanHold = meanHold
	return b
}

// enterAll lets callers enter. Names that begin with s are unverified.
func (b *queueTest) enterAll(names ...string) {
	b.t.Helper()
	for _, name := range names {
		waiter, err := b.enter(b.line, Caller{Identity: name, Unverified: strings.HasPrefix(name, "s")})
		if err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
		b.waiters[name] = waiter
	}
}

// retryTime returns the BusyError.After of a caller who must be refused.
func (b *queueTest) retryTime(name string) time.Duration {
	b.t.Helper()
	_, err := b.enter(b.line, Caller{Identity: name, Unverified: strings.HasPrefix(name, "s")})
	var busy *BusyError
	if !errors.As(err, &busy) {
		b.t.Fatalf("%s is not refused: %v", name, err)
	}
	return busy.After
}

// holders returns the callers who have a place.
func (b *queueTest) holders() string {
	var names []string
	for name, waiter := range b.waiters {
		if !waiter.begun.IsZero() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// finish lets a caller leave after some time of hashing.
func (b *queueTest) finish(name string, took time.Duration) {
	waiter := b.waiters[name]
	delete(b.waiters, name)
	if waiter.used = !waiter.begun.IsZero(); waiter.used {
		*b.at = waiter.begun.Add(took)
	}
	b.leave(waiter)
}

func (b *queueTest) want(when, names string) {
	b.t.Helper()
	if got := b.holders(); got != names {
		b.t.Fatalf("%s: %q hash, want %q", when, got, names)
	}
}

func numbered(prefix string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i+1))
	}
	return names
}

// TestQueueIsBoundedByTime checks that the queue admits as many callers as fit into the
// maximum wait: two seconds of hashes of 20 ms in two places are two hundred. It gets
// shorter as hashes get slower.
func TestQueueIsBoundedByTime(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 2, 2*time.Second, 20*time.Millisecond)
	b.enterAll(numbered("o", 2+200)...)
	b.retryTime("o-late")
	b.finish("o1", 20*time.Millisecond)
	b.enterAll("o-next")
	b.retryTime("o-late")
	for i := range 20 {
		b.finish(fmt.Sprint("o", i+2), 200*time.Millisecond)
	}
	if b.interval() < 80*time.Millisecond || b.interval() > 100*time.Millisecond {
		t.Errorf("after twenty of 200 ms a place is free every %v", b.interval())
	}
	for b.queue.length() > 18 {
		b.retryTime("o-late")
		for name := range strings.FieldsSeq(b.holders()) {
			b.finish(name, 200*time.Millisecond)
		}
	}
	b.enterAll("o-late")
}

// TestFreePlaceIsGiven checks that a free place is given whatever was measured, and that
// a pause of an hour counts as the maximum wait.
func TestFreePlaceIsGiven(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 1, 2*time.Second, time.Hour)
	b.enterAll("o1")
	b.retryTime("o2")
	b.meanHold = 0
	b.finish("o1", time.Hour)
	if b.meanHold != 2*time.Second/holdWeight {
		t.Errorf("held for %v", b.meanHold)
	}
	b.enterAll("o2")
}

func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"o", "s"} {
		b := newQueueTest(t, 1, time.Minute, time.Millisecond)
		all := numbered(kind, 50)
		b.enterAll(all...)
		for _, name := range all {
			b.want("in turn", name)
			b.finish(name, time.Millisecond)
		}
		if !b.empty() {
			t.Error("a caller is left")
		}
	}
}

// TestOneAnIdentity checks that a second request of an identity waits behind the first,
// also if there are free places, and then at the end of the queue. The program itself is
// not limited.
func TestOneAnIdentity(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 2, time.Minute, time.Millisecond)
	enterAgain := func(id, name string) {
		waiter, err := b.enter(b.line, Caller{Identity: id})
		if err != nil {
			t.Fatal(err)
		}
		b.waiters[name] = waiter
	}
	b.enterAll("o1")
	enterAgain("o1", "o1'")
	enterAgain("o1", "o1''")
	b.want("one at a time", "o1")
	b.enterAll("o2", "o3")
	enterAgain("o3", "o3'")
	b.finish("o1", time.Millisecond)
	b.want("those in the queue", "o2 o3")
	b.finish("o1''", 0) // gives up
	b.finish("o2", time.Millisecond)
	b.want("then the second", "o1' o3")
	b.finish("o3", time.Millisecond)
	b.want("and the other second", "o1' o3'")
	b.finish("o3'", time.Millisecond)
	b.finish("o1'", time.Millisecond)
	for range 2 {
		if _, err := b.enter(b.line, Caller{}); err != nil {
			t.Errorf("the program itself: %v", err)
		}
	}
	if b.held != [2]int{2, 0} || len(b.byIdentity) != 0 {
		t.Errorf("%v held, %d present", b.held, len(b.byIdentity))
	}
}

// TestFloodOfOneIdentity checks that one identity takes no room from others, and that its
// own requests are bounded by time.
func TestFloodOfOneIdentity(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 1, 2*time.Second, 20*time.Millisecond)
	behind := 0
	for {
		if _, err := b.enter(b.line, Caller{Identity: "o1"}); err != nil {
			break
		}
		behind++
	}
	if behind != 1+50 { // each waits and holds for 20 ms
		t.Errorf("%d of one identity wait or hash", behind)
	}
	if after := b.retryTime("o1"); after != minRetry {
		t.Errorf("retry after %v", after)
	}
	if wait := b.wait(verified); wait != 20*time.Millisecond {
		t.Errorf("another one waits %v", wait)
	}
	b.enterAll(numbered("o-", 100)...)
	if after := b.retryTime("o-late"); after != minRetry {
		t.Errorf("others retry after %v", after)
	}
}

// TestUnverifiedLeaveHalf checks that while verified callers wait, unverified ones get
// every third place and hold at most half of the places.
func TestUnverifiedLeaveHalf(t *testing.T) {
	t.Parallel()
	for places := 1; places <= 5; places++ {
		b := newQueueTest(t, places, time.Hour, time.Millisecond)
		b.enterAll(numbered("s", 4*places)...)
		b.enterAll(numbered("o", 100)...)
		var order string
		for n := 0; b.line.waiting[verified].Len() > 0 && b.line.waiting[unverified].Len() > 0; n++ {
			before := strings.Fields(b.holders())
			b.finish(before[n%len(before)], time.Millisecond)
			for name := range strings.FieldsSeq(b.holders()) {
				if !slices.Contains(before, name) {
					order += name[:1]
				}
			}
			if held := b.held[unverified]; n > places && held > max(1, places/2) {
				t.Fatalf("%d of %d places held by strangers: %s", held, places, order)
			}
		}
		if got, most := strings.Count(order, "s"), len(order)/3+1; got > most || got < most/3 {
			t.Errorf("%d places: %d turns of %d are strangers': %s", places, got, len(order), order)
		}
	}
	b := newQueueTest(t, 1, time.Hour, time.Millisecond)
	b.enterAll("o0", "s1", "s2", "o1", "o2", "o3", "o4")
	var order []string
	for !b.empty() {
		order = append(order, b.holders())
		b.finish(b.holders(), time.Millisecond)
	}
	if got := strings.Join(order, " "); got != "o0 o1 o2 s1 o3 o4 s2" {
		t.Errorf("in one place: %s", got)
	}
}

// TestSlowUnverifiedHoldHalf checks that unverified callers with slow hashes do not
// accumulate in the places.
func TestSlowUnverifiedHoldHalf(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 5, time.Hour, time.Millisecond)
	b.enterAll(numbered("o", 100)...)
	b.enterAll(numbered("s", 20)...)
	for b.line.waiting[verified].Len() > 0 {
		for name := range strings.FieldsSeq(b.holders()) {
			if name[0] == 'o' {
				b.finish(name, time.Millisecond)
				break
			}
		}
		if b.held[unverified] > 2 {
			t.Fatalf("%s hash while owners wait", b.holders())
		}
	}
	if b.held[unverified] != 2 {
		t.Errorf("%s hash", b.holders())
	}
}

// TestVerifiedEnterDuringFlood checks that unverified callers have all places if they are
// alone, and that a flood of them does not make the queue refuse a verified caller.
func TestVerifiedEnterDuringFlood(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 2, 2*time.Second, 20*time.Millisecond)
	b.enterAll(numbered("s", 2+200)...)
	b.want("alone", "s1 s2")
	b.retryTime("s-late")
	b.enterAll(numbered("o", 100)...) // and a stranger after every second, makes 150
	b.finish("s1", 20*time.Millisecond)
	b.want("the first owner", "o1 s2")
	b.retryTime("s-late")
}

// TestWaiterLeaves checks that a caller who stops waiting leaves the position to the
// next.
func TestWaiterLeaves(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 1, time.Minute, time.Millisecond)
	b.enterAll("o1", "o2", "o3")
	b.finish("o2", 0)
	b.enterAll("o2")
	b.finish("o1", time.Millisecond)
	b.want("the next", "o3")
	left := b.waiters["o3"] // has a place and has not noticed yet
	b.leave(left)
	delete(b.waiters, "o3")
	b.want("the next but one", "o2")
	if b.meanHold != time.Millisecond {
		t.Errorf("an unused place is measured: %v", b.meanHold)
	}
	b.finish("o2", time.Millisecond)
	if !b.empty() {
		t.Error("a caller is left")
	}
}

// TestRetriesAreSpread checks that the retries of refused callers follow each other at
// the rate at which places become free.
func TestRetriesAreSpread(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 2, 2*time.Second, 20*time.Millisecond)
	b.enterAll(numbered("o", 2+200)...)
	for i := range 500 {
		if got, want := b.retryTime("o-late"), time.Second+time.Duration(i)*10*time.Millisecond; got != want {
			t.Fatalf("retry %d after %v, want %v", i, got, want)
		}
	}
	*b.at = b.at.Add(3 * time.Second)
	if got := b.retryTime("o-late"); got != 3*time.Second {
		t.Errorf("three seconds later: %v", got)
	}
	for range 3000 {
		if b.retryTime("o-late") > maxRetry {
			t.Fatal("too late")
		}
	}
	b.enterAll(numbered("s", 66)...)
	if first, second := b.retryTime("s-late"), b.retryTime("s-late"); first != time.Second || second != first+30*time.Millisecond {
		t.Errorf("unverified, with a third of the places: %v, then %v", first, second)
	}
}
