package argon2id

import (
	"runtime"
	"slices"
	"sync"
)

// A worker computes on a thread of its own, which is nice.
type worker struct {
	arena Arena
	jobs  chan job
}

// A job is run on a worker's thread; done gets what it panicked with, or nil.
type job struct {
	do   func(*Arena)
	done chan any
}

// work runs jobs until the pool is closed. It never unlocks its thread, so the runtime ends
// the thread with it: a nice thread must not serve requests.
func (w *worker) work(closed <-chan struct{}) {
	runtime.LockOSThread()
	lowerPriority()
	for {
		select {
		case j := <-w.jobs:
			w.run(j)
		case <-closed:
			return
		}
	}
}

// run hands a panic of the job to its caller: a worker that ended would take its place with
// it.
func (w *worker) run(j job) {
	beginHash()
	defer func() {
		failed := recover()
		endHash()
		j.done <- failed
	}()
	j.do(&w.arena)
}

// procs is what the Pools of a process share: together they compute in no more places
// at once than the one with the most slots, and raise GOMAXPROCS by as many.
var procs struct {
	sync.Mutex
	slots   []int // of every open Pool
	raised  int   // by how much GOMAXPROCS is raised
	running int   // hashes at this moment
	ended   sync.Cond
}

func init() { procs.ended.L = &procs.Mutex }

// defaultSlots returns the number of processors Go was allowed before any Pool, which
// heeds the CPU limit of a container.
func defaultSlots() int {
	procs.Lock()
	defer procs.Unlock()
	return max(1, runtime.GOMAXPROCS(0)-procs.raised)
}

// raiseProcs admits a Pool with so many slots.
func raiseProcs(slots int) {
	procs.Lock()
	defer procs.Unlock()
	procs.slots = append(procs.slots, slots)
	adjustProcs()
}

// lowerProcs lets a Pool with so many slots go.
func lowerProcs(slots int) {
	procs.Lock()
	defer procs.Unlock()
	i := slices.Index(procs.slots, slots)
	procs.slots = slices.Delete(procs.slots, i, i+1)
	adjustProcs()
}

// adjustProcs changes GOMAXPROCS by the difference, so that what somebody else has set since
// stays. From the first call on the runtime no longer follows a limit that is changed while
// the program runs.
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

// beginHash waits until the process may hash once more. A worker of a closed Pool may
// still have a job, so one hash may always run.
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
