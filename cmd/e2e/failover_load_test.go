package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// A failoverLoad is citizens that change their passwords until the load stops. Each repeats
// a request under its key until the reply is final, as the mini-program does.
type failoverLoad struct {
	*cmdtest.Fixture
	server   *process
	citizens []*loadCitizen
	end      chan struct{}
	running  sync.WaitGroup

	mu   sync.Mutex
	seen map[string]int // replies to confirms
	acks []ack
}

// A loadCitizen is a citizen and the number of changes that were acknowledged.
type loadCitizen struct {
	*cmdtest.Citizen
	acked, sent int
}

// toldLater counts the replies to any request that tell the citizen to ask again.
const toldLater = "told to ask again"

// An ack is a confirmed change: when it was requested and when it was acknowledged.
type ack struct{ asked, told time.Time }

// newLoad starts the program on the cluster with citizens that have linked.
func newLoad(t testing.TB, c *cluster, citizens int) *failoverLoad {
	t.Helper()
	n := newFixtureOn(t, c.DSN())
	l := &failoverLoad{Fixture: n, server: serveOn(n, c.DSN()), seen: map[string]int{}}
	for _, citizen := range n.Linked(citizens, l.server.URL) {
		l.citizens = append(l.citizens, &loadCitizen{Citizen: citizen})
	}
	return l
}

// run starts the citizens.
func (l *failoverLoad) run() {
	l.end = make(chan struct{})
	for _, c := range l.citizens {
		l.running.Go(func() {
			for l.change(c) {
			}
		})
	}
}

// stop waits until every citizen has the final reply to the last request.
func (l *failoverLoad) stop() {
	close(l.end)
	l.running.Wait()
}

func (l *failoverLoad) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[what]++
}

// counted returns how often something was counted.
func (l *failoverLoad) counted(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[what]
}

// change changes a citizen's password once and reports whether to go on.
func (l *failoverLoad) change(c *loadCitizen) bool {
	select {
	case <-l.end:
		return false
	default:
	}
	c.sent++
	opened := l.until(c, c.OpenChange(c.Password).Under(fmt.Sprint("open-", c.sent)))
	if opened.Code != "OK" {
		l.T.Errorf("open: %s", opened.Raw)
		return false
	}
	path, password := cmdtest.ChangeAt(opened), c.NewPassword()
	confirm := cmdtest.ConfirmTo(path, password).Under(fmt.Sprint("confirm-", c.sent))
	asked := time.Now()
	first := sendOnce(c.Citizen, confirm)
	l.count(first.Code)
	if isLater(l.T, first) {
		l.count(toldLater)
		l.checkLater(c, path, first.Code)
	}
	last := first
	if first.Code != "OK" {
		asked = time.Now()
		last = l.until(c, confirm)
	}
	if last.Code != "OK" {
		l.T.Errorf("confirm: first %s, then %s", first.Raw, last.Raw)
		return false
	}
	c.Password = password
	c.acked++
	l.mu.Lock()
	l.acks = append(l.acks, ack{asked, time.Now()})
	l.mu.Unlock()
	return true
}

// until repeats a request until the reply is final.
func (l *failoverLoad) until(c *loadCitizen, r apiclient.Request) (a apiclient.Answer) {
	testenv.Eventually(l.T, r.Path+" is final", func() bool {
		if a = sendOnce(c.Citizen, r); isLater(l.T, a) {
			l.count(toldLater)
			return false
		}
		return true
	})
	return a
}

// checkLater asks what became of a change whose confirmation was answered with code. BUSY
// says that nothing was changed; after RESULT_UNKNOWN both is possible.
func (l *failoverLoad) checkLater(c *loadCitizen, path, code string) {
	state := l.until(c, cmdtest.GetFrom(path)).Text("state")
	l.count(code + ", then " + state)
	if state != "open" && (state != "done" || code == "BUSY") {
		l.T.Errorf("%s, then the state is %s", code, state)
	}
}

// check compares the database with what the citizens were told: every acknowledged change
// is there once, nothing else is, and the password is the last one.
func (l *failoverLoad) check() (acked, lost int) {
	l.T.Helper()
	for _, c := range l.citizens {
		is := dbStateOf(c.Citizen)
		acked += c.acked
		lost += max(0, c.acked-is.Done)
		if is.Done != c.acked {
			l.T.Errorf("%d changes acknowledged, %d in the database", c.acked, is.Done)
		}
		c.Must("OK", c.OpenChange(c.Password))
	}
	checkServer(l.T, l.server)
	return acked, lost
}

// acksAfter returns how many changes were requested and acknowledged after a time, and the
// first acknowledgement of those.
func (l *failoverLoad) acksAfter(begin time.Time) (n int, first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acks {
		if a.asked.Before(begin) {
			continue
		}
		if n++; n == 1 {
			first = a.told
		}
	}
	return n, first
}

// firstAckSince returns the time of the first acknowledgement after a moment.
func (l *failoverLoad) firstAckSince(moment time.Time) (at time.Time) {
	l.T.Helper()
	testenv.Eventually(l.T, "a change is acknowledged", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, a := range l.acks {
			if a.told.After(moment) {
				at = a.told
				return true
			}
		}
		return l.T.Failed()
	})
	return at
}

// awaitAcks waits for further acknowledgements.
func (l *failoverLoad) awaitAcks(more int) {
	l.T.Helper()
	begin := time.Now()
	testenv.Eventually(l.T, "more changes", func() bool { n, _ := l.acksAfter(begin); return n >= more || l.T.Failed() })
}
