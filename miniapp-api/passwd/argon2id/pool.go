package argon2id

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// Errors of a Pool. ErrBusy means that nothing was done; see BusyError.
var (
	ErrBusy     = errors.New("argon2id: too many callers wait for a place")
	ErrClosed   = errors.New("argon2id: pool is closed")
	ErrReleased = errors.New("argon2id: slot was released")
)

const defaultWait = 2 * time.Second

// Config configures NewPool.
type Config struct {
	Slots int           // keys computed at once; 0: as many as processors
	Wait  time.Duration // the longest wait for a slot; 0: 2 s
}

// A Pool computes keys in a bounded number of places: Slots at once, others wait as long
// as Wait, everybody else is told ErrBusy. Its memory is that of one key times Slots under
// any load. Several of one process compute no more at once than the one with the most
// slots. It is safe for concurrent use.
type Pool struct {
	slots  int
	idle   chan *worker
	queue  *queue
	closed chan struct{}
	once   sync.Once
}

// NewPool starts the workers; Close stops them. It raises GOMAXPROCS by the number of
// slots, see the package documentation. It panics if this machine computes argon2id wrong.
func NewPool(c Config) *Pool {
	selfTest()
	if c.Slots <= 0 {
		c.Slots = defaultSlots()
	}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	p := &Pool{slots: c.Slots, idle: make(chan *worker, c.Slots), queue: newQueue(c.Slots, c.Wait, time.Now), closed: make(chan struct{})}
	raiseProcs(p.slots)
	for range p.slots {
		w := &worker{jobs: make(chan job)}
		go w.work(p.closed)
		p.idle <- w
	}
	return p
}

// Close stops the workers and gives the extra processors back. Keys that are being
// computed are finished; later calls and those that wait get ErrClosed.
func (p *Pool) Close() {
	p.once.Do(func() {
		close(p.closed)
		lowerProcs(p.slots)
	})
}

// Waiting returns how many callers wait for a place at this moment.
func (p *Pool) Waiting() int { return p.queue.length() }

// A Slot is a place in the pool, for one caller at a time.
type Slot struct{ place *place }

// A place is what a Slot holds; it outlives the Slot until it is given back.
type place struct {
	pool   *Pool
	worker *worker
	waiter *waiter

	mu       sync.Mutex // held while a function runs in the place
	released bool
	detach   func() bool // ends the watch on the context
}

// Reserve takes a place in the pool, or waits in the queue for one, so that a
// caller is turned away before anything else is done: before an attempt is charged.
// Release gives it back; so does the end of ctx, unless Detach came first, and the
// garbage collector, if Release was forgotten. Errors: a BusyError, which is ErrBusy, when
// the wait would be too long; ErrClosed; the context's when it ends before there is a place.
func (p *Pool) Reserve(ctx context.Context, c Caller) (*Slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := p.queue.enter(c)
	if err != nil {
		return nil, err
	}
	select {
	case <-t.ready:
		return p.slot(ctx, t), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.closed:
		err = ErrClosed
	}
	p.queue.leave(t)
	return nil, err
}

func (p *Pool) slot(ctx context.Context, t *waiter) *Slot {
	t.used = true
	at := &place{pool: p, worker: <-p.idle, waiter: t}
	at.mu.Lock()
	defer at.mu.Unlock()
	at.detach = context.AfterFunc(ctx, at.release)
	s := &Slot{at}
	runtime.AddCleanup(s, (*place).release, at)
	return s
}

// Do runs f in the place, on its thread and with its memory, and returns when f does. If f
// panics, so does Do. Errors, before f has run: ErrReleased, ErrClosed, the context's.
func (s *Slot) Do(ctx context.Context, f func(*Arena)) error { return s.place.do(ctx, f) }

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
	p.pool.idle <- p.worker
	p.pool.queue.leave(p.waiter)
}

func (p *place) do(ctx context.Context, f func(*Arena)) error {
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
	case <-p.pool.closed:
		return ErrClosed
	}
	if failed := <-j.done; failed != nil {
		panic(failed)
	}
	return nil
}
