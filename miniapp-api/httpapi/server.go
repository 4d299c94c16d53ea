// Package httpapi serves the procedures of package selfservice over HTTP: strict JSON, bearer
// sessions, idempotency, rate limits, encrypted passwords, and one table of error replies. A
// request passes a route (server.go), a handler (handler.go), one method of
// selfservice.Service and the reply (reply.go, presentation.go). A channel adds the routes of
// its own protocol.
package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A Config configures a Server. DB, Service, Hasher and Channel are required.
type Config struct {
	DB      *store.DB
	Service *selfservice.Service
	Hasher  *passwd.Hasher // for its metrics
	Log     *slog.Logger
	Proxies []*net.IPNet // reverse proxies whose X-Forwarded-For is trusted

	Channel    selfservice.Channel    // the channel of every caller of this server
	Words      Words                  // of the channel, in the texts of replies
	Routes     func(*Server) []Route  // additional routes of the channel; may be nil
	Collectors []prometheus.Collector // the channel's metrics
	Center     string                 // label of all metrics, in a process of several centres; "" = none
	Businesses map[string]Business    // what the routes do, by method and pattern; nil = those of the API
	Beside     *Server                // another channel of this process, whose metrics this one adds to; may be nil
	Tracer     trace.Tracer           // of requests; nil = nothing is traced

	// Session returns the session of a request with a token, or selfservice.ErrSessionExpired,
	// for a channel whose token does not suffice. Scheme is then that of its Authorization
	// header. Nil: the token suffices, and the scheme is Bearer.
	Session func(c echo.Context, token string) (store.Session, error)
	Scheme  string

	PerAddress Rate // per address; generous, because mobile carriers share addresses
	PerUser    Rate // per user

	RequestTime time.Duration // limit of one request; 0 = 5 s

	Transport  *keys.Transport // decrypts passwords; nil = only plain ones are accepted
	SealedOnly bool            // reject plain passwords
}

// A Server serves the API for one channel. Its methods are safe for concurrent use.
type Server struct {
	db          *store.DB
	service     *selfservice.Service
	rules       []passwd.PublicRule // for a new password
	log         *slog.Logger
	proxies     []*net.IPNet
	channel     selfservice.Channel
	words       Words
	extraRoutes func(*Server) []Route // additional routes of the channel
	session     func(c echo.Context, token string) (store.Session, error)
	scheme      string // of the header Authorization
	addresses   *limiter
	users       *limiter
	metrics     *metrics
	tracer      trace.Tracer // nil: nothing is traced

	presentations map[string]Presentation // by code
	turnedAway    *turnedAway
	gate          *Gate

	requestTime time.Duration

	transport  atomic.Pointer[keys.Transport]
	sealedOnly bool
}

// New returns a Server, or an error that names the missing setting.
func New(c Config) (*Server, error) {
	if c.DB == nil || c.Service == nil || c.Hasher == nil || c.Channel == "" {
		return nil, errors.New("httpapi: DB, Service, Hasher and Channel are required")
	}
	if c.Businesses == nil {
		c.Businesses = businesses
	}
	if c.SealedOnly && c.Transport == nil {
		return nil, errors.New("httpapi: SealedOnly needs Transport")
	}
	s := &Server{
		db: c.DB, service: c.Service, rules: c.Service.Rules(), log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		proxies: c.Proxies, channel: c.Channel, words: c.Words, extraRoutes: c.Routes,
		addresses: newLimiter(c.PerAddress.or(DefaultPerAddress)),
		users:     newLimiter(c.PerUser.or(DefaultPerUser)),
		metrics:   c.metrics(), sealedOnly: c.SealedOnly, requestTime: cmp.Or(c.RequestTime, defaultRequestTime),
		presentations: presentationsOf(c.Words), tracer: c.Tracer, turnedAway: newTurnedAway(), gate: NewGate(c.Service, c.Channel),
	}
	s.session, s.scheme = c.Session, cmp.Or(c.Scheme, "Bearer")
	if s.session == nil {
		s.session = s.bearerSession
	}
	s.metrics.into.MustRegister(c.Collectors...)
	s.metrics.into.MustRegister(s.gate)
	s.ReplaceTransport(c.Transport)
	return s, nil
}

// ReplaceTransport replaces the keys for encrypted passwords. Passwords encrypted for a key
// that is gone are refused with DECRYPT_FAILED, and the page encrypts again. It is safe for
// concurrent use.
func (s *Server) ReplaceTransport(t *keys.Transport) { s.transport.Store(t) }

// defaultRequestTime limits a request, including its calls to other systems.
const defaultRequestTime = 5 * time.Second

// A Route is one operation of the API.
type Route struct {
	Method, Path string
	Endpoint
}

// routes returns the routes of every channel and those of this one.
func (s *Server) routes() []Route {
	if s.extraRoutes == nil {
		return s.commonRoutes()
	}
	return append(s.commonRoutes(), s.extraRoutes(s)...)
}

