// Package miniapp is the HTTP API that the mini-program and Alipay call: what
// callers may ask. A request goes one way: route (server.go), request to input
// (handler.go, *_http.go), rule (link.go, change.go ...), one store method, reply
// (reply.go, presentation.go).
package miniapp

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

	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A ServerConfig is what a Server is made of. DB, Service, Hasher and Channel are required.
type ServerConfig struct {
	DB      *store.DB
	Service *Service
	Hasher  *passwd.Hasher // for its metrics
	Log     *slog.Logger
	Proxies []*net.IPNet // reverse proxies whose X-Forwarded-For is believed

	Channel    Channel                // of everybody who comes through this server
	Routes     func(*Server) []route  // of the channel's own protocol, beside those of every channel; may be nil
	Collectors []prometheus.Collector // the channel's metrics

	PerAddress Rate // requests of one address; loose, because carriers share addresses
	PerUser    Rate // requests of one user

	RequestTime time.Duration // ends a request; 0 = 5 s

	Transport  *keys.Transport // opens sealed passwords; nil: only readable ones are taken
	SealedOnly bool            // refuse readable passwords
}

// A Server answers the requests of one channel.
type Server struct {
	db        *store.DB
	service   *Service
	rules     []passwd.PublicRule // of a new password, as every citizen reads them
	log       *slog.Logger
	proxies   []*net.IPNet
	channel   Channel
	own       func(*Server) []route // of the channel
	addresses *limiter
	users     *limiter
	metrics   *metrics

	turnedAway *turnedAway

	requestTime time.Duration

	transport  atomic.Pointer[keys.Transport]
	sealedOnly bool
}

// NewServer returns a Server, or an error that names what is missing.
func NewServer(c ServerConfig) (*Server, error) {
	if c.DB == nil || c.Service == nil || c.Hasher == nil || c.Channel == "" {
		return nil, errors.New("miniapp: DB, Service, Hasher and Channel are required")
	}
	if c.SealedOnly && c.Transport == nil {
		return nil, errors.New("miniapp: SealedOnly needs Transport")
	}
	s := &Server{
		db: c.DB, service: c.Service, rules: c.Service.Rules(), log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		proxies: c.Proxies, channel: c.Channel, own: c.Routes,
		addresses: newLimiter(c.PerAddress.or(DefaultPerAddress)),
		users:     newLimiter(c.PerUser.or(DefaultPerUser)),
		metrics:   newMetrics(c.Service, c.Hasher), sealedOnly: c.SealedOnly, requestTime: cmp.Or(c.RequestTime, requestTime),
		turnedAway: newTurnedAway(),
	}
	s.metrics.registry.MustRegister(c.Collectors...)
	s.ReplaceTransport(c.Transport)
	return s, nil
}

// ReplaceTransport changes the keys for sealed passwords. Pages that sealed for
// a key that is no longer there are told to seal again.
func (s *Server) ReplaceTransport(t *keys.Transport) { s.transport.Store(t) }

// requestTime is the longest a request may take unless the configuration says otherwise;
// what others are asked meanwhile is within it.
const requestTime = 5 * time.Second

// A route is one line of the contract.
type route struct {
	method, path string
	endpoint
}

func (s *Server) routes() []route {
	routes := []route{
		{"POST", "/v1/sessions/end", parting(s, s.endSession)},
		{"POST", "/v1/link", authed(s, s.addLink)},
		{"GET", "/v1/link", linked(s, s.showLink)},
		{"POST", "/v1/link/remove", authed(s, s.removeLink)},
		{"POST", "/v1/link/:id/confirm", authed(s, s.confirmLink)},
		{"GET", "/v1/accounts", linked(s, s.showAccounts)},
		{"POST", "/v1/accounts/:id/choose", linked(s, s.chooseAccount)},
		{"GET", "/v1/relinks", authed(s, s.showRelinks)},
		{"POST", "/v1/relinks/:id/confirm", authed(s, s.confirmRelink)},
		{"POST", "/v1/relinks/:id/cancel", authed(s, s.cancelRelink)},
		{"POST", "/v1/relinks/:id/object", linked(s, s.objectRelink)},
		{"GET", "/v1/consents", authed(s, s.showConsents)},
		{"POST", "/v1/consents", authed(s, s.giveConsent)},
		{"POST", "/v1/consents/withdraw", authed(s, s.withdrawConsent)},
		{"GET", "/v1/subscriptions", authed(s, s.showSubscriptions)},
		{"POST", "/v1/subscriptions", authed(s, s.noteSubscription)},
		{"GET", "/v1/password", linked(s, s.showPassword)},
		{"POST", "/v1/password/tickets", authed(s, s.makeTicket)},
		{"POST", "/v1/password/changes", linked(s, s.openChange)},
		{"GET", "/v1/password/changes/:id", authed(s, identified(s.showChange))},
		{"POST", "/v1/password/changes/:id/confirm", linked(s, s.confirming(s.service.ConfirmChange))},
		{"POST", "/v1/password/changes/:id/cancel", linked(s, s.cancelChange)},
		{"POST", "/v1/password/resets", linked(s, s.openReset)},
		{"GET", "/v1/password/resets/:id", authed(s, identified(s.showReset))},
		{"POST", "/v1/password/resets/:id/confirm", linked(s, s.confirming(s.service.ConfirmReset))},
		{"POST", "/v1/password/resets/:id/cancel", linked(s, s.cancelReset)},
		{"POST", "/v1/password/recoveries", authed(s, s.openRecovery)},
		{"GET", "/v1/password/recoveries/:id", authed(s, identified(s.showRecovery))},
		{"POST", "/v1/password/recoveries/:id/confirm", authed(s, s.confirming(s.service.ConfirmRecovery))},
		{"POST", "/v1/freeze", parting(s, s.freeze)},
		{"GET", "/v1/events", linked(s, s.showEvents)},
		{"GET", "/v1/me/data", linked(s, s.showOwnData)},
		{"GET", "/healthz", open(s, s.alive)},
		{"GET", "/readyz", open(s, s.ready)},
	}
	if s.own != nil {
		routes = append(routes, s.own(s)...)
	}
	return routes
}

// Handler returns the API for the public address.
func (s *Server) Handler() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = s.clientAddress()
	e.HTTPErrorHandler = s.fail
	e.Use(s.recorded, secured, s.limited, getOrPost, s.inTime, deadlined(s.requestTime))
	for _, r := range s.routes() {
		e.Add(r.method, r.path, r.serve)
	}
	return e
}

// fail is the one exit of every error, Echo's own included.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var http *echo.HTTPError
	if errors.As(err, &http) {
		err = fromStatus(http.Code)
	}
	e := asError(err)
	noteError(c, e)
	if busy := shed(err); busy != nil {
		err = s.turnAway(c, busy)
	} else {
		err = send(c, answerOf(c, nil, e))
	}
	if err != nil {
		noteError(c, ErrInternal.because(err))
	}
}

// secured sets the headers a scanner asks for, on every reply.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		setSecurity(c.Response().Header())
		return next(c)
	}
}

func setSecurity(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// getOrPost refuses what Echo would answer by itself: a preflight must not
// succeed, because no browser page has business here.
func getOrPost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if m := c.Request().Method; m != http.MethodGet && m != http.MethodPost {
			c.Response().Header().Set(echo.HeaderAllow, "GET, POST")
			return ErrMethodNotAllowed
		}
		return next(c)
	}
}

// deadlined bounds a request's time.
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

// clientAddress believes X-Forwarded-For only from the configured proxies.
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

// HTTPServer returns a server for h with every limit of time and size set.
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
