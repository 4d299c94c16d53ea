package telemetry

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A signal is a kind of telemetry, as it is written in the names of variables.
type signal string

const (
	traces  signal = "TRACES"
	metrics signal = "METRICS"
)

// protocol is the only one that is built in.
const protocol = "http/protobuf"

// wanted reports whether the environment asks for a signal: by an endpoint, or by naming the
// exporter otlp, whose endpoint is then http://localhost:4318. It checks what the exporters
// would ignore or misread, because they fall back to a default in silence.
func wanted(getenv func(string) string, s signal) (bool, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	endpointName, endpoint := first(getenv, "OTEL_EXPORTER_OTLP_"+string(s)+"_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	exporterName := "OTEL_" + string(s) + "_EXPORTER"
	switch exporter := getenv(exporterName); {
	case exporter == "none", exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("%s: only otlp and none are supported", exporterName)
	}
	name, value := first(getenv, "OTEL_EXPORTER_OTLP_"+string(s)+"_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if cmp.Or(value, protocol) != protocol {
		return false, fmt.Errorf("%s: only %s is supported", name, protocol)
	}
	if endpoint != "" {
		if err := checkEndpoint(endpoint); err != nil {
			return false, fmt.Errorf("%s %w", endpointName, err)
		}
	}
	return true, nil
}

// first returns the first variable that is set.
func first(getenv func(string) string, names ...string) (name, value string) {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// checkEndpoint refuses credentials in the URL, because errors of the export quote it.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is not an http or https URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("has more in it than host and path; credentials belong into OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}
