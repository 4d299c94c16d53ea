package httpapi

import (
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// startSpan begins the span of a request, or returns nil if nothing is traced. The spans of
// packages store and signing become its children through the request's context.
//
// A trace begins here: the client is a citizen's phone, whose traceparent header would decide
// what is sampled. Probes have no span, because they would outnumber the requests.
func (s *Server) startSpan(c echo.Context) trace.Span {
	if s.tracer == nil || c.Path() == "/healthz" || c.Path() == "/readyz" {
		return nil
	}
	ctx, span := s.tracer.Start(c.Request().Context(), method(c)+" "+routeOf(c), trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer))
	c.SetRequest(c.Request().WithContext(ctx))
	return span
}

// endSpan ends a span of startSpan. Its attributes are those of the log line, except the
// address of the caller and the cause.
func (s *Server) endSpan(c echo.Context, span trace.Span, status int, code string) {
	if span == nil {
		return
	}
	span.SetAttributes(
		attribute.String("http.request.method", method(c)), attribute.String("http.route", routeOf(c)),
		attribute.Int("http.response.status_code", status), attribute.String("fundpass.code", code),
		attribute.String("fundpass.channel", string(s.channel)), attribute.String("fundpass.request_id", requestID(c)),
	)
	if status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
