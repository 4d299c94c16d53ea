package argon2id

import (
	"runtime"
	"slices"
	"sync"
)

// A worker computes on a thread of its own with a low priority.
type worker struct {
	arena Arena
	jobs  chan job
}

// A job is a function to run on a worker's thread. done receives the value of its panic,
// or nil.
type job struct {
	do   func(*Arena)
	done chan any
}

// work runs jobs until the pool is closed. It does not unlock its thread, so that the
// runtime ends the thread with it: a thread with a low priority must not serve requests.
func (w *worker) work(nice int, closed <-chan struct{}) {
	runtime.LockOSThread()
	lowerPriority(nice)
	for {
		select {
		case j := <-w.jobs:
			w.run(j)
		case <-closed:
			return
		}
	}
}

// run passes a panic of the job to its caller, because the worker must not end.
func (w *worker) run(j job) {
	beginHash()
	defer func() {
		failed := recover()
		endHash()
		j.done <- failed
	}()
	j.do(&w.arena)
}

// The nice values of the threads. A thread of a request has two and a half times the weight
// of one with niceness. This suffices for requests, which the short slice lets run at once,
// and leaves hashing a share of the cores under a flood of requests; with 12, a weight of
// fourteen, a flood leaves a third of that. BenchmarkOverload measures both. The thread of
// the spare place has twice the weight of the others.
const (
	niceness      = 4
	spareNiceness = 1
)

// procs is shared by the pools of a process: together they compute in at most as many
// places as the pool with the most slots, and raise GOMAXPROCS by as many.
var procs struct {
	sync.Mutex
	slots   []int // of the open pools
	raised  int   // increase of GOMAXPROCS
	running int   // hashes being computed
	ended   sync.Cond
}

func init() { procs.ended.L = &procs.Mutex }

// defaultSlots returns the value of GOMAXPROCS without the increase by pools, which
// respects the CPU limit of a container.
func defaultSlots() int {
	procs.Lock()
	defer procs.Unlock()
	return max(1, runtime.GOMAXPROCS(0)-procs.raised)
}

// raiseProcs adds a pool with so many slots.
func raiseProcs(slots int) {
	procs.Lock()
	defer procs.Unlock()
	procs.slots = append(procs.slots, slots)
	adjustProcs()
}

// lowerProcs removes a pool with so many slots.
func lowerProcs(slots int) {
	procs.Lock()
	defer procs.Unlock()
	i := slices.Index(procs.slots, slots)
	procs.slots = slices.Delete(procs.slots, i, i+1)
	adjustProcs()
}

// changeProcs changes the slots of a pool.
func changeProcs(before, now int) {
	procs.Lock()
	defer procs.Unlock()
	procs.slots[slices.Index(procs.slots, before)] = now
	adjustProcs()
}

// adjustProcs changes GOMAXPROCS by the difference, so that changes by others are kept.
// After the first call the runtime no longer follows changes of the CPU limit while the
// program runs.
func adjustProcs() {
	most := 0
	for _, n := range procs.slots {
		most = max(most, n)
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(1, before+most-procs.raised))
	procs.raised = most
	procs.ended.Broadcast()
}

// beginHash waits until the process may compute one more hash. One hash may always run,
// because a worker of a closed pool may still have a job.
func beginHash() {
	procs.Lock()
	defer procs.Unlock()
	for procs.running >= max(1, procs.raised) {
		procs.ended.Wait()
	}
	procs.running++
}

func endHash() {
	procs.Lock()
	defer procs.Unlock()
	procs.running--
	procs.ended.Signal()
}
