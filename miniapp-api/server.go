// Package miniapp is the HTTP API that the mini-program and Alipay call: what
// callers may ask. Echo is only known here. A request goes one way: route
// (server.go), request to input (handler.go), rule (session.go, link.go,
// change.go ...), one store method, reply (reply.go, errors.go).
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

	"fundpass/keys"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
	"fundpass/store"
)

// A Proof says how a link is proven beside the password: one way, or several joined
// with commas, see List.
type Proof string

// Proofs a centre can configure.
const (
	// ProofCertdoc asks Alipay whether its user is the person: name and document
	// are compared by alipay.user.certdoc.certverify.*.
	ProofCertdoc Proof = "certdoc"

	// ProofFace has Alipay verify the face against the centre's record of the account.
	ProofFace Proof = "face"

	// ProofPhone compares the phone number that Alipay vouches for with the one on file.
	ProofPhone Proof = "phone"

	// ProofNone trusts the password alone. An initial password then opens a link
	// for whoever knows the ID number, so the account must change it at once.
	ProofNone Proof = "none"
)

// A Config is what a Server is made of. All fields but InitialProof, Reset, Relink, Consent,
// ConsentTexts, MessageTemplate, Log, Proxies, Documents and the limits are required.
type Config struct {
	DB      *store.DB
	Alipay  *signing.Gateway
	Policy  *passwd.Policy
	Hasher  *passwd.Hasher
	Proof   Proof
	Reset   ResetProof // "" = ResetCertify
	Log     *slog.Logger
	Proxies []*net.IPNet // reverse proxies whose X-Forwarded-For is believed

	// ContentKey is the AES-128 key of 接口内容加密; nil = phone numbers are not offered.
	ContentKey []byte

	InitialProof Proof         // for initial passwords and those that must be changed; "" = Proof without the phone
	Relink       Relink        // taking over a link; the zero value: with a clerk's code only
	Consent      ConsentMode   // "" = ConsentRecorded
	ConsentTexts []ConsentText // nil = the built-in ones, see ParseConsents

	PerAddress Rate // requests of one address; loose, because carriers share addresses
	PerUser    Rate // requests of one Alipay user

	RequestTime time.Duration // ends a request; 0 = 5 s

	MessageTemplate string // by which notices to owners are sent; "" = they are only recorded

	Transport  *keys.Transport // opens sealed passwords; nil: only readable ones are taken
	SealedOnly bool            // refuse readable passwords

	Documents *document.List // which document the centre means by which code; nil: the built-in list
}

// A Server answers the mini-program.
type Server struct {
	db        *store.DB
	alipay    *signing.Gateway
	policy    *passwd.Policy
	rules     []passwd.PublicRule // the policy's, as every citizen reads them
	hasher    *passwd.Hasher
	accepted  proofs
	reset     ResetProof
	relink    Relink
	log       *slog.Logger
	proxies   []*net.IPNet
	addresses *limiter
	users     *limiter
	metrics   *metrics
	template  string // of messages to owners; "" = none are sent
	pace      pace
	constant  constantAnswers

	turnedAway *turnedAway

	requestTime time.Duration

	transport  atomic.Pointer[keys.Transport]
	sealedOnly bool
	content    atomic.Pointer[[]byte] // the content key

	documents *document.List

	consentMode  ConsentMode
	consentTexts []ConsentText
}

