package miniapp

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fundpass/miniapp-api/passwd"
)

// metrics are labelled by route pattern and code only: both are our own words.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(h *passwd.Hasher) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fundpass_request_seconds", Help: "Time to answer, by route and code.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 6},
		}, []string{"route", "code"}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fundpass_hash_waiting", Help: "Requests that wait for a place to hash.",
	}, func() float64 { return float64(h.Waiting()) })
	m.registry.MustRegister(m.requests, waiting, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(route, code string, took time.Duration) {
	m.requests.WithLabelValues(route, code).Observe(took.Seconds())
}

// OpsHandler serves /metrics, /healthz and /readyz for the operator's address,
// which must not be reachable from outside.
func (s *Server) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	api := s.Handler()
	mux.Handle("GET /healthz", api)
	mux.Handle("GET /readyz", api)
	return mux
}
