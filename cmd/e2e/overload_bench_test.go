package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/document"
)

// A workload is owners who change their passwords and equally many strangers who try
// passwords, as fast as the server allows.
type workload struct {
	owners, strangers  []*cmdtest.Citizen
	readers            []*cmdtest.Citizen // send requests without hashing, without a pause
	respectRetryAfter  bool               // wait for retry_after; otherwise retry at once
	stop               atomic.Bool
	changed, attempted atomic.Int64
	busy               atomic.Int64
}

// send repeats a request that gets BUSY.
func (w *workload) send(c *cmdtest.Citizen, r apiclient.Request) (apiclient.Answer, bool) {
	for !w.stop.Load() {
		a, err := c.Do(c.Fixture.T.Context(), r)
		if err != nil {
			c.Fixture.T.Errorf("%s: %v", r.Path, err)
			return a, false
		}
		if a.Code != "BUSY" && a.Code != "RESULT_UNKNOWN" {
			return a, true
		}
		w.busy.Add(1)
		var reply struct {
			After int `json:"retry_after"`
		}
		if json.Unmarshal(a.Raw, &reply) != nil || reply.After < 1 {
			c.Fixture.T.Errorf("BUSY without a time: %s", a.Raw)
		}
		for end := time.Now().Add(time.Duration(reply.After) * time.Second); w.respectRetryAfter && time.Now().Before(end) && !w.stop.Load(); {
			time.Sleep(50 * time.Millisecond)
		}
	}
	return apiclient.Answer{}, false
}

func (w *workload) change(c *cmdtest.Citizen) {
	for {
		a, ok := w.send(c, c.OpenChange(c.Password))
		if !ok {
			return
		}
		next := c.NewPassword()
		confirm := cmdtest.ConfirmTo(cmdtest.ChangeAt(a), next)
		if a.Code == "OK" {
			a, ok = w.send(c, confirm)
		}
		switch {
		case !ok:
			return
		case a.Code != "OK":
			c.Fixture.T.Errorf("%s: %s", a.Path, a.Raw)
			return
		}
		c.Password = next
		w.changed.Add(1)
	}
}

// attack makes attempts at a person who does not exist, always the same one.
func (w *workload) attack(c *cmdtest.Citizen) {
	r := c.Link()
	r.Body.(apiclient.Fields)["id_number"] = "99010119011231001" + document.CheckDigit("99010119011231001")
	for {
		a, ok := w.send(c, r)
		switch {
		case !ok:
			return
		case a.Code != "LINK_REFUSED":
			c.Fixture.T.Errorf("%s: %s", a.Path, a.Raw)
			return
		}
		w.attempted.Add(1)
	}
}

func (w *workload) read(c *cmdtest.Citizen) {
	for !w.stop.Load() {
		c.Must("OK", cmdtest.GetFrom("/v1/password"))
	}
}

// A measurement is the result of a workload.
type measurement struct {
	changes, attempts, busy float64 // a second
	requests                []time.Duration
	peak                    float64 // MB
	server, callers         float64 // cores used
}

// measure runs a workload and measures it once it is running.
func (w *workload) measure(server *process, reader *cmdtest.Citizen, long time.Duration) measurement {
	var wg sync.WaitGroup
	for _, c := range w.owners {
		wg.Go(func() { w.change(c) })
	}
	for _, c := range w.strangers {
		wg.Go(func() { w.attack(c) })
	}
	for _, c := range w.readers {
		wg.Go(func() { w.read(c) })
	}
	time.Sleep(3*time.Second + time.Duration(len(w.owners))*50*time.Millisecond) // in which all of them open a change, and then confirm it
	server.forgetPeak()
	begun, cpu, own := time.Now(), server.cpu(), ownCPU()
	changed, attempted, busy := w.changed.Load(), w.attempted.Load(), w.busy.Load()
	var l measurement
	for time.Since(begun) < long {
		l.requests = append(l.requests, timeOf(reader))
	}
	took := time.Since(begun).Seconds()
	l.changes, l.attempts = float64(w.changed.Load()-changed)/took, float64(w.attempted.Load()-attempted)/took
	l.busy, l.peak = float64(w.busy.Load()-busy)/took, server.peakMB()
	l.server, l.callers = (server.cpu()-cpu)/took, (ownCPU()-own)/took
	w.stop.Store(true)
	wg.Wait()
	return l
}

