package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A busy citizen changes the password again and again, and believes only what
// the server says.
type busy struct {
	*citizen
	acked int // changes the server confirmed
	asked int // changes the server confirmed when it was asked
	codes map[string]int
	worst time.Duration
	last  atomic.Int64 // time of the last OK
}

// live changes passwords until end.
func (b *busy) live(t *testing.T, end *atomic.Bool) {
	for !end.Load() {
		a := b.insist(t, func() request { return b.openChange(b.Password) })
		if a.Code != "OK" {
			return
		}
		b.change = changeAt(a)
		b.finish(t)
		time.Sleep(thought)
	}
}

// thought is a pause of a busy citizen. Without it they would try how fast the
// server hashes, not what it does without a database.
const thought = 300 * time.Millisecond

// insist repeats a request until it is done. Nothing but "later" may come
// between: no citizen has done anything wrong.
func (b *busy) insist(t *testing.T, r func() request) answer {
	for {
		a := b.note(b.ask(r()))
		if a.Code == "OK" {
			return a
		}
		if !isLater(t, a) {
			t.Errorf("%s: %s", a.path, a.raw)
			return a
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// finish confirms a new password. After any other answer than done it asks
// before it tries again.
func (b *busy) finish(t *testing.T) {
	next := b.newPassword()
	for {
		a := b.note(b.ask(confirmTo(b.change, next)))
		if a.Code == "OK" {
			b.Password = next
			b.acked++
			return
		}
		if !isLater(t, a) {
			t.Errorf("confirm: %s", a.raw)
			return
		}
		is := b.insist(t, func() request { return getFrom(b.change) }).text("state")
		switch {
		case is == "done" && a.Code == "RESULT_UNKNOWN":
			b.Password = next
			b.asked++
			return
		case is != "open":
			t.Errorf("told %s, then %q", a.Code, is)
			return
		}
	}
}

func (b *busy) note(a answer) answer {
	b.codes[a.Code]++
	b.worst = max(b.worst, a.took)
	if a.Code == "OK" {
		b.last.Store(time.Now().UnixNano())
	}
	return a
}

// A crowd is busy at the same time.
type crowd []*busy

// awaitServed waits until everybody got what they asked for.
func (all crowd) awaitServed(t *testing.T, since time.Time) {
	t.Helper()
	for _, b := range all {
		for b.last.Load() < since.UnixNano() {
			if time.Since(since) > recovery {
				t.Errorf("nothing works for a citizen, %v after the start", recovery)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// TestDatabaseRestarts stops PostgreSQL under load in every way there is and
// starts it again, on a line that now and then loses the answer to a COMMIT. No
// acknowledged change is lost, and none happens twice.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	dir := postgresDir(t)
	pg := startPostgres(t, dir)
	n := newTownOn(t, pg.DSN(""))
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	var all crowd
	for _, c := range n.linked(8, server.URL) {
		all = append(all, &busy{citizen: c, codes: map[string]int{}})
	}
	rest := all.begin(t, tap)
	defer rest()
	time.Sleep(time.Second)
	for _, stop := range []struct {
		name string
		do   func() error
		away time.Duration
	}{
		{"fast", func() error { return pg.Close() }, 200 * time.Millisecond},
		{"immediate", func() error { return syscall.Kill(pg.Pid(), syscall.SIGQUIT) }, time.Second},
		{"killed", func() error { return pg.Kill() }, 5500 * time.Millisecond},
	} {
		noError(t, stop.do())
		<-pg.Done()
		awaitReady(t, server, http.StatusServiceUnavailable)
		time.Sleep(stop.away)
		if got := probe(server, "/healthz"); got != http.StatusOK {
			t.Errorf("%s: /healthz is %d", stop.name, got)
		}
		pg.Close()
		pg = startPostgres(t, dir)
		back := time.Now()
		awaitReady(t, server, http.StatusOK)
		all.awaitServed(t, back)
		t.Logf("%s: everybody served %v after the start", stop.name, time.Since(back).Round(time.Millisecond))
	}
	rest()
	all.check(t)
	checkServer(t, server)
}

// begin lets everybody live until rest is called, on a line with a trap every
// now and then.
func (all crowd) begin(t *testing.T, tap *tap) (rest func()) {
	var end atomic.Bool
	var wg sync.WaitGroup
	for _, b := range all {
		wg.Go(func() { b.live(t, &end) })
	}
	wg.Go(func() {
		for i := 0; !end.Load(); i++ {
			tap.set("SET state = 'done'", []moment{afterCommit, beforeCommit, inStatement}[i%3], nil)
			time.Sleep(300 * time.Millisecond)
		}
	})
	return func() {
		end.Store(true)
		wg.Wait()
		tap.disarm()
	}
}

// check compares what everybody was told with what stands.
func (all crowd) check(t *testing.T) {
	t.Helper()
	codes, acked, asked, worst := map[string]int{}, 0, 0, time.Duration(0)
	for _, b := range all {
		b.checkBelief(t)
		for code, k := range b.codes {
			codes[code] += k
		}
		acked, asked, worst = acked+b.acked, asked+b.asked, max(worst, b.worst)
	}
	t.Logf("%d changes confirmed and %d found by asking; answers %v, the slowest after %v", acked, asked, codes, worst.Round(time.Millisecond))
	if codes["BUSY"] == 0 || asked == 0 {
		t.Error("nobody noticed that anything was broken")
	}
}

// checkBelief compares what the citizen was told with what stands.
func (b *busy) checkBelief(t *testing.T) {
	t.Helper()
	if got := b.truth(); got.Version != 1+b.acked+b.asked {
		t.Errorf("told of %d changes and found %d by asking, but %+v", b.acked, b.asked, got)
	}
	b.want("OK", b.openChange(b.Password))
}
