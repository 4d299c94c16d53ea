package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fundpass/miniapp-api/httpapi"
)

const (
	purgeEvery = 10 * time.Minute
	drainTime  = 10 * time.Second // for active requests when the server stops
)

// Listeners are where an App answers. All but Public may be nil.
type Listeners struct{ Public, Ops, Website, Mobile net.Listener }

// Serve serves the listeners until ctx ends. It then reports not ready,
// waits Settings.DrainDelay, and gives active requests drainTime to end. It closes the
// listeners; the caller calls Close.
func (a *App) Serve(ctx context.Context, on Listeners) error {
	e := endpoints{public: endpoint{a.Handler, a.server.Envelopes}, ops: endpoint{handler: a.server.OpsHandler()}}
	if on.Website != nil {
		e.website.handler = a.website.Handler()
	}
	if on.Mobile != nil {
		e.mobile = endpoint{a.mobile.handler, a.mobile.server.Envelopes}
	}
	return e.serve(ctx, on, a.log, a.startWorkers, func() { a.pause(a.Settings.DrainDelay) })
}

// An endpoint answers on one listener.
type endpoint struct {
	handler   http.Handler
	envelopes func(net.Listener) net.Listener // nil: none
}

// endpoints answer on the listeners of a process.
type endpoints struct{ public, ops, website, mobile endpoint }

// serve serves the listeners that are open until ctx ends. Beside them runs what start starts.
// pause waits before a stopping server refuses connections.
func (e endpoints) serve(ctx context.Context, on Listeners, log *slog.Logger, start func(context.Context) (stop func()), pause func()) error {
	var draining atomic.Bool
	failed := make(chan error, 4)
	var serving sync.WaitGroup // until each listener is closed
	defer serving.Wait()
	var servers []*http.Server
	attrs := []any{"addr", on.Public.Addr().String(), "pid", os.Getpid()}
	for _, one := range []struct {
		name string
		on   net.Listener
		endpoint
	}{{"", on.Public, e.public}, {"ops", on.Ops, e.ops}, {"website", on.Website, e.website}, {"mobile", on.Mobile, e.mobile}} {
		if one.on == nil {
			continue
		}
		l := one.on
		if one.envelopes != nil {
			l = one.envelopes(l)
		}
		if one.name != "" {
			attrs = append(attrs, one.name, l.Addr().String())
		}
		s := httpapi.HTTPServer(unready(&draining, one.handler), log)
		serving.Go(func() { failed <- s.Serve(l) })
		servers = append(servers, s)
	}
	log.Info("listening", attrs...)

	defer start(ctx)()
	select {
	case err := <-failed:
		return errors.Join(err, shutdown(servers))
	case <-ctx.Done():
	}
	draining.Store(true)
	log.Info("draining")
	pause()
	err := shutdown(servers)
	log.Info("stopped")
	return err
}

// startWorkers starts what runs beside the requests. The returned function stops it and waits
// for its end.
func (a *App) startWorkers(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	workers.Go(func() { a.purge(ctx, purgeEvery) })
	workers.Go(func() { a.retain(ctx, retainFirst, retainEvery) })
	if a.mailer != nil {
		workers.Go(func() { drainOutbox(ctx, mailEvery, a.mailer.sendBatch) })
	}
	if a.sms != nil {
		workers.Go(func() { drainOutbox(ctx, smsEvery, a.sms.sendBatch) })
	}
	workers.Go(func() { a.watchExpiry(ctx, warnEvery) })
	workers.Go(func() { a.checkIssuer(ctx) })
	return func() {
		cancel()
		workers.Wait()
	}
}

// unready makes /readyz fail once draining is set. It ends the request's context, so that
// the readiness check fails and the reply is the API's own.
func unready(draining *atomic.Bool, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() && strings.HasSuffix(r.URL.Path, "/readyz") { // a centre's path may come before it
			ended, end := context.WithCancel(r.Context())
			end()
			r = r.WithContext(ended)
		}
		api.ServeHTTP(w, r)
	})
}

// shutdown stops all servers concurrently and closes those that do not stop in time.
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

// purge periodically deletes rows that have no effect any more, such as expired sessions.
func (a *App) purge(ctx context.Context, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.DB.Operations().Purge(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("purge failed", "err", err)
		}
		a.updateRefusalFloor(ctx)
	}
}

// updateRefusalFloor sets the duration of refused links to that of the costliest legacy
// digest.
func (a *App) updateRefusalFloor(ctx context.Context) {
	if err := a.service.UpdateRefusalFloor(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("refusal floor not updated", "err", err)
	}
}