// changesPerCore returns the changes by the processor time that server and callers got,
// because other processes may use the machine, too.
func (l measurement) changesPerCore() float64 { return l.changes / (l.server + l.callers) }

// ownCPU returns the processor time of this process, which is that of the callers, in
// seconds.
func ownCPU() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // zero if it fails
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// timeOf measures GET /v1/password and then pauses.
func timeOf(c *cmdtest.Citizen) time.Duration {
	begun := time.Now()
	c.Must("OK", cmdtest.GetFrom("/v1/password"))
	took := time.Since(begun)
	time.Sleep(4 * time.Millisecond)
	return took
}

// cpu returns the processor time that the server has used, in seconds (Linux, proc(5)).
func (p *process) cpu() float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	_, rest, _ := strings.Cut(string(raw), ") ")
	var user, system float64
	if all := strings.Fields(rest); len(all) > 12 {
		fmt.Sscan(all[11], &user)
		fmt.Sscan(all[12], &system)
	}
	return (user + system) / 100
}

// BenchmarkOverload compares, alternately, the changes per second of 8 callers with those
// of 64, 256 and 512 callers, who retry a BUSY at once or wait for retry_after; half of
// them are owners, half strangers who try passwords. At the same time it measures GET
// /v1/password. The server is a process of its own with production's settings, but
// without rate limits; it, PostgreSQL and the callers share this machine's cores. The 8
// callers are also measured beside 64 readers without a pause.
func BenchmarkOverload(b *testing.B) {
	n := cmdtest.NewOwnFixture(b)
	server := serveOn(n, n.DSN)
	reader := n.Linked(1, server.URL)[0]
	reader.HTTP = keepAlive(b)
	callerCounts := []int{8, 64, 256, 512}
	owners, strangers := n.Linked(256, server.URL), n.AddCitizens(256, server.URL)
	for i := range owners {
		strangers[i].MustLogIn()
		owners[i].HTTP, strangers[i].HTTP = keepAlive(b), keepAlive(b)
	}
	all := map[string][]measurement{}
	var idle []time.Duration
	for b.Loop() {
		for range 500 {
			idle = append(idle, timeOf(reader))
		}
		workloads := map[string]*workload{"impatient/8+64-readers": {owners: owners[:4], strangers: strangers[:4], readers: owners[4:68]}}
		names := []string{"impatient/8+64-readers"}
		for _, mode := range []string{"impatient", "heeding"} {
			for _, k := range callerCounts {
				name := fmt.Sprintf("%s/%d", mode, k)
				names = append(names, name)
				workloads[name] = &workload{owners: owners[:k/2], strangers: strangers[:k/2], respectRetryAfter: mode == "heeding"}
			}
		}
		for _, name := range names {
			l := workloads[name].measure(server, reader, 10*time.Second)
			all[name] = append(all[name], l)
			b.Logf("%-22s %5.1f changes/s (%4.1f a core), %5.1f attempts/s, %6.0f BUSY/s, p99 %5.1f ms beside %.1f idle, server %.2f cores, callers %.2f, %3.0f MB",
				name, l.changes, l.changesPerCore(), l.attempts, l.busy, p99ms(l.requests), p99ms(idle), l.server, l.callers, l.peak)
		}
	}
	report(b, all, p99ms(idle))
}

// report prints the median of each workload relative to that of 8 callers in the same
// mode.
func report(b *testing.B, all map[string][]measurement, idle float64) {
	b.ReportMetric(idle, "p99-ms/idle")
	b.ReportMetric(0, "ns/op")
	peak := 0.0
	for name, loads := range all {
		mode, _, _ := strings.Cut(name, "/")
		eight := middle(all[mode+"/8"], func(l measurement) float64 { return l.changes })
		b.ReportMetric(middle(loads, func(l measurement) float64 { return l.changes })/eight, "of-8/"+name)
		b.ReportMetric(middle(loads, measurement.changesPerCore)/middle(all[mode+"/8"], measurement.changesPerCore), "of-8-a-core/"+name)
		b.ReportMetric(middle(loads, func(l measurement) float64 { return p99ms(l.requests) })/idle, "p99-x-idle/"+name)
		for _, l := range loads {
			peak = max(peak, l.peak)
		}
	}
	b.ReportMetric(peak, "peak-MB")
}

func middle(loads []measurement, of func(measurement) float64) float64 {
	var values []float64
	for _, l := range loads {
		values = append(values, of(l))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
