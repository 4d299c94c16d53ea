package store

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// startSpan begins a span named after the exported method of DB that is running, if its
// caller is being traced. Otherwise it returns ctx and nil, and costs one look into ctx.
func startSpan(ctx context.Context) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return parent.TracerProvider().Tracer("fundpass/store").Start(ctx, "store."+runningMethod(),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", "postgresql")))
}

// endSpan ends a span of startSpan. The text of err stays out of it, because that of a
// database may quote values. Errors on which a rule acts, such as ErrNotFound, are no
// failures.
func endSpan(span trace.Span, err error) {
	if span == nil {
		return
	}
	switch {
	case errors.Is(err, ErrUnknownOutcome):
		fail(span, "unknown_outcome")
	case errors.Is(err, ErrUnavailable):
		fail(span, "unavailable")
	}
	span.End()
}

func fail(span trace.Span, kind string) {
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, "")
}

// methodPrefix begins the names of DB's methods in a stack.
const methodPrefix = "fundpass/store.(*DB)."

// runningMethod returns the name of the exported method of DB nearest on the stack. The
// names are not passed in, because every method would then carry its own name as a string.
func runningMethod() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		frame, more := frames.Next()
		name, ok := strings.CutPrefix(frame.Function, methodPrefix)
		if ok && name[0] >= 'A' && name[0] <= 'Z' {
			name, _, _ = strings.Cut(name, ".") // a closure is part of its method
			return name
		}
		if !more {
			return "transaction"
		}
	}
}
