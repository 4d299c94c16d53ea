package httpapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fundpass/miniapp-api/selfservice"
)

// A ProcessConfig configures a Process.
type ProcessConfig struct {
	Ready   func(context.Context) error // nil if the centres can be served
	Servers func() []*Server            // of the present centres, one each
	Log     *slog.Logger

	Version, Revision, Go string // of the build
}

// A Process is what operators see of a process that serves several centres: its health, and the
// metrics of all.
type Process struct {
	ready    func(context.Context) error
	log      *slog.Logger
	words    map[string]Presentation
	registry *prometheus.Registry
}

// NewProcess returns a Process whose metrics include those of the routers.
func NewProcess(c ProcessConfig, routers ...*Router) *Process {
	p := &Process{ready: c.Ready, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), words: presentationsOf(Words{}), registry: prometheus.NewRegistry()}
	registerProcess(p.registry)
	p.registry.MustRegister(buildInfo(c.Version, c.Revision, c.Go), serverMetrics(c.Servers))
	for _, r := range routers {
		p.registry.MustRegister(r.unknown)
	}
	return p
}

// serverMetrics collects the metrics of the servers that are present at a scrape. It describes
// none, because they change.
type serverMetrics func() []*Server

// Describe implements prometheus.Collector.
func (serverMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (servers serverMetrics) Collect(to chan<- prometheus.Metric) {
	for _, s := range servers() {
		s.metrics.registry.Collect(to)
	}
}

// Metrics returns what /metrics serves, for other ways to export it.
func (p *Process) Metrics() prometheus.Gatherer { return p.registry }

// OpsHandler is Server.OpsHandler for all centres.
func (p *Process) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /healthz", p.Health())
	mux.Handle("GET /readyz", p.Health())
	return mux
}

// Health serves /healthz and /readyz of the process.
func (p *Process) Health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:16]
		if r.URL.Path != "/readyz" {
			reply(w, r, id, http.StatusOK, success{200, "OK", "成功", health{"alive"}, id})
			return
		}
		ctx, stop := context.WithTimeout(r.Context(), readyTime)
		defer stop()
		if err := p.ready(ctx); err != nil {
			p.log.Error("not ready", "request_id", id, "err", err)
			busy := p.words[selfservice.ErrBusy.Code].problem(selfservice.ErrBusy, id)
			reply(w, r, id, busy.Status, busy)
			return
		}
		reply(w, r, id, http.StatusOK, success{200, "OK", "成功", health{"ready"}, id})
	})
}

// reply writes the envelope of a request that no Server handles.
func reply(w http.ResponseWriter, r *http.Request, id string, status int, envelope any) {
	body, err := json.Marshal(envelope)
	if err != nil {
		panic("httpapi: reply: " + err.Error())
	}
	setSecurity(w.Header())
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if status >= 400 {
		w.Header().Set("Content-Type", problemJSON)
	}
	w.Header().Set("X-Request-Id", id)
	if r.Header.Get("X-Always-200") == "1" {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}
