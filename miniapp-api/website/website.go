// Package website is the channel of the centre's pages in a browser (网上服务大厅). Pages are
// rendered on the server and work without JavaScript. A request passes a route (routes.go), the
// checks of request.go and form.go, one method of selfservice.Service and a template.
package website

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website/captcha"
	"fundpass/miniapp-api/website/oidc"
	"fundpass/store"
)

// A Config configures a Site. All fields but Documents and Issuer are required.
type Config struct {
	DB        *store.DB
	Service   *selfservice.Service
	Server    *httpapi.Server // of this channel, with Words
	Origin    string          // as browsers see the site, such as https://fund.example.gov.cn
	Issuer    *oidc.Settings  // at which citizens can sign in, too; nil = none
	Documents *document.List  // the centre's document codes; nil = the built-in list
}

// A Site serves the pages. Its methods are safe for concurrent use.
type Site struct {
	db        *store.DB
	service   *selfservice.Service
	server    *httpapi.Server
	documents *document.List
	origins   *http.CrossOriginProtection
	rules     []ruleView
	render    *renderer
	captchas  *captcha.Captchas
	issuer    *oidc.Client // nil = none
}

// New returns a Site, or an error that names the missing or invalid setting.
func New(c Config) (*Site, error) {
	if c.DB == nil || c.Service == nil || c.Server == nil {
		return nil, errors.New("website: DB, Service and Server are required")
	}
	if err := CheckOrigin(c.Origin); err != nil {
		return nil, err
	}
	s := &Site{db: c.DB, service: c.Service, server: c.Server, documents: c.Documents, origins: http.NewCrossOriginProtection(), rules: viewsOfRules(c.Service.Rules())}
	if s.documents == nil {
		s.documents = document.Default()
	}
	if err := s.origins.AddTrustedOrigin(c.Origin); err != nil {
		return nil, err
	}
	s.captchas = captcha.New(c.DB, pathCaptcha)
	var err error
	if c.Issuer != nil {
		if s.issuer, err = oidc.New(*c.Issuer, c.DB, oidc.Options{RedirectURL: c.Origin + IssuerBack}); err != nil {
			return nil, err
		}
	}
	s.render, err = newRenderer()
	return s, err
}

// CheckOrigin returns an error unless origin is the origin of an HTTPS site, or of this machine.
// Elsewhere browsers neither send the session cookie over HTTP nor accept it.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin:
		return errors.New("website: origin is not scheme://host or scheme://host:port")
	case u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"):
		return nil
	}
	return errors.New("website: origin is not https")
}

// Handler returns the pages for the public address.
func (s *Site) Handler() http.Handler {
	e := s.server.NewEcho(secure, s.fail)
	e.Use(s.sameOrigin)
	for _, r := range s.routes() {
		e.Add(r.method, r.path, s.server.Gated(r.access(httpapi.Endpoint{Serve: s.serve(r)})))
	}
	if s.issuer != nil {
		e.GET(pathIssuer, s.server.Gated(httpapi.Protective(httpapi.Endpoint{Serve: s.startIssuer})))
		e.GET(IssuerBack, s.server.Gated(httpapi.Protective(httpapi.Endpoint{Serve: s.finishIssuer})))
	}
	e.GET(pathCaptcha+"/image", s.captchaImage)
	e.GET(pathCaptcha+"/sound", s.captchaSound)
	e.POST("/view", s.setView)
	for name, a := range s.render.assets {
		e.GET("/static/"+name, a.serve)
	}
	return e
}

// secure sets the security headers. Pages load styles, one script and captchas of this origin and
// nothing else. The referrer policy is not no-referrer, with which browsers send "Origin: null".
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// sameOrigin refuses requests that a page of another origin causes. The token of each form
// refuses them, too, where a browser sends neither Sec-Fetch-Site nor Origin.
func (s *Site) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.origins.Check(c.Request()); err != nil {
			return errForeign.WithCause(err)
		}
		return next(c)
	}
}

// A ruleView is a rule for a new password. Check is the JSON that the page's script checks;
// "" if only the server can.
type ruleView struct{ Text, Check string }

func viewsOfRules(rules []passwd.PublicRule) []ruleView {
	var views []ruleView
	for _, r := range rules {
		v := ruleView{Text: r.Text}
		if !r.Check.Server {
			v.Check = mustJSON(r.Check)
		}
		views = append(views, v)
	}
	return views
}
