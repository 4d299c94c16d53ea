package httpapi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"

	"fundpass/miniapp-api/selfservice"
)

const (
	keyRequestID = "request_id"
	keyError     = "error"
)

// requestID returns the identifier of the request in the reply and the log. It is short,
// because citizens read it out on the phone.
func requestID(c echo.Context) string {
	id, _ := c.Get(keyRequestID).(string)
	return id
}

// RecordError stores the error of a request for its log line.
func RecordError(c echo.Context, e *selfservice.Error) { c.Set(keyError, e) }

// recorded assigns a request identifier, recovers from panics, and writes one log line, one
// metric and at most one span per request. The line contains the route pattern but no path, header, query or body,
// so nothing that the client wrote.
func (s *Server) recorded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := time.Now()
		id := rand.Text()[:16]
		c.Set(keyRequestID, id)
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		span := s.startSpan(c)
		if err := s.recovered(next, c); err != nil {
			c.Error(err) // calls fail
		}
		s.finish(c, span, time.Since(begun))
		return nil
	}
}

// recovered turns a panic into ErrInternal. It logs the stack but not the panic's value, which
// may contain user input.
func (s *Server) recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", slog.String("request_id", requestID(c)),
				slog.String("type", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
			err = selfservice.ErrInternal.WithCause(errPanic)
		}
	}()
	return next(c)
}

var errPanic = errors.New("httpapi: panic")

// finish writes the line and the metric. Only a status of 500 or more is an error for the
// operator, unless an operator closed the channel: a refusal is the answer to a citizen's mistake.
func (s *Server) finish(c echo.Context, span trace.Span, took time.Duration) {
	status, code, level := c.Response().Status, "OK", slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request_id", requestID(c)),
		slog.String("method", method(c)), slog.String("route", routeOf(c)),
		slog.String("ip", c.RealIP()),
		slog.Float64("took_ms", float64(took.Microseconds())/1e3),
	}
	if e, ok := c.Get(keyError).(*selfservice.Error); ok {
		status, code = s.statusOf(e), e.Code
		if cause := errors.Unwrap(e); cause != nil {
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
		if status >= 500 && e.Code != selfservice.ErrChannelClosed.Code {
			level = slog.LevelError
		}
		if passedGate(c) && isFailure(e, status) {
			s.service.CountFailure(s.channel)
		}
	}
	attrs = append(attrs, slog.Int("status", status), slog.String("code", code))
	s.metrics.observe(routeOf(c), code, took)
	s.metrics.countBusiness(c, status, code)
	s.endSpan(c, span, status, code)
	if e, ok := c.Get(keyError).(*selfservice.Error); ok && shedError(e) != nil {
		return // counted by replyBusy
	}
	s.log.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

// routeOf returns the route pattern, or "none" if no route matched, because invented paths must
// not become labels of metrics.
func routeOf(c echo.Context) string {
	if p := c.Path(); p != "" {
		return p
	}
	return "none"
}

// method returns the HTTP method, or "other" for a non-standard one, which would add a label to
// the metrics.
func method(c echo.Context) string {
	switch m := c.Request().Method; m {
	case "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS":
		return m
	}
	return "other"
}
