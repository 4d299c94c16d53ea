package signing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// startSpan begins a span named after an Alipay method, if the caller is being traced.
// Otherwise it returns ctx and nil. Alipay receives no header of the trace.
func startSpan(ctx context.Context, method string) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return parent.TracerProvider().Tracer("fundpass/signing").Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient))
}

// endSpan ends a span of startSpan. The text of err stays out of it. Only what an operator
// can act on is a failure; a code that Alipay finds invalid is an ordinary answer.
func endSpan(span trace.Span, err error) {
	if span == nil {
		return
	}
	for kind, failure := range map[string]error{"unavailable": ErrUnavailable, "configuration": ErrConfiguration} {
		if errors.Is(err, failure) {
			span.SetAttributes(attribute.String("error.type", kind))
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}
