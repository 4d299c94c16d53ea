package passwd

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
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// callers is the load of the benchmarks: far more than there are slots.
const callers = 64

// storm keeps callers hashing until stop is called, which returns hashes a second.
func storm(n int, hash func()) (stop func() float64) {
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
	argon2.IDKey([]byte("secret words"), make([]byte, saltSize), defaultTime, defaultMemory, 1, tagSize)
}

// viaHasher verifies, and tries again when it is shed.
func viaHasher(b *testing.B, h *Hasher) func() {
	return func() {
		for {
			_, _, err := h.Verify(b.Context(), h.dummy, NewSecret("secret words"))
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

// BenchmarkThroughput compares the Hasher under 64 callers with x/crypto called
// by as many goroutines as there are processors, in turns.
func BenchmarkThroughput(b *testing.B) {
	const turn = time.Second
	var ratios, rates []float64
	for b.Loop() {
		bare := storm(runtime.GOMAXPROCS(0), bareXCrypto)
		time.Sleep(turn)
		bareRate := bare()
		h := NewHasher(HasherConfig{Pepper: newPepper(b), Queue: 2 * callers})
		pooled := storm(callers, viaHasher(b, h))
		time.Sleep(turn)
		rate := pooled()
		h.Close()
		ratios, rates = append(ratios, rate/bareRate), append(rates, rate)
	}
	slices.Sort(ratios)
	slices.Sort(rates)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(rates[len(rates)/2], "hashes/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRequestsBesideHashing measures a small HTTP GET on an idle server,
// beside 64 callers of a Hasher, of a Hasher without its processors, and of
// x/crypto behind a semaphore of as many places.
func BenchmarkRequestsBesideHashing(b *testing.B) {
	b.Run("idle", func(b *testing.B) { measureRequests(b) })
	b.Run("hasher", func(b *testing.B) {
		h := NewHasher(HasherConfig{Pepper: newPepper(b), Queue: 2 * callers})
		defer h.Close()
		defer storm(callers, viaHasher(b, h))()
		measureRequests(b)
	})
	b.Run("hasher without processors", func(b *testing.B) {
		h := NewHasher(HasherConfig{Pepper: newPepper(b), Queue: 2 * callers})
		defer h.Close()
		lowerProcs(h.slots)
		defer raiseProcs(h.slots)
		defer storm(callers, viaHasher(b, h))()
		measureRequests(b)
	})
	b.Run("semaphore", func(b *testing.B) {
		places := make(chan struct{}, runtime.GOMAXPROCS(0))
		defer storm(callers, func() {
			places <- struct{}{}
			bareXCrypto()
			<-places
		})()
		measureRequests(b)
	})
}

// measureRequests reports the median and the 99th percentile of GETs, one every
// three milliseconds for three seconds.
func measureRequests(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	defer server.Close()
	time.Sleep(200 * time.Millisecond)
	var took []time.Duration
	for b.Loop() {
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(3 * time.Millisecond) {
			start := time.Now()
			r, err := server.Client().Get(server.URL)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			r.Body.Close()
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemory reports by how much the resident memory grows under 64
// callers of a Hasher with default cost.
func BenchmarkMemory(b *testing.B) {
	debug.FreeOSMemory()
	before := residentMB(b)
	h := NewHasher(HasherConfig{Pepper: newPepper(b), Queue: 2 * callers})
	defer h.Close()
	var most float64
	for b.Loop() {
		stop := storm(callers, viaHasher(b, h))
		for range 100 {
			time.Sleep(20 * time.Millisecond)
			most = max(most, residentMB(b))
		}
		stop()
	}
	b.ReportMetric(before, "MB-before")
	b.ReportMetric(most, "MB-peak")
	b.ReportMetric(0, "ns/op")
}

// residentMB reads VmRSS, where there is one.
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
	var a arena
	out, salt := make([]byte, tagSize), make([]byte, saltSize)
	for b.Loop() {
		a.key(out, []byte("secret words"), salt, params{defaultMemory, defaultTime, 1})
	}
}

func BenchmarkXCrypto(b *testing.B) {
	for b.Loop() {
		bareXCrypto()
	}
}
