// Package app is the channel of the centre's own app. It serves the API of package httpapi with
// another way in: a person signs in with a document and the password, and every request proves
// possession of a key of the device (RFC 9449), so that a stolen token is useless. A device that
// is new needs a code by SMS.
package app

import (
	_ "embed"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/app/dpop"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// OpenAPI describes the routes that only this channel has.
//
//go:embed openapi.yaml
var OpenAPI []byte

// scheme is that of the header Authorization (RFC 9449, section 7.1).
const scheme = "DPoP"

// A Config configures an App. All fields are required.
type Config struct {
	DB      *store.DB
	Service *selfservice.Service

	// URL is what the app calls before the paths of the API, such as
	// https://app.example.gov.cn. Proofs are for these URLs. It is a setting, because the
	// server behind a proxy does not see the URL, and a header Host proves nothing.
	URL string
}

// An App serves the routes of the channel and verifies its proofs.
type App struct {
	db       *store.DB
	service  *selfservice.Service
	base     string // of every URL, without a slash at the end
	verifier dpop.Verifier
	nonces   *dpop.Nonces
}

// New returns the channel, or an error that names what is wrong.
func New(c Config) (*App, error) {
	if c.DB == nil || c.Service == nil {
		return nil, errors.New("app: DB and Service are required")
	}
	if err := CheckURL(c.URL); err != nil {
		return nil, err
	}
	nonces := dpop.NewNonces(c.DB.ProofNonceKey())
	return &App{db: c.DB, service: c.Service, base: strings.TrimSuffix(c.URL, "/"), verifier: dpop.Verifier{Nonces: nonces}, nonces: nonces}, nil
}

// CheckURL returns an error unless the API can be reached at the URL.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("app: is not a URL such as https://app.example.gov.cn")
	}
	return nil
}

// Routes returns the routes that only this channel has. Owners protect their account by most of
// them, so a closed channel still serves those; see httpapi.Protective.
func (a *App) Routes(s *httpapi.Server) []httpapi.Route {
	h := handlers{a, s}
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/sessions", Endpoint: httpapi.Protective(httpapi.Recognised(s, h.signIn, a.binding))},
		{Method: "POST", Path: "/v1/sessions/code", Endpoint: httpapi.Protective(httpapi.Recognised(s, h.giveCode, a.binding))},
		{Method: "POST", Path: "/v1/sessions/forgotten", Endpoint: httpapi.Recognised(s, h.startForgotten, a.binding)},
		{Method: "POST", Path: "/v1/sessions/forgotten/code", Endpoint: httpapi.Recognised(s, h.finishForgotten, a.binding)},
		{Method: "POST", Path: "/v1/sessions/tickets", Endpoint: httpapi.Protective(httpapi.Recognised(s, s.MakeBoundTicket, a.binding))},
		{Method: "GET", Path: "/v1/devices", Endpoint: httpapi.Protective(httpapi.Authed(s, h.showDevices))},
		{Method: "POST", Path: "/v1/devices/:id/end", Endpoint: httpapi.Protective(httpapi.Authed(s, h.endDevice))},
	}
}

// Configure adds to a server's configuration what this channel needs.
func (a *App) Configure(c httpapi.Config) httpapi.Config {
	c.Channel, c.Words, c.Routes = selfservice.ChannelApp, Words, a.Routes
	c.Scheme, c.Session = scheme, a.session
	c.Businesses = httpapi.BusinessesWith(businesses)
	return c
}

// businesses are the routes of this channel that do a business and are not in the API.
var businesses = map[string]httpapi.Business{
	"POST /v1/sessions/code":           {Name: "sign_in", Completes: true},
	"POST /v1/sessions/forgotten":      {Name: "reset"},
	"POST /v1/sessions/forgotten/code": {Name: "reset"},
}

// Handler adds to every reply of the API what the next proof needs: the newest nonce, and the
// time by which proofs are checked, for phones whose clock is wrong.
func (a *App) Handler(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := a.db.Now()
		w.Header().Set("DPoP-Nonce", a.nonces.Current(now))
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		api.ServeHTTP(w, r)
	})
}

// handlers have what a request needs besides its input.
type handlers struct {
	app    *App
	server *httpapi.Server
}

// urlOf returns the URL that the app has called.
func (a *App) urlOf(c echo.Context) string { return a.base + c.Request().URL.EscapedPath() }
