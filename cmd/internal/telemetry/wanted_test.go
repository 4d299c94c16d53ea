package telemetry

import (
	"strings"
	"testing"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	const at = "http://127.0.0.1:4318"
	for _, c := range []struct {
		name            string
		env             map[string]string
		traces, metrics bool
		wrong           string // what an error names
	}{
		{"nothing", nil, false, false, ""},
		{"a name alone", map[string]string{"OTEL_SERVICE_NAME": "x"}, false, false, ""},
		{"endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": at}, true, true, ""},
		{"endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": at}, true, false, ""},
		{"endpoint of metrics", map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": at}, false, true, ""},
		{"exporter", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, false, ""},
		{"none", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": at, "OTEL_METRICS_EXPORTER": "none"}, true, false, ""},
		{"disabled", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": at, "OTEL_SDK_DISABLED": "true"}, false, false, ""},
		{"protocol", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": at, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, true, ""},
		{"gRPC", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": at, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, false, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{"another exporter", map[string]string{"OTEL_TRACES_EXPORTER": "console"}, false, false, "OTEL_TRACES_EXPORTER"},
		{"no URL", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4318"}, false, false, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"credentials", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://a:secret@collector/v1/traces"}, false, false, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			getenv := func(name string) string { return c.env[name] }
			gotTraces, errTraces := wanted(getenv, traces)
			gotMetrics, errMetrics := wanted(getenv, metrics)
			if gotTraces != c.traces || gotMetrics != c.metrics {
				t.Errorf("got %t %t, want %t %t", gotTraces, gotMetrics, c.traces, c.metrics)
			}
			if (errTraces != nil || errMetrics != nil) != (c.wrong != "") {
				t.Fatalf("got %v, %v", errTraces, errMetrics)
			}
			for _, err := range []error{errTraces, errMetrics} {
				if err != nil && (!strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "secret")) {
					t.Errorf("got %q", err)
				}
			}
		})
	}
}

// A nil Export is what an environment without OTEL variables gives; all its methods do nothing.
func TestNoExport(t *testing.T) {
	t.Parallel()
	e, err := New(t.Context(), func(string) string { return "" }, nil)
	if e != nil || err != nil {
		t.Fatal(e, err)
	}
	if e.Tracer() != nil {
		t.Error("a tracer without an export")
	}
	if err := e.Metrics(t.Context(), nil); err != nil {
		t.Error(err)
	}
	e.Close()
}
