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

// metrics are labelled by what has few values, such as route pattern and code, and never by a person.
type metrics struct {
	registry *prometheus.Registry
	into     prometheus.Registerer // registry, with the label of the centre if there are several
	requests *prometheus.HistogramVec
	business *prometheus.CounterVec
	shed     prometheus.Counter

	businesses map[string]Business // by method and pattern
}

// metrics returns new metrics, or those of the other channel with a business counter of this
// one.
func (c Config) metrics() *metrics {
	if c.Beside == nil {
		return newMetrics(c.Center, c.Channel, c.Service, c.Hasher, c.Businesses)
	}
	m := *c.Beside.metrics
	m.business, m.businesses = newBusinessCounter(c.Channel, c.Businesses), c.Businesses
	m.into.MustRegister(m.business)
	return &m
}

// newMetrics returns the metrics of one Server in a registry of its own, so that a process may
// serve several channels. The last bucket is beyond the limit of a request.
func newMetrics(center string, channel selfservice.Channel, service *selfservice.Service, h *passwd.Hasher, all map[string]Business) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fundpass_request_seconds", Help: "Time to answer, by route and code.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 6},
		}, []string{"route", "code"}),
		business: newBusinessCounter(channel, all), businesses: all,
	}
	m.into = m.registry
	if center != "" {
		m.into = prometheus.WrapRegistererWith(prometheus.Labels{"center": center}, m.registry)
	}
	for _, limit := range selfservice.SprayingLimits {
		m.into.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "fundpass_spraying_refused_total", Help: "Attempts refused by a limit of attempts at many people, by limit.",
			ConstLabels: prometheus.Labels{"by": limit},
		}, func() float64 { return float64(service.Sprayed(limit)) }))
	}
	m.shed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "fundpass_hash_shed_total", Help: "Requests refused with BUSY because of the hashing queue. They are not logged.",
	})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fundpass_hash_waiting", Help: "Requests waiting for a hashing slot.",
	}, func() float64 { return float64(h.Waiting()) })
	hashed := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "fundpass_hashes_total", Help: "Password hashes computed.",
	}, func() float64 { return float64(h.Hashed()) })
	m.into.MustRegister(m.requests, m.business, m.shed, waiting, hashed)
	if center == "" {
		registerProcess(m.registry)
	}
	return m
}

// registerProcess adds the metrics of the Go runtime and of the operating system.
func registerProcess(into prometheus.Registerer) {
	into.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

func (m *metrics) observe(route, code string, took time.Duration) {
	m.requests.WithLabelValues(route, code).Observe(took.Seconds())
}

// ReportCertificates adds fundpass_certificate_expires_seconds to the metrics: the time until
// each certificate expires, negative once it has. ends returns the expiry times by file name;
// it is called at every scrape, from any goroutine. ReportCertificates must be called at most
// once per Server.
func (s *Server) ReportCertificates(ends func() map[string]time.Time) {
	s.metrics.into.MustRegister(certificateEnds(ends))
}

// A certificateEnds is a collector, so that the series of a replaced certificate disappears.
type certificateEnds func() map[string]time.Time

var certificateLeft = prometheus.NewDesc("fundpass_certificate_expires_seconds",
	"Time until the certificate in a file expires.", []string{"file"}, nil)

// Describe implements prometheus.Collector.
func (certificateEnds) Describe(to chan<- *prometheus.Desc) { to <- certificateLeft }

// Collect implements prometheus.Collector.
func (ends certificateEnds) Collect(to chan<- prometheus.Metric) {
	for file, end := range ends() {
		to <- prometheus.MustNewConstMetric(certificateLeft, prometheus.GaugeValue, time.Until(end).Seconds(), file)
	}
}

// A NoticeReport is the state of the delivery of notices to owners.
type NoticeReport struct {
	Due               int           // notices waiting for delivery or for their next attempt
	Oldest            time.Duration // age of the oldest of them
	Delivered, Failed uint64        // by this process since its start
}

// ReportNotices adds fundpass_outbox_due, _oldest_seconds, _delivered_total and _failed_total
// to the metrics. report is called at every scrape, from any goroutine. ReportNotices must be
// called at most once per Server.
func (s *Server) ReportNotices(report func() NoticeReport) {
	s.reportOutbox("fundpass_outbox", "Notices to owners", report)
}

// ReportSMS is ReportNotices for codes and notices by SMS: fundpass_sms_due and so on.
func (s *Server) ReportSMS(report func() NoticeReport) { s.reportOutbox("fundpass_sms", "SMS", report) }

func (s *Server) reportOutbox(name, what string, report func() NoticeReport) {
	gauge := func(name, help string, f func(NoticeReport) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return f(report()) })
	}
	counter := func(name, help string, f func(NoticeReport) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return f(report()) })
	}
	s.metrics.into.MustRegister(
		gauge(name+"_due", what+" waiting for delivery.",
			func(r NoticeReport) float64 { return float64(r.Due) }),
		gauge(name+"_oldest_seconds", "Age of the oldest of the "+what+" waiting for delivery.",
			func(r NoticeReport) float64 { return r.Oldest.Seconds() }),
		counter(name+"_delivered_total", what+" that the provider accepted.",
			func(r NoticeReport) float64 { return float64(r.Delivered) }),
		counter(name+"_failed_total", what+" that were abandoned: the owner was not reached.",
			func(r NoticeReport) float64 { return float64(r.Failed) }),
	)
}

// Metrics returns what /metrics serves, for other ways to export it.
func (s *Server) Metrics() prometheus.Gatherer { return s.metrics.registry }

// OpsHandler serves /metrics, /healthz and /readyz on the operator's address, which must not be
// reachable from outside.
func (s *Server) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	api := s.Handler()
	mux.Handle("GET /healthz", api)
	mux.Handle("GET /readyz", api)
	return mux
}
