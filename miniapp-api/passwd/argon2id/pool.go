package argon2id

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// Errors of a Pool. ErrBusy means that nothing was computed; see BusyError.
var (
	ErrBusy     = errors.New("argon2id: too many callers wait for a place")
	ErrClosed   = errors.New("argon2id: pool is closed")
	ErrReleased = errors.New("argon2id: slot was released")
)

const defaultWait = 2 * time.Second

// Config configures NewPool.
type Config struct {
	Slots int           // keys computed concurrently; 0 means the number of processors
	Wait  time.Duration // maximum wait for a slot; 0 means 2 s
}

// A Pool computes at most Slots keys concurrently. Further callers wait for at most Wait;
// the others get ErrBusy. It uses the memory of Slots keys under any load. Several pools
// of a process compute at most as many keys concurrently as the one with the most slots.
// Tenants share its slots fairly. It is safe for concurrent use.
type Pool struct {
	slots  int
	idle   chan *worker
	spare  chan *worker // of the spare place
	queue  *queue
	line   *line // of callers without a tenant
	closed chan struct{}

	mu     sync.Mutex
	first  string // the name of the first tenant
	named  bool   // there is a tenant
	spared bool   // there is a spare place
	ended  bool   // Close was called
}

// NewPool starts the workers; Close stops them. It raises GOMAXPROCS by the number of
// slots, see the package documentation. It panics if this machine computes argon2id
// incorrectly.
func NewPool(c Config) *Pool {
	selfTest()
	if c.Slots <= 0 {
		c.Slots = defaultSlots()
	}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	p := &Pool{slots: c.Slots, idle: make(chan *worker, c.Slots), spare: make(chan *worker, 1), queue: newQueue(c.Slots, c.Wait, time.Now), closed: make(chan struct{})}
	p.line = p.queue.line("")
	raiseProcs(p.slots)
	for range p.slots {
		p.idle <- p.newWorker(niceness)
	}
	return p
}

// Close stops the workers and lowers GOMAXPROCS again. Running computations are finished;
// later and waiting calls return ErrClosed.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	close(p.closed)
	lowerProcs(p.procs())
}

// Waiting returns the number of callers that wait for a place, of all tenants.
func (p *Pool) Waiting() int { return p.queue.length() }

// A Tenant is one of several users of a Pool, such as a fund centre. Tenants take turns, so
// that a flood of callers of one delays those of another by about one hash, and is refused
// from the tenant's own share. A tenant without competitors has all slots.
type Tenant struct {
	pool *Pool
	line *line
}

// Tenant returns the tenant of a name. Two calls with the same name return the same tenant.
// With the second name the pool gets a spare slot, for a tenant that has none while others
// have all. Its thread has a higher priority than the others, so that a single caller of a
// tenant computes at once and nearly as fast as on an idle machine.
func (p *Pool) Tenant(name string) *Tenant {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.named {
		p.named, p.first = true, name
	}
	if name != p.first && !p.spared && !p.ended {
		changeProcs(p.slots, p.slots+1)
		p.spared = true
		p.spare <- p.newWorker(spareNiceness)
		p.queue.addSpare()
	}
	return &Tenant{p, p.queue.line(name)}
}

// procs returns how many keys the pool computes concurrently.
func (p *Pool) procs() int {
	if p.spared {
		return p.slots + 1
	}
	return p.slots
}

func (p *Pool) newWorker(nice int) *worker {
	w := &worker{jobs: make(chan job)}
	go w.work(nice, p.closed)
	return w
}

// workers returns those of the place of a waiter.
func (p *Pool) workers(t *waiter) chan *worker {
	if t.spare {
		return p.spare
	}
	return p.idle
}

// Waiting returns the number of the tenant's callers that wait for a place.
func (t *Tenant) Waiting() int {
	t.pool.queue.mu.Lock()
	defer t.pool.queue.mu.Unlock()
	return t.line.length()
}

// Reserve is Pool.Reserve for a caller of the tenant. Tenants may have callers of the same
// identity, who are different callers.
func (t *Tenant) Reserve(ctx context.Context, c Caller) (*Slot, error) {
	return t.pool.reserve(ctx, t.line, c)
}

// A Slot is a place in the pool, for one caller at a time.
type Slot struct{ place *place }

// A place is what a Slot holds. It outlives the Slot until it is released.
type place struct {
	pool   *Pool
	worker *worker
	waiter *waiter

	mu       sync.Mutex // held while a function runs in the place
	released bool
	detach   func() bool // stops the release at the end of the context
}

// Reserve reserves a place in the pool, or waits for one, so that a caller is refused
// before anything else is done, such as charging an attempt. The place is returned by
// Release, by the end of ctx unless Detach was called, or by the garbage collector if
// Release was forgotten. Reserve returns a BusyError, which is ErrBusy, if the wait would
// be too long, ErrClosed, or the error of ctx if it ends first.
func (p *Pool) Reserve(ctx context.Context, c Caller) (*Slot, error) {
	return p.reserve(ctx, p.line, c)
}

func (p *Pool) reserve(ctx context.Context, l *line, c Caller) (*Slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := p.queue.enter(l, c)
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
	at := &place{pool: p, worker: <-p.workers(t), waiter: t}
	at.mu.Lock()
	defer at.mu.Unlock()
	at.detach = context.AfterFunc(ctx, at.release)
	s := &Slot{at}
	runtime.AddCleanup(s, (*place).release, at)
	return s
}

// Do runs f in the place, on its thread and with its memory, and waits for it. If f
// panics, Do panics. It returns ErrReleased, ErrClosed or the error of ctx without
// running f.
func (s *Slot) Do(ctx context.Context, f func(*Arena)) error { return s.place.do(ctx, f) }

// Detach makes the slot independent of the context of Reserve, so that a caller that has
// charged for a hash finishes it. It returns false if the context has ended.
func (s *Slot) Detach() bool {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	return s.place.detach()
}

// Release returns the place once no function runs in it. Further calls do nothing.
func (s *Slot) Release() { s.place.release() }

func (p *place) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return
	}
	p.released = true
	p.detach()
	p.pool.workers(p.waiter) <- p.worker
	p.pool.queue.leave(p.waiter)
}

func (p *place) do(ctx context.Context, f func(*Arena)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		if err := ctx.Err(); err != nil { // the end of ctx has released the place
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
