package argon2id

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// as returns the same queue, seen by another tenant.
func (b *queueTest) as(tenant string) *queueTest {
	other := *b
	other.line = b.queue.line(tenant)
	other.meanHold = b.meanHold
	other.waiters = map[string]*waiter{}
	return &other
}

// TestTenantAloneHasAllPlaces checks that tenants without callers cost nothing.
func TestTenantAloneHasAllPlaces(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 4, 2*time.Second, 20*time.Millisecond)
	idle := b.as("idle")
	idle.enterAll("o1")
	idle.finish("o1", 20*time.Millisecond)
	b.enterAll(numbered("o", 4+400)...)
	b.want("all places", "o1 o2 o3 o4")
	b.retryTime("o-late")
}

// TestTenantsTakeTurns checks that the callers of a tenant get every second place while
// those of another pile up, in any number of places, and the first of them the next place.
func TestTenantsTakeTurns(t *testing.T) {
	t.Parallel()
	for places := 1; places <= 5; places++ {
		stormed := newQueueTest(t, places, time.Hour, time.Millisecond)
		stormed.enterAll(numbered("o", 100)...)
		other := stormed.as("other")
		other.enterAll(numbered("o", 20)...)
		var order string
		for n := 0; other.line.length() > 0; n++ {
			tenant := stormed
			if n%2 == 1 && other.holds() > 0 {
				tenant = other
			}
			tenant.finish(strings.Fields(tenant.holders())[0], time.Millisecond)
			if other.served > stormed.served {
				order += "b"
			} else {
				order += "a"
			}
			if n > places && min(other.holds(), stormed.holds()) < places/2 {
				t.Fatalf("%d of %d places are the other's after %s", other.holds(), places, order)
			}
		}
		if order[0] != 'b' || len(order) > 2*20 {
			t.Errorf("%d places: %s", places, order)
		}
	}
}

// TestThreeTenants checks the order in one place.
func TestThreeTenants(t *testing.T) {
	t.Parallel()
	a := newQueueTest(t, 1, time.Hour, time.Millisecond)
	b, c := a.as("b"), a.as("c")
	a.enterAll("o1", "o2", "o3", "o4", "o5")
	b.enterAll("s1", "o2", "o3") // verified callers first, within the tenant
	c.enterAll("o1")
	var order []string
	for !a.empty() {
		for name, tenant := range map[string]*queueTest{"a": a, "b": b, "c": c} {
			if holder := tenant.holders(); holder != "" {
				order = append(order, name+holder)
				tenant.finish(holder, time.Millisecond)
				break
			}
		}
	}
	if got := strings.Join(order, " "); got != "ao1 bo2 co1 ao2 bo3 ao3 bs1 ao4 ao5" {
		t.Error(got)
	}
}

// TestSlowTenantHoldsItsShare checks that a tenant whose hashes never end does not collect
// the places of another.
func TestSlowTenantHoldsItsShare(t *testing.T) {
	t.Parallel()
	fast := newQueueTest(t, 4, time.Hour, time.Millisecond)
	slow := fast.as("slow")
	fast.enterAll(numbered("o", 50)...)
	slow.enterAll(numbered("o", 50)...)
	for fast.line.length() > 0 {
		fast.finish(strings.Fields(fast.holders())[0], time.Millisecond)
		if slow.holds() > 2 {
			t.Fatalf("%d places are slow", slow.holds())
		}
	}
	if slow.holds() != 2 {
		t.Errorf("%d places are slow", slow.holds())
	}
}

// TestFloodIsRefusedFromItsShare checks that a tenant's flood fills the queue for itself
// only, and that both tenants are told a time that counts the other's turns.
func TestFloodIsRefusedFromItsShare(t *testing.T) {
	t.Parallel()
	stormed := newQueueTest(t, 2, 2*time.Second, 20*time.Millisecond)
	stormed.enterAll(numbered("o", 2+200)...)
	for range 100 {
		stormed.retryTime("o-late")
	}
	other := stormed.as("other")
	if wait := other.wait(verified); wait != 20*time.Millisecond {
		t.Errorf("the first of another tenant waits %v", wait)
	}
	other.enterAll(numbered("o", 100)...)
	if first, second := other.retryTime("o-late"), other.retryTime("o-late"); first != time.Second || second != first+20*time.Millisecond {
		t.Errorf("another tenant's refused callers come after %v and %v", first, second)
	}
	first, second := stormed.retryTime("o-late"), stormed.retryTime("o-late")
	if first != 2*time.Second || second != first+20*time.Millisecond {
		t.Errorf("the stormed tenant's come after %v and %v", first, second)
	}
	for n := 0; stormed.line.length() > 100; n++ { // two seconds by turns
		stormed.retryTime("o-late")
		stormed.finish(strings.Fields(stormed.holders())[0], 20*time.Millisecond)
		if holders := strings.Fields(other.holders()); len(holders) > 0 {
			other.finish(holders[0], 20*time.Millisecond)
			other.enterAll(fmt.Sprint("o-next", n)) // and keeps its hundred
		}
	}
	stormed.enterAll("o-late")
}

