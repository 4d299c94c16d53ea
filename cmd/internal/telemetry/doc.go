// Package telemetry exports traces and metrics over OTLP (HTTP and protobuf), configured by
// the OTEL_* variables that OpenTelemetry defines. Without them it exports nothing.
package telemetry
