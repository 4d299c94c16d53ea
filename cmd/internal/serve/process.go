package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/telemetry"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/website"
)

// A process serves the centres of FUNDPASS_CENTERS_FILE. They share the listeners, the database,
// the places for hashing and the metrics; everything else is of one centre.
type process struct {
	w        terminal.Stdio // to read the file again
	settings settings.Settings
	log      *slog.Logger
	common   commons
	pause    func(time.Duration)

	public, website, mobile *httpapi.Router
	operators               *httpapi.Process

	// mu guards what a reload replaces. A scrape does not wait for it.
	mu      sync.Mutex
	centers []*runningCenter
	present atomic.Pointer[[]*httpapi.Server] // of the centers
	begin   func(*runningCenter)              // starts the workers of a centre; nil before Serve
	leaving sync.WaitGroup                    // centres that finish their requests
}

// A runningCenter is a centre that the process serves.
type runningCenter struct {
	*App
	entry  *settings.Center
	active *httpapi.Active
	stop   func() // stops its workers; nil: there are none
}

// startProcess assembles all centres, unless the database is the demo's.
func startProcess(ctx context.Context, w terminal.Stdio, centers []*settings.Center, log *slog.Logger, export *telemetry.Export) (server, error) {
	s := centers[0].Settings
	if err := refuseDemo(ctx, s); err != nil {
		return nil, err
	}
	database, err := s.Connect(ctx, log)
	if err != nil {
		return nil, err
	}
	p := newProcess(w, s, log, commons{database: database, pool: passwd.NewPool(passwd.PoolConfig{}), tracer: export.Tracer()})
	all, err := p.assemble(ctx, centers)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.use(all)
	if err := export.Metrics(ctx, p.operators.Metrics()); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// newProcess returns a process without centres.
func newProcess(w terminal.Stdio, s settings.Settings, log *slog.Logger, common commons) *process {
	p := &process{w: w, settings: s, log: log, common: common, pause: time.Sleep}
	health := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.operators.Health().ServeHTTP(w, r) })
	p.present.Store(new([]*httpapi.Server))
	p.public = httpapi.NewRouter(httpapi.RouterConfig{Address: "public", Key: alipay.Receiver, Health: health, Log: log})
	p.website = httpapi.NewRouter(httpapi.RouterConfig{Address: "website", ByHostOnly: true, Unknown: website.NoSite(), Log: log})
	p.mobile = httpapi.NewRouter(httpapi.RouterConfig{Address: "mobile", Health: health, Log: log})
	build := terminal.ReadBuild()
	p.operators = httpapi.NewProcess(httpapi.ProcessConfig{
		Ready: p.common.database.Ping, Servers: func() []*httpapi.Server { return *p.present.Load() }, Log: log,
		Version: build.Version, Revision: build.Revision, Go: build.Go,
	}, p.public, p.website, p.mobile)
	return p
}

// assemble assembles centres, all or none. The errors are CenterProblems.
func (p *process) assemble(ctx context.Context, entries []*settings.Center) ([]*runningCenter, error) {
	var all []*runningCenter
	var wrong []error
	for _, entry := range entries {
		a, err := assemble(ctx, entry.Settings, p.log.With("center", entry.ID), p.common)
		if err != nil {
			for _, one := range settings.Unjoin(err) {
				wrong = append(wrong, settings.InCenter(entry.ID, one))
			}
			continue
		}
		all = append(all, &runningCenter{App: a, entry: entry, active: new(httpapi.Active)})
	}
	if len(wrong) == 0 {
		return all, nil
	}
	for _, c := range all {
		wrong = append(wrong, c.Close())
	}
	return nil, errors.Join(wrong...)
}

// use makes these the centres of the process.
func (p *process) use(all []*runningCenter) {
	var public, pages, mobile []*httpapi.Backend
	for _, c := range all {
		b := httpapi.Backend{Center: c.entry.ID, Active: c.active}
		s := c.Settings
		one := b
		one.Hosts, one.Key, one.Handler = c.entry.Hosts, s.AppID, c.Handler
		if c.entry.Path != "" {
			one.Path = "/" + c.entry.Path
		}
		public = append(public, &one)
		if c.website != nil {
			host, _ := addressOf(s.WebsiteOrigin)
			one := b
			one.Hosts, one.Handler = []string{host}, c.website.Handler()
			pages = append(pages, &one)
		}
		if c.App.mobile != nil {
			host, path := addressOf(s.MobileURL)
			one := b
			one.Hosts, one.Path, one.Handler = []string{host}, path, c.App.mobile.handler
			mobile = append(mobile, &one)
		}
	}
	p.public.Replace(public)
	p.website.Replace(pages)
	p.mobile.Replace(mobile)
	var servers []*httpapi.Server
	for _, c := range all {
		servers = append(servers, c.server)
	}
	p.centers = all
	p.present.Store(&servers)
}

// addressOf returns the host and the path of a URL that the settings have checked.
func addressOf(raw string) (host, path string) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", ""
	}
	return strings.ToLower(u.Host), strings.TrimSuffix(u.Path, "/")
}

// Serve implements server.
func (p *process) Serve(ctx context.Context, on Listeners) error {
	e := endpoints{
		public: endpoint{p.public, p.public.Envelopes}, ops: endpoint{handler: p.operators.OpsHandler()},
		website: endpoint{handler: p.website}, mobile: endpoint{p.mobile, p.mobile.Envelopes},
	}
	return e.serve(ctx, on, p.log, p.startWorkers, func() { p.pause(p.settings.DrainDelay) })
}

// startWorkers starts the workers of every centre, also of those that come later.
func (p *process) startWorkers(ctx context.Context) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin = func(c *runningCenter) { c.stop = c.App.startWorkers(ctx) }
	for _, c := range p.centers {
		p.begin(c)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.centers {
			c.stop()
		}
	}
}

// Close closes every centre, those that have left included, and the database.
func (p *process) Close() error {
	p.leaving.Wait()
	var all []error
	for _, c := range p.centers {
		if c.stop != nil {
			c.stop()
		}
		all = append(all, c.Close())
	}
	p.common.pool.Close()
	return errors.Join(append(all, p.common.database.Close())...)
}