// commonRoutes returns the routes of every channel. A route is linked if it needs a link, and
// Authed if citizens use it before they have one or after it has ended.
func (s *Server) commonRoutes() []Route {
	return []Route{
		{"POST", "/v1/sessions/end", Always(endsOwnSession(s, s.endSession))},
		{"POST", "/v1/link", Authed(s, s.addLink)},
		{"GET", "/v1/link", linked(s, s.showLink)},
		{"POST", "/v1/link/remove", Authed(s, s.removeLink)},
		{"POST", "/v1/link/:id/confirm", Authed(s, s.confirmLink)},
		{"GET", "/v1/accounts", linked(s, s.showAccounts)},
		{"POST", "/v1/accounts/:id/choose", linked(s, s.chooseAccount)},
		{"GET", "/v1/link-transfers", Protective(Authed(s, s.showTransfers))},
		{"POST", "/v1/link-transfers/:id/confirm", Authed(s, s.confirmTransfer)},
		{"POST", "/v1/link-transfers/:id/cancel", Authed(s, s.cancelTransfer)},
		{"POST", "/v1/link-transfers/:id/reject", Protective(linked(s, s.rejectTransfer))},
		{"GET", "/v1/consents", Authed(s, s.showConsents)},
		{"POST", "/v1/consents", Authed(s, s.giveConsent)},
		{"POST", "/v1/consents/withdraw", Authed(s, s.withdrawConsent)},
		{"GET", "/v1/subscriptions", Authed(s, s.showSubscriptions)},
		{"POST", "/v1/subscriptions", Authed(s, s.recordSubscription)},
		{"GET", "/v1/password", linked(s, s.showPassword)},
		{"POST", "/v1/password/tickets", Authed(s, s.makeTicket)},
		{"POST", "/v1/password/changes", linked(s, s.openChange)},
		{"GET", "/v1/password/changes/:id", Authed(s, identified(s.showChange))},
		{"POST", "/v1/password/changes/:id/confirm", linked(s, s.confirmHandler(s.service.ConfirmChange))},
		{"POST", "/v1/password/changes/:id/cancel", linked(s, s.cancelChange)},
		{"POST", "/v1/password/resets", linked(s, s.openReset)},
		{"GET", "/v1/password/resets/:id", Authed(s, identified(s.showReset))},
		{"POST", "/v1/password/resets/:id/code", linked(s, s.passHandler(s.service.PassReset))},
		{"POST", "/v1/password/resets/:id/confirm", linked(s, s.confirmHandler(s.service.ConfirmReset))},
		{"POST", "/v1/password/resets/:id/cancel", linked(s, s.cancelReset)},
		{"POST", "/v1/password/recoveries", Authed(s, s.openRecovery)},
		{"GET", "/v1/password/recoveries/:id", Authed(s, identified(s.showRecovery))},
		{"POST", "/v1/password/recoveries/:id/code", Authed(s, s.passHandler(s.service.PassRecovery))},
		{"POST", "/v1/password/recoveries/:id/confirm", Authed(s, s.confirmHandler(s.service.ConfirmRecovery))},
		{"POST", "/v1/freeze", Protective(endsOwnSession(s, s.freeze))},
		{"GET", "/v1/events", linked(s, s.showEvents)},
		{"GET", "/v1/me/data", linked(s, s.showOwnData)},
		{"GET", "/healthz", Always(Open(s, s.alive))},
		{"GET", "/readyz", Always(Open(s, s.ready))},
	}
}

// Handler returns the API for the public address. The order of the middleware matters: every
// refusal is recorded and has the security headers, no refused request costs the reading of its
// body, and a delay does not use up the time of the request.
func (s *Server) Handler() http.Handler {
	e := s.NewEcho(setSecurity, s.fail)
	for _, r := range s.routes() {
		e.Add(r.Method, r.Path, s.Gated(r.Endpoint))
	}
	return e
}

// fail writes the reply for every error, including Echo's own. An error of the hashing queue is
// answered by replyBusy, which remembers the caller.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var http *echo.HTTPError
	if errors.As(err, &http) {
		err = fromStatus(http.Code)
	}
	e := selfservice.AsError(err)
	RecordError(c, e)
	if busy := shedError(err); busy != nil {
		err = s.replyBusy(c, busy)
	} else {
		err = send(c, s.answerOf(c, nil, e))
	}
	if err != nil {
		RecordError(c, selfservice.ErrInternal.WithCause(err))
	}
}

// secured sets the security headers on every reply.
func secured(set func(http.Header)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			set(c.Response().Header())
			return next(c)
		}
	}
}

// setSecurity forbids everything that a browser may do with a reply, because the API serves no
// page.
func setSecurity(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// getOrPost rejects other methods. Echo would answer an OPTIONS request itself, but a preflight
// must not succeed because no web page may call the API.
func getOrPost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if m := c.Request().Method; m != http.MethodGet && m != http.MethodPost {
			c.Response().Header().Set(echo.HeaderAllow, "GET, POST")
			return ErrMethodNotAllowed
		}
		return next(c)
	}
}

// deadlined sets the deadline of each request.
func deadlined(limit time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx, stop := context.WithTimeout(c.Request().Context(), limit)
			defer stop()
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		}
	}
}

// clientAddress trusts X-Forwarded-For only from the configured proxies.
func (s *Server) clientAddress() echo.IPExtractor {
	if len(s.proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range s.proxies {
		trust = append(trust, echo.TrustIPRange(p))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// HTTPServer returns an http.Server for h with all time and size limits set. A reply may take
// the longest delay of an early caller and the time of the request, so WriteTimeout ends stuck
// connections only. Errors of net/http are logged at level debug, because any scanner causes
// them.
func HTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
