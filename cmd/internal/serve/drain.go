package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"fundpass/miniapp-api/httpapi"
)

const (
	purgeEvery = 10 * time.Minute
	drainTime  = 10 * time.Second // for requests under way at the end
)

// Serve answers on the listeners until ctx ends; ops may be nil. Then readiness
// is taken back, and requests under way have drainTime to end. It closes the
// listeners and leaves Close to the caller.
func (a *App) Serve(ctx context.Context, public, ops net.Listener) error {
	var draining atomic.Bool
	failed := make(chan error, 2)
	begin := func(l net.Listener, h http.Handler) *http.Server {
		s := httpapi.HTTPServer(unready(&draining, h), a.log)
		go func() { failed <- s.Serve(l) }()
		return s
	}
	servers := []*http.Server{begin(a.server.Envelopes(public), a.Handler)}
	attrs := []any{"addr", public.Addr().String(), "pid", os.Getpid()}
	if ops != nil {
		servers = append(servers, begin(ops, a.server.OpsHandler()))
		attrs = append(attrs, "ops", ops.Addr().String())
	}
	a.log.Info("listening", attrs...)

	working, rest := context.WithCancel(ctx)
	var workers sync.WaitGroup
	workers.Go(func() { a.purge(working, purgeEvery) })
	workers.Go(func() { a.retain(working, retainFirst, retainEvery) })
	if a.mailer != nil {
		workers.Go(func() { a.mailer.work(working, mailEvery) })
	}
	workers.Go(func() { a.watchExpiry(working, warnEvery) })
	defer workers.Wait()
	defer rest()
	select {
	case err := <-failed:
		return errors.Join(err, shutdown(servers))
	case <-ctx.Done():
	}
	draining.Store(true)
	a.log.Info("draining")
	a.pause(a.Settings.DrainDelay)
	err := shutdown(servers)
	a.log.Info("stopped")
	return err
}

// unready makes /readyz fail once draining is set: the check of the database is
// asked under a context that has ended, so that the reply is the API's own.
func unready(draining *atomic.Bool, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() && r.URL.Path == "/readyz" {
			ended, end := context.WithCancel(r.Context())
			end()
			r = r.WithContext(ended)
		}
		api.ServeHTTP(w, r)
	})
}

// shutdown ends all servers side by side; what does not end in time is cut off.
func shutdown(servers []*http.Server) error {
	ctx, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	done := make(chan error, len(servers))
	for _, s := range servers {
		go func() {
			err := s.Shutdown(ctx)
			if err != nil {
				err = errors.Join(fmt.Errorf("requests were cut off: %w", err), s.Close())
			}
			done <- err
		}()
	}
	var all []error
	for range servers {
		all = append(all, <-done)
	}
	return errors.Join(all...)
}

// purge deletes what can no longer matter, from time to time.
func (a *App) purge(ctx context.Context, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.DB.Purge(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("nothing purged", "err", err)
		}
		a.updateRefusalFloor(ctx)
	}
}

// updateRefusalFloor makes refusals of a link take as long as the costliest old digest.
func (a *App) updateRefusalFloor(ctx context.Context) {
	if err := a.service.UpdateRefusalFloor(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("time of refusals not renewed", "err", err)
	}
}
