package e2e

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// A busy citizen changes the password again and again, and believes only what
// the server says.
type changer struct {
	*cmdtest.Citizen
	confirmed int          // changes the server confirmed
	found     atomic.Int64 // changes the server confirmed when it was asked
	codes     map[string]int
	last      atomic.Int64 // time of the last OK
	later     atomic.Int64 // time of the last answer to come back later
}

// live changes passwords until end.
func (b *changer) run(t *testing.T, end *atomic.Bool) {
	for !end.Load() {
		a := b.sendUntilOK(t, func() apiclient.Request { return b.OpenChange(b.Password) })
		if a.Code != "OK" {
			return
		}
		b.Change = cmdtest.ChangeAt(a)
		b.confirmNew(t)
		time.Sleep(thinkTime)
	}
}

// thought is a pause of a busy citizen. Without it they would try how fast the
// server hashes, not what it does without a database.
const thinkTime = 300 * time.Millisecond

// insist repeats a request until it is done. Nothing but "later" may come
// between: no citizen has done anything wrong.
func (b *changer) sendUntilOK(t *testing.T, r func() apiclient.Request) apiclient.Answer {
	for {
		a := b.record(sendOnce(b.Citizen, r()))
		if a.Code == "OK" {
			return a
		}
		if !isLater(t, a) {
			t.Errorf("%s: %s", a.Path, a.Raw)
			return a
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// finish confirms a new password. After any other answer than done it asks
// before it tries again.
func (b *changer) confirmNew(t *testing.T) {
	next := b.NewPassword()
	for {
		a := b.record(sendOnce(b.Citizen, cmdtest.ConfirmTo(b.Change, next)))
		if a.Code == "OK" {
			b.Password = next
			b.confirmed++
			return
		}
		if !isLater(t, a) {
			t.Errorf("confirm: %s", a.Raw)
			return
		}
		is := b.sendUntilOK(t, func() apiclient.Request { return cmdtest.GetFrom(b.Change) }).Text("state")
		switch {
		case is == "done" && a.Code == "RESULT_UNKNOWN":
			b.Password = next
			b.found.Add(1)
			return
		case is != "open":
			t.Errorf("told %s, then %q", a.Code, is)
			return
		}
	}
}

func (b *changer) record(a apiclient.Answer) apiclient.Answer {
	b.codes[a.Code]++
	if a.Code == "OK" {
		b.last.Store(time.Now().UnixNano())
	} else {
		b.later.Store(time.Now().UnixNano())
	}
	return a
}

// A crowd is busy at the same time.
type changers []*changer

// awaitServed waits until everybody got what they asked for.
func (all changers) awaitServed(t *testing.T, since time.Time) {
	t.Helper()
	testenv.Eventually(t, "everybody is served", func() bool {
		return !slices.ContainsFunc(all, func(b *changer) bool { return b.last.Load() < since.UnixNano() })
	})
}

// awaitToldLater waits until everybody was told to come back.
func (all changers) awaitRetryLater(t *testing.T, since time.Time) {
	t.Helper()
	testenv.Eventually(t, "everybody is told to come back", func() bool {
		return !slices.ContainsFunc(all, func(b *changer) bool { return b.later.Load() < since.UnixNano() })
	})
}

// TestDatabaseRestarts stops PostgreSQL under load in every way there is and
// starts it again, on a line that now and then loses the answer to a COMMIT. No
// acknowledged change is lost, and none happens twice.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	dir := postgresDir(t)
	pg := startPostgres(t, dir)
	n := newFixtureOn(t, pg.DSN(""))
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	var all changers
	for _, c := range n.Linked(8, server.URL) {
		all = append(all, &changer{Citizen: c, codes: map[string]int{}})
	}
	stopAll := all.begin(t, proxy)
	defer stopAll()
	all.awaitServed(t, time.Now())
	for _, stop := range []struct {
		name string
		do   func() error
		long bool // away until everybody has noticed
	}{
		{"fast", func() error { return pg.Close() }, false},
		{"immediate", func() error { return syscall.Kill(pg.Pid(), syscall.SIGQUIT) }, false},
		{"killed", func() error { return pg.Kill() }, true},
	} {
		away := time.Now()
		cmdtest.NoError(t, stop.do())
		<-pg.Done()
		awaitReady(t, server, http.StatusServiceUnavailable)
		if stop.long {
			all.awaitRetryLater(t, away)
		}
		if got := probe(server, "/healthz"); got != http.StatusOK {
			t.Errorf("%s: /healthz is %d", stop.name, got)
		}
		pg.Close()
		pg = startPostgres(t, dir)
		back := time.Now()
		awaitReady(t, server, http.StatusOK)
		all.awaitServed(t, back)
	}
	testenv.Eventually(t, "somebody finds a change done by asking", func() bool {
		return slices.ContainsFunc(all, func(b *changer) bool { return b.found.Load() > 0 })
	})
	stopAll()
	all.check(t)
	checkServer(t, server)
}

// begin lets everybody live until rest is called, on a line with a trap every
// now and then.
func (all changers) begin(t *testing.T, proxy *proxy) (stopAll func()) {
	var end atomic.Bool
	var wg sync.WaitGroup
	for _, b := range all {
		wg.Go(func() { b.run(t, &end) })
	}
	wg.Go(func() {
		for i := 0; !end.Load(); i++ {
			proxy.set("SET state = 'done'", []faultPoint{afterCommit, beforeCommit, inStatement}[i%3], nil)
			time.Sleep(300 * time.Millisecond)
		}
	})
	return func() {
		end.Store(true)
		wg.Wait()
		proxy.disarm()
	}
}

// check compares what everybody was told with what stands.
func (all changers) check(t *testing.T) {
	t.Helper()
	codes, confirmed, found := map[string]int{}, 0, 0
	for _, b := range all {
		b.checkVersion(t)
		for code, k := range b.codes {
			codes[code] += k
		}
		confirmed, found = confirmed+b.confirmed, found+int(b.found.Load())
	}
	t.Logf("%d changes confirmed and %d found by asking; answers %v", confirmed, found, codes)
	if codes["BUSY"] == 0 || found == 0 {
		t.Error("nobody noticed that anything was broken")
	}
}

// checkBelief compares what the citizen was told with what stands.
func (b *changer) checkVersion(t *testing.T) {
	t.Helper()
	if got := dbStateOf(b.Citizen); got.Version != 1+b.confirmed+int(b.found.Load()) {
		t.Errorf("told of %d changes and found %d by asking, but %+v", b.confirmed, b.found.Load(), got)
	}
	b.Want("OK", b.OpenChange(b.Password))
}