// fill sets what is left out. It returns an error that names what is missing.
func (c *Config) fill() (err error) {
	if c.DB == nil || c.Alipay == nil || c.Policy == nil || c.Hasher == nil {
		return errors.New("miniapp: DB, Alipay, Policy and Hasher are required")
	}
	if !c.DB.HasPepper() {
		return errors.New("miniapp: DB needs the pepper")
	}
	if c.Reset = cmp.Or(c.Reset, ResetCertify); c.Reset != ResetCertify && c.Reset != ResetOff {
		return errors.New("miniapp: reset must be certify or off")
	}
	if c.Relink.Offered && c.MessageTemplate == "" {
		return errors.New("miniapp: a link is only taken over once its holder was told, which needs MessageTemplate")
	}
	if c.Relink.Window < 0 {
		return errors.New("miniapp: the window of a relink is below 0")
	}
	if c.Consent = cmp.Or(c.Consent, ConsentRecorded); c.Consent != ConsentRecorded && c.Consent != ConsentRequired {
		return errors.New("miniapp: consent must be recorded or required")
	}
	if c.ConsentTexts, err = orBuiltin(c.ConsentTexts); err != nil {
		return err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Documents == nil {
		c.Documents = document.Default()
	}
	if c.SealedOnly && c.Transport == nil {
		return errors.New("miniapp: SealedOnly needs Transport")
	}
	return nil
}

// New returns a Server, or an error that names what is missing.
func New(c Config) (*Server, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	accepted, err := newProofs(c.Proof, c.InitialProof)
	if err != nil {
		return nil, err
	}
	s := &Server{
		db: c.DB, alipay: c.Alipay, policy: c.Policy, rules: c.Policy.Public(), hasher: c.Hasher, accepted: accepted, reset: c.Reset, relink: c.Relink,
		log: c.Log, proxies: c.Proxies,
		addresses: newLimiter(c.PerAddress.or(DefaultPerAddress)),
		users:     newLimiter(c.PerUser.or(DefaultPerUser)),
		metrics:   newMetrics(c.Hasher), template: c.MessageTemplate, sealedOnly: c.SealedOnly, documents: c.Documents,
		consentMode: c.Consent, consentTexts: c.ConsentTexts, requestTime: cmp.Or(c.RequestTime, requestTime),
		turnedAway: newTurnedAway(),
	}
	s.metrics.registry.MustRegister(sandboxKeys(c.Alipay))
	s.ReplaceTransport(c.Transport)
	s.ReplaceContentKey(c.ContentKey)
	return s, nil
}

// ReplaceTransport changes the keys for sealed passwords. Pages that sealed for
// a key that is no longer there are told to seal again.
func (s *Server) ReplaceTransport(t *keys.Transport) { s.transport.Store(t) }

// requestTime is the longest a request may take unless Config says otherwise;
// Alipay's share is within it.
const requestTime = 5 * time.Second

// A route is one line of the contract.
type route struct {
	method, path string
	endpoint
}

func (s *Server) routes() []route {
	return []route{
		{"POST", "/v1/sessions", open(s, s.openSession)},
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
		{"POST", "/v1/phone", authed(s, s.showPhone)},
		{"GET", "/v1/password", linked(s, s.showPassword)},
		{"POST", "/v1/password/tickets", authed(s, s.makeTicket)},
		{"POST", "/v1/password/changes", linked(s, s.openChange)},
		{"GET", "/v1/password/changes/:id", authed(s, s.showChange)},
		{"POST", "/v1/password/changes/:id/confirm", linked(s, s.confirmChange)},
		{"POST", "/v1/password/changes/:id/cancel", linked(s, s.cancelChange)},
		{"POST", "/v1/password/resets", linked(s, s.openReset)},
		{"GET", "/v1/password/resets/:id", authed(s, s.showReset)},
		{"POST", "/v1/password/resets/:id/confirm", linked(s, s.confirmReset)},
		{"POST", "/v1/password/resets/:id/cancel", linked(s, s.cancelReset)},
		{"POST", "/v1/password/recoveries", authed(s, s.openRecovery)},
		{"GET", "/v1/password/recoveries/:id", authed(s, s.showRecovery)},
		{"POST", "/v1/password/recoveries/:id/confirm", authed(s, s.confirmRecovery)},
		{"POST", "/v1/freeze", parting(s, s.freeze)},
		{"GET", "/v1/events", linked(s, s.showEvents)},
		{"GET", "/v1/me/data", linked(s, s.showOwnData)},
		{"POST", "/alipay/notifications", raw(s.notified)},
		{"POST", "/alipay/spi", raw(s.called)},
		{"GET", "/alipay/spi", raw(s.called)},
		{"GET", "/healthz", open(s, s.alive)},
		{"GET", "/readyz", open(s, s.ready)},
	}
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
