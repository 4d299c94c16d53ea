package website

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website/oidc"
)

// IssuerBack is the path to which the issuer sends the browser back, as registered there.
const IssuerBack = pathIssuer + "/back"

const pathIssuer = "/sign-in/issuer"

// An issuerFailure is an error of package oidc with what it means here.
type issuerFailure struct {
	err  error
	code string // for the log and the metrics
	why  string // the query of the sign-in page, where the other ways are
}

var issuerFailures = []issuerFailure{
	{oidc.ErrUnavailable, "ISSUER_UNAVAILABLE", "issuer-down"},
	{oidc.ErrDenied, "ISSUER_DENIED", "issuer-denied"},
	{oidc.ErrExpired, "ISSUER_EXPIRED", "issuer-expired"},
	{oidc.ErrUnverified, "ISSUER_UNVERIFIED", "issuer-unverified"},
	{oidc.ErrNoDocument, "ISSUER_NO_DOCUMENT", "issuer-document"},
	{oidc.ErrRejected, "ISSUER_REJECTED", "issuer-rejected"},
}

// CheckIssuer fetches the issuer's metadata, so that a wrong setting is found before a citizen
// finds it. It returns nil if there is no issuer.
func (s *Site) CheckIssuer(ctx context.Context) error {
	if s.issuer == nil {
		return nil
	}
	return s.issuer.Check(ctx)
}

// issuerButton returns the text of the button on the sign-in page, or "".
func (s *Site) issuerButton() string {
	if s.issuer == nil {
		return ""
	}
	return s.issuer.Button()
}

// startIssuer leads to the issuer's page.
func (s *Site) startIssuer(c echo.Context) error {
	return s.issuerFailed(c, s.issuer.Start(c.Response(), c.Request()))
}

// finishIssuer opens a session for the person whom the issuer proves. It answers with a page that
// leads on by itself, because a browser does not send the session's cookie after a redirect that
// began at the issuer. The session that the browser had before is not known here for the same
// reason; its cookie is replaced, and it ends by itself.
func (s *Site) finishIssuer(c echo.Context) error {
	person, err := s.issuer.Finish(c.Response(), c.Request())
	if err != nil {
		return s.issuerFailed(c, err)
	}
	seed, digest, err := s.newSession()
	if err != nil {
		return err
	}
	req := &request{Caller: s.server.CallerOf(c)}
	if _, err := s.service.SignInProven(c.Request().Context(), req.Caller, selfservice.Person(person), digest); err != nil {
		return err
	}
	c.Response().Header().Set("Refresh", "0; url="+pathHome)
	return s.send(c, s.answerOf(c, req, reply{page: "signed-in", seed: seed, endsStep: true}, http.StatusOK))
}

// issuerFailed leads to the sign-in page, which says what to do. The URL with the issuer's code
// does not stay in the address bar.
func (s *Site) issuerFailed(c echo.Context, err error) error {
	for _, f := range issuerFailures {
		if errors.Is(err, f.err) {
			httpapi.RecordError(c, (&selfservice.Error{Code: f.code}).WithCause(err))
			return c.Redirect(http.StatusSeeOther, pathSignIn+"?why="+f.why)
		}
	}
	return err
}
