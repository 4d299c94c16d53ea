package httpapi

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

// metrics are labelled by route pattern and code only: both are our own words.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	shed     prometheus.Counter
}

func newMetrics(service *selfservice.Service, h *passwd.Hasher) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fundpass_request_seconds", Help: "Time to answer, by route and code.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 6},
		}, []string{"route", "code"}),
	}
	for _, limit := range selfservice.SprayingLimits {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "fundpass_spraying_refused_total", Help: "Attempts refused because too many people are tried, by whose limit.",
			ConstLabels: prometheus.Labels{"by": limit},
		}, func() float64 { return float64(service.Sprayed(limit)) }))
	}
	m.shed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "fundpass_hash_shed_total", Help: "Requests told BUSY because of the queue to hash. They have no line in the log.",
	})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fundpass_hash_waiting", Help: "Requests that wait for a place to hash.",
	}, func() float64 { return float64(h.Waiting()) })
	hashed := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "fundpass_hashes_total", Help: "Passwords hashed, for whatever reason.",
	}, func() float64 { return float64(h.Hashed()) })
	m.registry.MustRegister(m.requests, m.shed, waiting, hashed, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(route, code string, took time.Duration) {
	m.requests.WithLabelValues(route, code).Observe(took.Seconds())
}

// ReportCertificates adds fundpass_certificate_expires_seconds to the metrics: how
// long each certificate is still valid, negative once it has ended. ends is asked at
// every scrape, from any goroutine, for ends by file name; a Server reports once.
func (s *Server) ReportCertificates(ends func() map[string]time.Time) {
	s.metrics.registry.MustRegister(certificateEnds(ends))
}

// certificateEnds is a collector, so that certificates that were replaced disappear.
type certificateEnds func() map[string]time.Time

var certificateLeft = prometheus.NewDesc("fundpass_certificate_expires_seconds",
	"Time until the certificate in a file ends.", []string{"file"}, nil)

// Describe implements prometheus.Collector.
func (certificateEnds) Describe(to chan<- *prometheus.Desc) { to <- certificateLeft }

// Collect implements prometheus.Collector.
func (ends certificateEnds) Collect(to chan<- prometheus.Metric) {
	for file, end := range ends() {
		to <- prometheus.MustNewConstMetric(certificateLeft, prometheus.GaugeValue, time.Until(end).Seconds(), file)
	}
}

// A NoticeReport is how the sending of notices to owners goes.
type NoticeReport struct {
	Due               int           // notices that wait, also for their next attempt
	Oldest            time.Duration // how long the oldest of them waits
	Delivered, Failed uint64        // by this process, since its start
}

// ReportNotices adds fundpass_outbox_due, _oldest_seconds, _delivered_total and
// _failed_total to the metrics. report is asked at every scrape, from any
// goroutine; a Server reports once.
func (s *Server) ReportNotices(report func() NoticeReport) {
	gauge := func(name, help string, f func(NoticeReport) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return f(report()) })
	}
	counter := func(name, help string, f func(NoticeReport) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return f(report()) })
	}
	s.metrics.registry.MustRegister(
		gauge("fundpass_outbox_due", "Notices to owners that wait to be delivered.",
			func(r NoticeReport) float64 { return float64(r.Due) }),
		gauge("fundpass_outbox_oldest_seconds", "How long the oldest of them waits.",
			func(r NoticeReport) float64 { return r.Oldest.Seconds() }),
		counter("fundpass_outbox_delivered_total", "Notices that Alipay has taken.",
			func(r NoticeReport) float64 { return float64(r.Delivered) }),
		counter("fundpass_outbox_failed_total", "Notices that were given up: the owner was not told.",
			func(r NoticeReport) float64 { return float64(r.Failed) }),
	)
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
