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

// A changer is a citizen who changes the password repeatedly and relies only on the
// server's replies.
type changer struct {
	*cmdtest.Citizen
	confirmed int          // changes the server confirmed
	found     atomic.Int64 // changes found confirmed by a query
	codes     map[string]int
	last      atomic.Int64 // time of the last OK
	later     atomic.Int64 // time of the last reply to retry later
}

// run changes passwords until end is set.
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

// thinkTime is the pause of a changer. Without it the test would measure the speed of
// hashing.
const thinkTime = 300 * time.Millisecond

// sendUntilOK repeats a request until it succeeds. Other replies may only be to retry
// later, because no citizen does anything wrong.
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

// confirmNew confirms a new password. After any reply other than OK it queries the state
// before it retries.
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
			t.Errorf("reply %s, then state %q", a.Code, is)
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

// changers run concurrently.
type changers []*changer

// awaitServed waits until every changer got an OK.
func (all changers) awaitServed(t *testing.T, since time.Time) {
	t.Helper()
	testenv.Eventually(t, "all requests succeed", func() bool {
		return !slices.ContainsFunc(all, func(b *changer) bool { return b.last.Load() < since.UnixNano() })
	})
}

// awaitRetryLater waits until every changer got a reply to retry later.
func (all changers) awaitRetryLater(t *testing.T, since time.Time) {
	t.Helper()
	testenv.Eventually(t, "all replies are to retry later", func() bool {
		return !slices.ContainsFunc(all, func(b *changer) bool { return b.later.Load() < since.UnixNano() })
	})
}

// TestDatabaseRestarts stops PostgreSQL under load in several ways and starts it again,
// over a proxy that sometimes loses the reply to a COMMIT. No confirmed change may be
// lost, and none may happen twice.
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
		long bool // down until all replies are to retry later
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
	testenv.Eventually(t, "a query finds a change done", func() bool {
		return slices.ContainsFunc(all, func(b *changer) bool { return b.found.Load() > 0 })
	})
	stopAll()
	all.check(t)
	checkServer(t, server)
}

// begin runs all changers, with a fault of the proxy from time to time, until the
// returned function is called.
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

// check compares what was confirmed with the database.
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
	t.Logf("%d changes confirmed and %d found by a query; replies %v", confirmed, found, codes)
	if codes["BUSY"] == 0 || found == 0 {
		t.Error("no reply shows that the database was down")
	}
}

// checkVersion compares the confirmed changes with the database.
func (b *changer) checkVersion(t *testing.T) {
	t.Helper()
	if got := dbStateOf(b.Citizen); got.Version != 1+b.confirmed+int(b.found.Load()) {
		t.Errorf("%d changes confirmed and %d found by a query, but %+v", b.confirmed, b.found.Load(), got)
	}
	b.Want("OK", b.OpenChange(b.Password))
}
