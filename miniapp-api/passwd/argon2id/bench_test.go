package argon2id

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// This command measures the pool:
//
//	go test ./miniapp-api/passwd/argon2id -run xxx -bench 'Throughput|Requests|Memory'
//
// Expected with 64 callers on two idle cores: x-bare at least 0.95, x-idle-pool at most 5, x-120MB
// under 1. x-bare-cpu is x-bare by processor time, which is meaningful on a busy machine, too.

// usual is the cost of a password hash.
var usual = Params{Memory: 19 << 10, Time: 2, Threads: 1}

// callers is the number of callers in the benchmarks, far more than there are slots.
const callers = 64

// startLoad hashes in n goroutines until the returned function is called, which returns
// the hashes per second.
func startLoad(n int, hash func()) (stop func() float64) {
	var done atomic.Int64
	var end atomic.Bool
	var wg sync.WaitGroup
	start := time.Now()
	for range n {
		wg.Go(func() {
			for !end.Load() {
				hash()
				if !end.Load() {
					done.Add(1)
				}
			}
		})
	}
	return func() float64 {
		took := time.Since(start).Seconds()
		end.Store(true)
		rate := float64(done.Load()) / took
		wg.Wait()
		return rate
	}
}

func bareXCrypto() {
	argon2.IDKey([]byte("secret words"), []byte("somesaltsomesalt"), usual.Time, usual.Memory, 1, keySize)
}

// viaPool returns a function that computes a key in the pool and retries while it is
// busy.
func viaPool(b *testing.B, p *Pool) func() {
	return func() {
		for {
			s, err := p.Reserve(b.Context(), Caller{})
			if err == nil {
				err = s.Do(b.Context(), func(a *Arena) { arenaKey(a, []byte("secret words"), []byte("somesaltsomesalt"), usual) })
				s.Release()
			}
			if err == nil {
				return
			}
			if !errors.Is(err, ErrBusy) {
				b.Error(err)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// BenchmarkThroughput compares, alternately, a Pool with 64 callers and x/crypto with as
// many goroutines as processors.
func BenchmarkThroughput(b *testing.B) {
	const interval = time.Second
	var ratios, costs, rates []float64
	for b.Loop() {
		begun := processorTime(b)
		bare := startLoad(runtime.GOMAXPROCS(0), bareXCrypto)
		time.Sleep(interval)
		bareCost := processorTime(b) - begun
		bareRate := bare()
		p := NewPool(Config{Wait: time.Minute})
		begun = processorTime(b)
		pooled := startLoad(callers, viaPool(b, p))
		time.Sleep(interval)
		cost := processorTime(b) - begun
		rate := pooled()
		p.Close()
		ratios, rates = append(ratios, rate/bareRate), append(rates, rate)
		costs = append(costs, (bareCost.Seconds()/bareRate)/(cost.Seconds()/rate))
	}
	slices.Sort(ratios)
	slices.Sort(costs)
	slices.Sort(rates)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(costs[len(costs)/2], "x-bare-cpu")
	b.ReportMetric(rates[len(rates)/2], "hashes/s")
	b.ReportMetric(0, "ns/op")
}

// processorTime returns the processor time that this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRequestsBesideHashing measures, alternately, the 99th percentile of a small
// HTTP GET on an idle server, with 64 callers of a Pool, with a Pool without its extra
// processors, and with x/crypto behind a semaphore of the same size. x-idle are the
// ratios to the first.
func BenchmarkRequestsBesideHashing(b *testing.B) {
	took := map[string][]time.Duration{}
	for b.Loop() {
		took["idle"] = append(took["idle"], requests(b)...)
		p := NewPool(Config{Wait: time.Minute})
		stop := startLoad(callers, viaPool(b, p))
		took["pool"] = append(took["pool"], requests(b)...)
		lowerProcs(p.slots)
		took["no-procs"] = append(took["no-procs"], requests(b)...)
		raiseProcs(p.slots)
		stop()
		p.Close()
		places := make(chan struct{}, runtime.GOMAXPROCS(0))
		stop = startLoad(callers, func() { places <- struct{}{}; bareXCrypto(); <-places })
		took["semaphore"] = append(took["semaphore"], requests(b)...)
		stop()
	}
	idle := p99(took["idle"])
	b.ReportMetric(idle, "p99-idle-µs")
	for _, name := range []string{"pool", "no-procs", "semaphore"} {
		b.ReportMetric(p99(took[name]), "p99-"+name+"-µs")
		b.ReportMetric(p99(took[name])/idle, "x-idle-"+name)
	}
	b.ReportMetric(0, "ns/op")
}

func p99(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)*99/100].Microseconds())
}

// requests sends a GET every three milliseconds for a second and a half.
func requests(b *testing.B) (took []time.Duration) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	defer server.Close()
	time.Sleep(200 * time.Millisecond)
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); time.Sleep(3 * time.Millisecond) {
		start := time.Now()
		r, err := server.Client().Get(server.URL)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		took = append(took, time.Since(start))
	}
	return took
}

// BenchmarkMemory measures the growth of the resident memory with 64 callers of a Pool at
// the usual cost.
func BenchmarkMemory(b *testing.B) {
	debug.FreeOSMemory()
	before := residentMB(b)
	p := NewPool(Config{Wait: time.Minute})
	defer p.Close()
	var most float64
	for b.Loop() {
		stop := startLoad(callers, viaPool(b, p))
		for range 100 {
			time.Sleep(20 * time.Millisecond)
			most = max(most, residentMB(b))
		}
		stop()
	}
	b.ReportMetric(before, "MB-before")
	b.ReportMetric(most, "MB-peak")
	b.ReportMetric(most/120, "x-120MB")
	b.ReportMetric(0, "ns/op")
}

// residentMB returns VmRSS and skips the benchmark if /proc is missing.
func residentMB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("needs /proc")
	}
	var kB float64
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	if _, err := fmt.Sscan(string(rest), &kB); err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}

func BenchmarkArena(b *testing.B) {
	var a Arena
	for b.Loop() {
		arenaKey(&a, []byte("secret words"), []byte("somesaltsomesalt"), usual)
	}
}

func BenchmarkXCrypto(b *testing.B) {
	for b.Loop() {
		bareXCrypto()
	}
}
