package httpapi

import (
	"context"
	"net/http"
	"sync"
)

// An Active counts the requests that the servers of one centre are answering, so that the centre
// can be removed without cutting them off. The zero value counts none.
type Active struct {
	mu    sync.Mutex
	n     int
	ended bool
	idle  chan struct{} // closed when the last request ends; nil: nobody waits
}

// serve calls h, unless Drain has begun. It reports whether it did.
func (a *Active) serve(h http.Handler, w http.ResponseWriter, r *http.Request) bool {
	a.mu.Lock()
	ended := a.ended
	if !ended {
		a.n++
	}
	a.mu.Unlock()
	if ended {
		return false
	}
	defer a.done()
	h.ServeHTTP(w, r)
	return true
}

func (a *Active) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n--
	if a.n == 0 && a.idle != nil {
		close(a.idle)
		a.idle = nil
	}
}

// Drain refuses further requests and waits until the active ones have ended, or until ctx ends.
// It must be called at most once.
func (a *Active) Drain(ctx context.Context) error {
	a.mu.Lock()
	a.ended = true
	if a.n == 0 {
		a.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	a.idle = idle
	a.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
