package e2e

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
)

// BenchmarkStatusBesideHashing compares the 99th percentile of GET /v1/password on an
// idle server and beside 64 callers that verify their old passwords as fast as the server
// allows. The server is a process of its own with production's settings; it, PostgreSQL
// and the callers share this machine's cores.
func BenchmarkStatusBesideHashing(b *testing.B) {
	n := cmdtest.NewOwnFixture(b)
	server := serveOn(n, n.DSN)
	reader := n.Linked(1, server.URL)[0]
	reader.HTTP = keepAlive(b)
	callers := n.Linked(64, server.URL)
	for _, c := range callers {
		c.HTTP = keepAlive(b)
	}
	sample := func(k int) []time.Duration {
		times := make([]time.Duration, k)
		for i := range times {
			begun := time.Now()
			reader.Must("OK", cmdtest.GetFrom("/v1/password"))
			times[i] = time.Since(begun)
			time.Sleep(2 * time.Millisecond)
		}
		return times
	}
	server.forgetPeak()
	var idle, beside []time.Duration
	var proven atomic.Int64
	var stormy time.Duration
	for b.Loop() {
		idle = append(idle, sample(500)...)
		var stop atomic.Bool
		var wg sync.WaitGroup
		for _, c := range callers {
			wg.Go(func() {
				for !stop.Load() { // the right password, so that the hash is the main cost
					if a := sendOnce(c, c.OpenChange(c.Password)); a.Code == "OK" {
						proven.Add(1)
					} else if isLater(b, a) {
						time.Sleep(2 * time.Second)
					}
				}
			})
		}
		begun := time.Now()
		time.Sleep(500 * time.Millisecond)
		beside = append(beside, sample(500)...)
		stormy += time.Since(begun)
		stop.Store(true)
		wg.Wait()
	}
	b.ReportMetric(p99ms(idle), "p99-ms/idle")
	b.ReportMetric(p99ms(beside), "p99-ms/beside")
	b.ReportMetric(p99ms(beside)/p99ms(idle), "ratio")
	b.ReportMetric(float64(proven.Load())/stormy.Seconds(), "proven/s")
	b.ReportMetric(server.peakMB(), "peak-MB")
}

func keepAlive(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func p99ms(times []time.Duration) float64 {
	slices.Sort(times)
	return times[len(times)*99/100].Seconds() * 1e3
}

// forgetPeak resets peakMB (Linux, proc(5)).
func (p *process) forgetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.Pid), []byte("5"), 0)
}

// peakMB returns the peak of the server's memory in MB.
func (p *process) peakMB() float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	for line := range strings.Lines(string(raw)) {
		var kb float64
		if k, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); k == 1 {
			return kb / 1024
		}
	}
	return 0
}
