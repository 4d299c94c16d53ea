package argon2id

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A bench is a queue whose clock a test winds, and whoever is in it by name.
type bench struct {
	*queue
	t     *testing.T
	at    time.Time
	turns map[string]*turn
}

func newBench(t *testing.T, places int, longest, hold time.Duration) *bench {
	b := &bench{t: t, at: time.Unix(1, 0), turns: map[string]*turn{}}
	b.queue = newQueue(places, longest, func() time.Time { return b.at })
	b.hold = hold
	return b
}

// come lets callers enter; those whose names begin with s are strangers.
func (b *bench) come(names ...string) {
	b.t.Helper()
	for _, name := range names {
		turn, err := b.enter(Caller{Identity: name, Unverified: strings.HasPrefix(name, "s")})
		if err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
		b.turns[name] = turn
	}
}

// turned is after what time a caller who is turned away shall come back.
func (b *bench) turned(name string) time.Duration {
	b.t.Helper()
	_, err := b.enter(Caller{Identity: name, Unverified: strings.HasPrefix(name, "s")})
	var busy *BusyError
	if !errors.As(err, &busy) {
		b.t.Fatalf("%s is not turned away: %v", name, err)
	}
	return busy.After
}

// hashing are those who hold a place.
func (b *bench) hashing() string {
	var names []string
	for name, turn := range b.turns {
		if !turn.begun.IsZero() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// end lets somebody go, who has hashed for a while.
func (b *bench) end(name string, took time.Duration) {
	turn := b.turns[name]
	delete(b.turns, name)
	b.at = turn.begun.Add(took)
	turn.used = !turn.begun.IsZero()
	b.leave(turn)
}

func (b *bench) want(when, names string) {
	b.t.Helper()
	if got := b.hashing(); got != names {
		b.t.Fatalf("%s: %q hash, want %q", when, got, names)
	}
}

func several(prefix string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i+1))
	}
	return names
}

// The queue is as long as its wait: two seconds at a hash in 20 ms, in two places, are
// two hundred. As hashes get slower it gets shorter.
func TestQueueIsBoundedByTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 2*time.Second, 20*time.Millisecond)
	b.come(several("o", 2+200)...)
	b.turned("o-late")
	b.end("o1", 20*time.Millisecond)
	b.come("o-next")
	b.turned("o-late")
	for i := range 20 {
		b.end(fmt.Sprint("o", i+2), 200*time.Millisecond)
	}
	if b.interval() < 80*time.Millisecond || b.interval() > 100*time.Millisecond {
		t.Errorf("after twenty of 200 ms a place is free every %v", b.interval())
	}
	for b.length() > 18 {
		b.turned("o-late")
		for name := range strings.FieldsSeq(b.hashing()) {
			b.end(name, 200*time.Millisecond)
		}
	}
	b.come("o-late")
}

// A place that is free is given whatever was measured, and a stall of an hour counts as
// the longest wait.
func TestFreePlaceIsGiven(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 2*time.Second, time.Hour)
	b.come("o1")
	b.turned("o2")
	b.hold = 0
	b.end("o1", time.Hour)
	if b.hold != 2*time.Second/holdsMean {
		t.Errorf("held for %v", b.hold)
	}
	b.come("o2")
}

func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"o", "s"} {
		b := newBench(t, 1, time.Minute, time.Millisecond)
		all := several(kind, 50)
		b.come(all...)
		for _, name := range all {
			b.want("in turn", name)
			b.end(name, time.Millisecond)
		}
		if !b.empty() {
			t.Error("somebody is left")
		}
	}
}

// A second request of an identity waits behind the first, where there are free places too,
// and then at the end of the line. The program itself is nobody.
func TestOneAnIdentity(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, time.Minute, time.Millisecond)
	again := func(id, name string) {
		turn, err := b.enter(Caller{Identity: id})
		if err != nil {
			t.Fatal(err)
		}
		b.turns[name] = turn
	}
	b.come("o1")
	again("o1", "o1'")
	again("o1", "o1''")
	b.want("one at a time", "o1")
	b.come("o2", "o3")
	again("o3", "o3'")
	b.end("o1", time.Millisecond)
	b.want("who stood in line", "o2 o3")
	b.end("o1''", 0) // gives up
	b.end("o2", time.Millisecond)
	b.want("then the second", "o1' o3")
	b.end("o3", time.Millisecond)
	b.want("and the other second", "o1' o3'")
	b.end("o3'", time.Millisecond)
	b.end("o1'", time.Millisecond)
	for range 2 {
		if _, err := b.enter(Caller{}); err != nil {
			t.Errorf("the program itself: %v", err)
		}
	}
	if b.held != [2]int{2, 0} || len(b.present) != 0 {
		t.Errorf("%v held, %d present", b.held, len(b.present))
	}
}

