package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// closeTime limits the last export at the end of the process.
const closeTime = 3 * time.Second

// An Export sends traces and metrics to a collector. A nil Export sends nothing.
type Export struct {
	resource    *resource.Resource
	traces      *sdktrace.TracerProvider // nil: traces are not exported
	wantMetrics bool
	metrics     *sdkmetric.MeterProvider // nil: metrics are not exported
	log         *slog.Logger
}

// New returns the Export that the environment asks for, or nil if it asks for none. getenv
// decides what is exported; the exporters read the other OTEL_* variables from the process.
// It opens no connection: an unavailable collector only causes log lines.
func New(ctx context.Context, getenv func(string) string, log *slog.Logger) (*Export, error) {
	wantTraces, errTraces := wanted(getenv, traces)
	wantMetrics, errMetrics := wanted(getenv, metrics)
	if err := errors.Join(errTraces, errMetrics); err != nil {
		return nil, err
	}
	if !wantTraces && !wantMetrics {
		return nil, nil
	}
	quiet(log)
	e := &Export{wantMetrics: wantMetrics, log: log}
	var err error
	if e.resource, err = newResource(ctx); err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	if !wantTraces {
		return e, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TRACES: %w", err)
	}
	e.traces = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(e.resource))
	return e, nil
}

// newResource describes this service. The process's own attributes, such as its arguments and its
// user, are not exported.
func newResource(ctx context.Context) (*resource.Resource, error) {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	return resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "fundpass"), attribute.String("service.version", version)),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
}

// Tracer returns the tracer of the server, or nil if traces are not exported.
func (e *Export) Tracer() trace.Tracer {
	if e == nil || e.traces == nil {
		return nil
	}
	return e.traces.Tracer("fundpass")
}

// Metrics exports what g gathers, if metrics are exported: the same names and labels as
// /metrics. It must be called at most once.
func (e *Export) Metrics(ctx context.Context, g prometheus.Gatherer) error {
	if e == nil || !e.wantMetrics {
		return nil
	}
	exporter, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_METRICS: %w", err)
	}
	reader := sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(g))))
	e.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(e.resource))
	return nil
}

// Close exports what is left, for at most closeTime.
func (e *Export) Close() {
	if e == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), closeTime)
	defer stop()
	var all []error
	if e.traces != nil {
		all = append(all, e.traces.Shutdown(ctx))
	}
	if e.metrics != nil {
		all = append(all, e.metrics.Shutdown(ctx))
	}
	if err := errors.Join(all...); err != nil {
		e.log.Warn("telemetry not exported", "err", err)
	}
}

// quietTime is the least time between two log lines about exports that fail.
const quietTime = time.Minute

// quiet sends the errors of exports to the log, at most one a minute. It discards the SDK's
// own log, which quotes OTEL_EXPORTER_OTLP_HEADERS when it cannot parse them. The SDK keeps
// both per process.
func quiet(log *slog.Logger) {
	var next atomic.Int64
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		now := time.Now()
		if due := next.Load(); now.UnixNano() >= due && next.CompareAndSwap(due, now.Add(quietTime).UnixNano()) {
			log.Warn("telemetry not exported", "err", err)
		}
	}))
}
