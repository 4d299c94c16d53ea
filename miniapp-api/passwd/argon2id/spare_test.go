package argon2id

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSparePlace checks that a tenant without a place gets the spare one at once, that nobody
// gets it as a second, and that it becomes free again.
func TestSparePlace(t *testing.T) {
	t.Parallel()
	stormed := newQueueTest(t, 2, time.Hour, time.Millisecond)
	stormed.addSpare()
	other, third := stormed.as("other"), stormed.as("third")
	stormed.enterAll(numbered("o", 10)...)
	stormed.want("alone, without the spare place", "o1 o2")
	other.enterAll("o1", "o2")
	other.want("at once", "o1")
	third.enterAll("o1", "o2")
	third.want("the spare place is taken", "")
	other.finish("o1", time.Millisecond)
	third.want("it is free again", "o1")
	other.want("behind the third, who was not served yet", "")
	third.finish("o1", time.Millisecond)
	other.want("and again", "o2")
	stormed.finish("o1", time.Millisecond)
	third.want("an ordinary place in turn", "o2")
	other.finish("o2", time.Millisecond)
	stormed.want("nobody without a place waits", "o2")
	third.finish("o2", time.Millisecond)
	stormed.want("an ordinary place", "o2 o3")
}

// TestSecondTenantBringsSparePlace checks that a pool of one tenant is as large as configured,
// and that the second tenant adds one place, which Close gives back. It is not parallel, because
// other tests create pools, too.
func TestSecondTenantBringsSparePlace(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	p := NewPool(Config{Slots: 2})
	first := p.Tenant("first")
	p.Tenant("first")
	if got := runtime.GOMAXPROCS(0); got != before+2 || p.queue.spare {
		t.Errorf("one tenant: GOMAXPROCS %d, was %d", got, before)
	}
	second := p.Tenant("second")
	p.Tenant("third")
	if got := runtime.GOMAXPROCS(0); got != before+3 {
		t.Errorf("three tenants: GOMAXPROCS %d, was %d", got, before)
	}
	var held []*Slot
	for _, tenant := range []*Tenant{first, first, second} {
		s, err := tenant.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		if err := compute(t.Context(), s); err != nil {
			t.Error(err)
		}
		held = append(held, s)
	}
	for _, s := range held {
		s.Release()
	}
	if free(p) != 2 || len(p.spare) != 1 || !p.queue.empty() {
		t.Errorf("%d free", free(p))
	}
	p.Close()
	p.Close()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS %d, was %d", got, before)
	}
}

// TestSpareHashRunsBesideOthers checks that the hash in the spare place does not wait for those
// in the others.
func TestSpareHashRunsBesideOthers(t *testing.T) {
	p := newPool(t, Config{Slots: defaultSlots()})
	first, second := p.Tenant("first"), p.Tenant("second")
	started, release := make(chan struct{}), make(chan struct{})
	running := make(chan error, p.slots)
	for range p.slots {
		s, err := first.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		go func() { running <- s.Do(context.Background(), func(*Arena) { started <- struct{}{}; <-release }) }()
		<-started
	}
	s, err := second.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	if err := compute(t.Context(), s); err != nil { // would wait for release
		t.Error(err)
	}
	close(release)
	for range p.slots {
		if err := <-running; err != nil {
			t.Error(err)
		}
	}
}

// TestStormedTenantDelaysNoOther lets the only caller of a tenant come at random times while 256
// callers of another come back as soon as they are served. In the time of the queue, the caller
// does not wait with the spare place, and for at most one hash without.
func TestStormedTenantDelaysNoOther(t *testing.T) {
	t.Parallel()
	const hash = 20 * time.Millisecond
	for _, spare := range []bool{false, true} {
		r := rand.New(rand.NewPCG(1, 2))
		stormed := newQueueTest(t, 2, time.Hour, hash)
		if spare {
			stormed.addSpare()
		}
		other := stormed.as("other")
		stormed.enterAll(numbered("o", 256)...)
		ends := func(b *queueTest) (name string, at time.Time) { // the next hash to end
			for n := range strings.FieldsSeq(b.holders()) {
				if end := b.waiters[n].begun.Add(hash); name == "" || end.Before(at) {
					name, at = n, end
				}
			}
			return name, at
		}
		most, next := time.Duration(0), stormed.at.Add(hash/3)
		for served := 0; served < 500; {
			name, end := ends(stormed)
			if otherName, otherEnd := ends(other); otherName != "" && !otherEnd.After(end) {
				other.finish(otherName, hash)
				served++
				next = otherEnd.Add(time.Duration(r.Int64N(int64(5 * hash))))
			} else if len(other.waiters) == 0 && next.Before(end) {
				*stormed.at = next
				other.enterAll("o1")
			} else {
				stormed.finish(name, hash)
				stormed.enterAll(name)
			}
			if w := other.waiters["o1"]; w != nil && !w.begun.IsZero() {
				most = max(most, w.begun.Sub(next))
			}
		}
		if spare != (most == 0) || most > hash {
			t.Errorf("spare place %v: waited %v", spare, most)
		}
	}
}