// One identity takes no room from others, and its own are bounded by time, too.
func TestAnIdentitysFloodIsItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 2*time.Second, 20*time.Millisecond)
	behind := 0
	for {
		if _, err := b.enter(Caller{Identity: "o1"}); err != nil {
			break
		}
		behind++
	}
	if behind != 1+50 { // each waits and holds for 20 ms
		t.Errorf("%d of one identity wait or hash", behind)
	}
	if after := b.turned("o1"); after != soonest {
		t.Errorf("come back after %v", after)
	}
	if wait := b.wait(owners); wait != 20*time.Millisecond {
		t.Errorf("another one waits %v", wait)
	}
	b.come(several("o-", 100)...)
	if after := b.turned("o-late"); after != soonest {
		t.Errorf("others are told %v", after)
	}
}

// While owners wait, strangers get every third place and hold no more than half of them.
func TestStrangersLeaveHalfToOwners(t *testing.T) {
	t.Parallel()
	for places := 1; places <= 5; places++ {
		b := newBench(t, places, time.Hour, time.Millisecond)
		b.come(several("s", 4*places)...)
		b.come(several("o", 100)...)
		var order string
		for n := 0; b.waiting[owners].Len() > 0 && b.waiting[strangers].Len() > 0; n++ {
			before := strings.Fields(b.hashing())
			b.end(before[n%len(before)], time.Millisecond)
			for name := range strings.FieldsSeq(b.hashing()) {
				if !slices.Contains(before, name) {
					order += name[:1]
				}
			}
			if held := b.held[strangers]; n > places && held > max(1, places/2) {
				t.Fatalf("%d of %d places held by strangers: %s", held, places, order)
			}
		}
		if got, most := strings.Count(order, "s"), len(order)/3+1; got > most || got < most/3 {
			t.Errorf("%d places: %d turns of %d are strangers': %s", places, got, len(order), order)
		}
	}
	b := newBench(t, 1, time.Hour, time.Millisecond)
	b.come("o0", "s1", "s2", "o1", "o2", "o3", "o4")
	var order []string
	for !b.empty() {
		order = append(order, b.hashing())
		b.end(b.hashing(), time.Millisecond)
	}
	if got := strings.Join(order, " "); got != "o0 o1 o2 s1 o3 o4 s2" {
		t.Errorf("in one place: %s", got)
	}
}

// Strangers whose hashes take long do not pile up in the places.
func TestSlowStrangersHoldHalf(t *testing.T) {
	t.Parallel()
	b := newBench(t, 5, time.Hour, time.Millisecond)
	b.come(several("o", 100)...)
	b.come(several("s", 20)...)
	for b.waiting[owners].Len() > 0 {
		for name := range strings.FieldsSeq(b.hashing()) {
			if name[0] == 'o' {
				b.end(name, time.Millisecond)
				break
			}
		}
		if b.held[strangers] > 2 {
			t.Fatalf("%s hash while owners wait", b.hashing())
		}
	}
	if b.held[strangers] != 2 {
		t.Errorf("%s hash", b.hashing())
	}
}

// Strangers alone have all places, and their flood does not turn an owner away.
func TestOwnersComeInBesideStrangers(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 2*time.Second, 20*time.Millisecond)
	b.come(several("s", 2+200)...)
	b.want("alone", "s1 s2")
	b.turned("s-late")
	b.come(several("o", 100)...) // and a stranger after every second, makes 150
	b.end("s1", 20*time.Millisecond)
	b.want("the first owner", "o1 s2")
	b.turned("s-late")
}

// Who gives up waiting leaves the place in line to the next.
func TestWaiterLeaves(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, time.Minute, time.Millisecond)
	b.come("o1", "o2", "o3")
	b.end("o2", 0)
	b.come("o2")
	b.end("o1", time.Millisecond)
	b.want("the next", "o3")
	left := b.turns["o3"] // has its place and does not know yet
	b.leave(left)
	delete(b.turns, "o3")
	b.want("the next but one", "o2")
	if b.hold != time.Millisecond {
		t.Errorf("a place that nobody used counts: %v", b.hold)
	}
	b.end("o2", time.Millisecond)
	if !b.empty() {
		t.Error("somebody is left")
	}
}

// Those who are turned away come back one after the other, as fast as places get free.
func TestTurnedAwayAreSpread(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 2*time.Second, 20*time.Millisecond)
	b.come(several("o", 2+200)...)
	for i := range 500 {
		if got, want := b.turned("o-late"), time.Second+time.Duration(i)*10*time.Millisecond; got != want {
			t.Fatalf("the %d. is told %v, want %v", i, got, want)
		}
	}
	b.at = b.at.Add(3 * time.Second)
	if got := b.turned("o-late"); got != 3*time.Second {
		t.Errorf("three seconds later: %v", got)
	}
	for range 3000 {
		if b.turned("o-late") > latest {
			t.Fatal("too late")
		}
	}
	b.come(several("s", 66)...)
	if first, second := b.turned("s-late"), b.turned("s-late"); first != time.Second || second != first+30*time.Millisecond {
		t.Errorf("strangers, who get a third: %v, then %v", first, second)
	}
}