// TestTenantsCostDiffers checks that each tenant's wait counts what the hashes of the others
// take.
func TestTenantsCostDiffers(t *testing.T) {
	t.Parallel()
	cheap := newQueueTest(t, 1, time.Hour, 10*time.Millisecond)
	costly := cheap.as("costly")
	costly.meanHold = 100 * time.Millisecond
	cheap.enterAll(numbered("o", 1+4)...)
	costly.enterAll(numbered("o", 2)...)
	if got := cheap.wait(verified); got != 5*10*time.Millisecond+2*100*time.Millisecond {
		t.Errorf("the cheap one waits %v", got)
	}
	if got := costly.wait(verified); got != 3*100*time.Millisecond+3*10*time.Millisecond {
		t.Errorf("the costly one waits %v", got)
	}
}

// TestSameIdentityOfTwoTenants checks that an identity of one tenant is not one of another.
func TestSameIdentityOfTwoTenants(t *testing.T) {
	t.Parallel()
	a := newQueueTest(t, 2, time.Hour, time.Millisecond)
	b := a.as("b")
	a.enterAll("o1")
	b.enterAll("o1")
	a.want("both hash", "o1")
	b.want("both hash", "o1")
}

// TestTenantsAtRandom checks after each of many random arrivals and departures that no place
// is idle while somebody waits, and that no place was given past a waiting tenant that held
// fewer places, or as many and was served before.
func TestTenantsAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(testenv.Rounds(20, 500)) {
		r := rand.New(rand.NewPCG(seed, 1))
		first := newQueueTest(t, 1+r.IntN(5), time.Hour, time.Millisecond)
		tenants := []*queueTest{first, first.as("b"), first.as("c"), first.as("d")}
		if seed%2 == 1 {
			first.addSpare()
		}
		for step := range 300 {
			at := tenants[r.IntN(len(tenants))]
			var held, served [4]int
			for i, b := range tenants {
				held[i], served[i] = b.holds(), int(b.served)
			}
			if names := slices.Sorted(maps.Keys(at.waiters)); len(names) > 0 && r.IntN(2) == 0 {
				name := names[r.IntN(len(names))]
				if !at.waiters[name].begun.IsZero() {
					held[slices.Index(tenants, at)]--
				}
				at.finish(name, time.Millisecond)
			} else {
				at.enterAll(fmt.Sprint([]string{"o", "s"}[r.IntN(2)], seed, "-", step))
			}
			checkTurn(t, tenants, held, served)
		}
		for _, b := range tenants {
			for len(b.waiters) > 0 {
				for _, name := range slices.Sorted(maps.Keys(b.waiters)) {
					b.finish(name, time.Millisecond)
				}
			}
		}
		if !first.empty() {
			t.Fatal("a caller is left")
		}
	}
}

// checkTurn compares the tenants with the places and turns that they had before.
func checkTurn(t *testing.T, tenants []*queueTest, held, served [4]int) {
	t.Helper()
	q := tenants[0].queue
	if q.taken < q.places && len(q.waiting) > 0 {
		t.Fatalf("%d of %d places taken while somebody waits", q.taken, q.places)
	}
	for i, b := range tenants {
		if q.spare && b.line.length() > 0 && b.holds() == 0 {
			t.Fatalf("tenant %d waits without a place while the spare one is free", i)
		}
		if int(b.served) == served[i] {
			continue
		}
		for j, passed := range tenants {
			if passed.line.length() > 0 && int(passed.served) == served[j] && (held[j] < held[i] || held[j] == held[i] && served[j] < served[i]) {
				t.Fatalf("tenant %d with %d places, served in turn %d, was passed by %d with %d, served in %d", j, held[j], served[j], i, held[i], served[i])
			}
		}
	}
}

// TestUnverifiedLeaveHalfOfTheTenants checks that slow unverified callers hold at most half
// of the places that the turns leave to their tenant.
func TestUnverifiedLeaveHalfOfTheTenants(t *testing.T) {
	t.Parallel()
	b := newQueueTest(t, 4, time.Hour, time.Millisecond)
	other := b.as("other")
	other.enterAll(numbered("o", 9)...)
	b.enterAll(numbered("s", 20)...)
	b.enterAll(numbered("o", 20)...)
	for range 2 {
		other.finish(strings.Fields(other.holders())[0], time.Millisecond)
	}
	for b.line.waiting[verified].Len() > 0 {
		i := slices.IndexFunc(strings.Fields(b.holders()), func(name string) bool { return name[0] == 'o' })
		if i < 0 {
			t.Fatalf("%s hash while owners wait", b.holders())
		}
		b.finish(strings.Fields(b.holders())[i], time.Millisecond)
	}
}
