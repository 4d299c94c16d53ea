package httpapi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
)

const (
	keyRequestID = "request_id"
	keyError     = "error"
)

// requestID names a request in the reply, in the log and on the citizen's page.
func requestID(c echo.Context) string {
	id, _ := c.Get(keyRequestID).(string)
	return id
}

// NoteError keeps what a request ended with for its log line.
func NoteError(c echo.Context, e *selfservice.Error) { c.Set(keyError, e) }

// recorded gives every request an id, catches panics, and writes one line and
// one metric when it is over. The line holds the route's pattern, never the
// path, a body, a header or a query: nothing a caller wrote.
func (s *Server) recorded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := time.Now()
		id := rand.Text()[:16]
		c.Set(keyRequestID, id)
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		if err := s.caught(next, c); err != nil {
			c.Error(err) // fail, above
		}
		s.finish(c, time.Since(begun))
		return nil
	}
}

// caught turns a panic into INTERNAL. The stack is logged, the panic's value
// is not: it may quote what it choked on.
func (s *Server) caught(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", slog.String("request_id", requestID(c)),
				slog.String("type", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
			err = selfservice.ErrInternal.Because(errPanic)
		}
	}()
	return next(c)
}

var errPanic = errors.New("httpapi: panic")

func (s *Server) finish(c echo.Context, took time.Duration) {
	status, code, level := c.Response().Status, "OK", slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request_id", requestID(c)),
		slog.String("method", method(c)), slog.String("route", routeOf(c)),
		slog.String("ip", c.RealIP()),
		slog.Float64("took_ms", float64(took.Microseconds())/1e3),
	}
	if e, ok := c.Get(keyError).(*selfservice.Error); ok {
		status, code = statusOf(e), e.Code
		if cause := errors.Unwrap(e); cause != nil {
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
		if status >= 500 {
			level = slog.LevelError
		}
	}
	attrs = append(attrs, slog.Int("status", status), slog.String("code", code))
	s.metrics.observe(routeOf(c), code, took)
	if e, ok := c.Get(keyError).(*selfservice.Error); ok && shed(e) != nil {
		return // counted, see turnAway
	}
	s.log.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

// routeOf is the pattern that matched; what matched none is one bucket.
func routeOf(c echo.Context) string {
	if p := c.Path(); p != "" {
		return p
	}
	return "none"
}

// method keeps made-up methods out of log and metrics.
func method(c echo.Context) string {
	switch m := c.Request().Method; m {
	case "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS":
		return m
	}
	return "other"
}
