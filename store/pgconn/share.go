package pgconn

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// errShareClosed reports a call on a share after Close.
var errShareClosed = fmt.Errorf("%w: share of the pool is closed", ErrUnavailable)

// Share returns a view of the pool that uses at most n of its connections at once. Further
// callers wait in the order in which they come, and outside the queue for connections: a
// share whose callers pile up delays the others by no more than the n that it uses. A call
// within a transaction must not take a second connection, because it may wait for itself.
func (p *Pool) Share(n int) *Pool {
	n = max(1, n)
	return &Pool{connections: p.connections, seats: newSeats(n), ownWriters: newSeats(writersOf(n))}
}

func newSeats(n int) *seats {
	return &seats{used: make(chan struct{}, n), closed: make(chan struct{})}
}

// seats bounds the connections that a share uses; nil has no bound. The channel used holds
// one value for each connection in use.
type seats struct {
	used   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// take waits for a seat, until ctx ends or the share is closed.
func (s *seats) take(ctx context.Context) error {
	if s == nil {
		return nil
	}
	select {
	case <-s.closed: // also if there is a seat
		return errShareClosed
	default:
	}
	select {
	case s.used <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return errShareClosed
	}
}

func (s *seats) giveBack() {
	if s != nil {
		<-s.used
	}
}

// close refuses further callers and waits up to 5 s until all seats are given back, which
// includes those of commits without a waiting caller.
func (s *seats) close() {
	s.once.Do(func() {
		close(s.closed)
		limit := time.NewTimer(closeTimeout)
		defer limit.Stop()
		for range cap(s.used) {
			select {
			case s.used <- struct{}{}:
			case <-limit.C:
				return
			}
		}
	})
}
