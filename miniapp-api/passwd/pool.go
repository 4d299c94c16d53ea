package passwd

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// A worker hashes on a thread of its own. Together with two settings this keeps
// other requests as fast under a storm of attempts as on an idle server:
//
// GOMAXPROCS is raised by the number of workers, see procs. A hash computes for some 20 ms
// without a pause; with the default setting the workers would hold every one of
// Go's processors, and a request that needs microseconds would wait for the
// scheduler to take one away.
//
// The thread is nice (Linux). More Go processors than cores leave it to the
// kernel to divide the cores, and the kernel then gives a waking request a core
// at once.
//
// BenchmarkRequestsBesideHashing measures both. The thread ends with the worker,
// so that nothing else ever runs on it.
type worker struct {
	arena arena
	jobs  chan job
}

// A job is run on a worker's thread; done gets what it panicked with, or nil.
type job struct {
	do   func(*arena)
	done chan any
}

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

func (w *worker) run(j job) {
	beginHash()
	defer func() {
		failed := recover()
		endHash()
		j.done <- failed
	}()
	j.do(&w.arena)
}

// procs is what the Hashers of a process share: together they hash in no more places
// at once than the one with the most slots, and raise GOMAXPROCS by as many.
var procs struct {
	sync.Mutex
	slots   []int // of every open Hasher
	raised  int   // by how much GOMAXPROCS is raised
	running int   // hashes at this moment
	ended   sync.Cond
}

func init() { procs.ended.L = &procs.Mutex }

// DefaultSlots returns the slots of a Hasher without a wish: the number of processors Go
// was allowed before any Hasher, which heeds the CPU limit of a container.
func DefaultSlots() int {
	procs.Lock()
	defer procs.Unlock()
	return max(1, runtime.GOMAXPROCS(0)-procs.raised)
}

// raiseProcs admits a Hasher with so many slots.
func raiseProcs(slots int) {
	procs.Lock()
	defer procs.Unlock()
	procs.slots = append(procs.slots, slots)
	adjustProcs()
}

// lowerProcs lets a Hasher with so many slots go.
func lowerProcs(slots int) {
	procs.Lock()
	defer procs.Unlock()
	i := slices.Index(procs.slots, slots)
	procs.slots = slices.Delete(procs.slots, i, i+1)
	adjustProcs()
}

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

// beginHash waits until the process may hash once more. A worker of a closed Hasher may
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

// A Slot is a place in the pool, for one caller at a time.
type Slot struct{ place *place }

// A place is what a Slot holds; it outlives the Slot until it is given back.
type place struct {
	hasher *Hasher
	worker *worker
	turn   *turn

	mu       sync.Mutex // held while a hash runs
	released bool
	detach   func() bool // ends the watch on the context
}

// Reserve takes a place in the pool, or waits in the queue for one, so that a
// caller is turned away before anything else is done: before an attempt is charged.
// Release gives it back; so does the end of ctx, unless Detach came first, and the
// garbage collector, if Release was forgotten. Errors: a BusyError, which is ErrBusy, when
// the wait would be too long; ErrClosed; the
// context's when it ends before there is a place.
func (h *Hasher) Reserve(ctx context.Context, c Caller) (*Slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := h.queue.enter(c)
	if err != nil {
		return nil, err
	}
	select {
	case <-t.come:
		return h.slot(ctx, t), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-h.closed:
		err = ErrClosed
	}
	h.queue.leave(t)
	return nil, err
}

func (h *Hasher) slot(ctx context.Context, t *turn) *Slot {
	t.used = true
	p := &place{hasher: h, worker: <-h.idle, turn: t}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detach = context.AfterFunc(ctx, p.release)
	s := &Slot{p}
	runtime.AddCleanup(s, (*place).release, p)
	return s
}

// Detach lets the slot outlive the context it was reserved under: whoever has charged
// for a hash finishes it. It reports false when the context has ended before.
func (s *Slot) Detach() bool {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	return s.place.detach()
}

// Release gives the place back, after a hash that runs in it. Calling it again
// does nothing.
func (s *Slot) Release() { s.place.release() }

func (p *place) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return
	}
	p.released = true
	p.detach()
	p.hasher.idle <- p.worker
	p.hasher.queue.leave(p.turn)
}

// run does f on the worker's thread. If f panics, so does the caller.
func (p *place) run(ctx context.Context, f func(*arena)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		if err := ctx.Err(); err != nil { // it ended since, and took the place with it
			return err
		}
		return ErrReleased
	}
	j := job{f, make(chan any, 1)}
	select {
	case p.worker.jobs <- j:
	case <-p.hasher.closed:
		return ErrClosed
	}
	if failed := <-j.done; failed != nil {
		panic(failed)
	}
	return nil
}
