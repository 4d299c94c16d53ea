package httpapi_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkOnServer measures changes and reads of the password's status over HTTP with a
// cheap hash, so that most of the work is the database's. Run it on the servers to compare in
// turns, by FUNDPASS_TEST_DATABASE_URL.
func BenchmarkOnServer(b *testing.B) {
	h := newEnv(b)
	const callers = 16
	var people [callers]citizen
	var clients [callers]*client
	for i := range clients {
		people[i] = h.citizen()
		clients[i] = h.linkedClient(people[i])
	}
	var changes atomic.Int64
	for name, do := range map[string]func(i int){
		"reads":   func(i int) { clients[i].get("/v1/password").want(b, "OK") },
		"changes": func(i int) { changeOnce(h, clients[i], &people[i], inWords(int(changes.Add(1))), new(atomic.Int64)) },
	} {
		for _, n := range []int{1, callers} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, n), func(b *testing.B) {
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				for i := range n {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							do(i)
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), name+"/s")
			})
		}
	}
}
