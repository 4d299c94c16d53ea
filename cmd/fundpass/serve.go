package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	miniapp "fundpass/miniapp-api"
	"fundpass/store"
)

// Times of a server's life.
const (
	databaseWait = 30 * time.Second // for a database that starts at the same time
	databaseStep = time.Second
	purgeEvery   = 10 * time.Minute
	drainTime    = 10 * time.Second // for requests under way at the end
)

// errDemoDatabase refuses a database of fundpass demo, whose passwords are printed.
var errDemoDatabase = errors.New("this is a database of fundpass demo; give serve one of its own")

func serveCommand(w world) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the API in production",
		Long: "Serve answers the mini-program until it gets SIGTERM or SIGINT, and then ends the\n" +
			"requests under way. SIGHUP reads the application's and Alipay's keys again; the\n" +
			"other files are read at the start only. Settings are environment variables:\n\n" + settingsHelp(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), w) },
	}
}

// settingsHelp lists the settings as serve --help shows them.
func settingsHelp() string {
	var b strings.Builder
	for _, f := range settingFields() {
		state := ""
		if f.needed {
			state = " (required)"
		}
		if f.def != "" {
			state = " (" + f.def + ")"
		}
		fmt.Fprintf(&b, "  %s%s\n      %s\n", f.name, state, f.about)
	}
	return b.String()
}

// serve is the production server. It says everything that is wrong with its
// settings before it listens, and listens before it is ready.
func serve(ctx context.Context, w world) error {
	s, err := readSettings(w.getenv)
	if err != nil {
		return fmt.Errorf("settings are not right:\n%w", err)
	}
	log := newLog(w.err, s.Environment)
	if err := harden(); err != nil {
		log.Warn("memory of this process may be dumped", "err", err)
	}
	public, ops, err := s.listen()
	if err != nil {
		return err
	}
	defer public.Close()
	defer ops.Close()
	a, err := s.start(ctx, log)
	if ctx.Err() != nil {
		return nil // told to stop before it was ready
	}
	if err != nil {
		return err
	}
	stop := a.reloadOnHangup()
	err = a.serve(ctx, public, ops)
	stop()
	return errors.Join(err, a.Close())
}

// newLog writes one JSON object a line.
func newLog(to io.Writer, environment string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(to, nil)).With("environment", environment)
}

func (s settings) listen() (public, ops net.Listener, err error) {
	if public, err = net.Listen("tcp", s.Addr); err != nil {
		return nil, nil, problem{"FUNDPASS_ADDR", err}
	}
	if ops, err = net.Listen("tcp", s.OpsAddr); err != nil {
		public.Close()
		return nil, nil, problem{"FUNDPASS_OPS_ADDR", err}
	}
	return public, ops, nil
}

// start assembles the server on a database that is not the demo's. It waits for
// a database that is away, but not for one that is wrong.
func (s settings) start(ctx context.Context, log *slog.Logger) (*app, error) {
	for end := time.Now().Add(databaseWait); ; {
		a, err := s.startOnce(ctx, log)
		if err == nil || !errors.Is(err, store.ErrUnavailable) || time.Now().After(end) {
			return a, err
		}
		log.Warn("waiting for the database", "err", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(databaseStep):
		}
	}
}

func (s settings) startOnce(ctx context.Context, log *slog.Logger) (*app, error) {
	if err := refuseDemo(ctx, s.DatabaseURL); err != nil {
		return nil, problem{"FUNDPASS_DATABASE_URL", err}
	}
	return s.assemble(ctx, log)
}

// refuseDemo looks before store.Open writes anything.
func refuseDemo(ctx context.Context, dsn string) error {
	state, err := inspectDatabase(ctx, dsn)
	if _, demo := state.centers[demoCenter]; demo {
		return errDemoDatabase
	}
	return err
}

// serve answers on the listeners until ctx ends; ops may be nil. Then readiness
// is taken back, and requests under way have drainTime to end. It closes the
// listeners and leaves Close to the caller.
func (a *app) serve(ctx context.Context, public, ops net.Listener) error {
	var draining atomic.Bool
	failed := make(chan error, 2)
	begin := func(l net.Listener, h http.Handler) *http.Server {
		s := miniapp.HTTPServer(unready(&draining, h), a.log)
		go func() { failed <- s.Serve(l) }()
		return s
	}
	servers := []*http.Server{begin(public, a.handler)}
	attrs := []any{"addr", public.Addr().String(), "pid", os.Getpid()}
	if ops != nil {
		servers = append(servers, begin(ops, a.server.OpsHandler()))
		attrs = append(attrs, "ops", ops.Addr().String())
	}
	a.log.Info("listening", attrs...)

	working, rest := context.WithCancel(ctx)
	var workers sync.WaitGroup
	workers.Go(func() { a.purge(working) })
	defer workers.Wait()
	defer rest()
	select {
	case err := <-failed:
		return errors.Join(err, shutdown(servers))
	case <-ctx.Done():
	}
	draining.Store(true)
	a.log.Info("draining")
	time.Sleep(a.settings.DrainDelay)
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
func (a *app) purge(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.db.Purge(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("nothing purged", "err", err)
		}
	}
}

// reloadOnHangup reloads at every SIGHUP until the returned function is called.
func (a *app) reloadOnHangup() (stop func()) {
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangup:
				a.reload()
			}
		}
	}()
	return func() { signal.Stop(hangup); close(done) }
}

// reload reads the ring's files again. With any problem the old keys stay.
func (a *app) reload() {
	s := a.settings
	ring, problems := s.loadRing()
	problems = append(problems, s.checkModes()...)
	if len(problems) == 0 {
		if err := a.gateway.Replace(ring); err != nil {
			problems = append(problems, problem{"", err})
		}
	}
	for _, p := range problems {
		a.log.Error("keys not reloaded, the old ones stay", "setting", p.setting, "err", p.err)
	}
	if len(problems) == 0 {
		a.log.Info("keys reloaded", "alipay_keys", len(ring.AlipayKeys()))
	}
}
