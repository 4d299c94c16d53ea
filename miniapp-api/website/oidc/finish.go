package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"fundpass/store"
)

// finishTimeout bounds the calls of one Finish together.
const finishTimeout = 8 * time.Second

// A Person is whom the issuer vouches for. IDType is the centre's code.
type Person struct{ Name, IDType, IDNumber string }

// Finish reads the redirect with which the issuer sends the browser back, and returns the person
// who signed in. Over all servers it succeeds at most once for each Start, and only in the
// browser that Start answered. It deletes the cookie. Its errors are those of this package and
// of the store.
//
// The URL contains the code, so the caller logs no query, and answers with a page that leads on
// by itself: after a redirect browsers would not send a SameSite=Strict cookie, because the
// navigation began at the issuer.
func (c *Client) Finish(w http.ResponseWriter, r *http.Request) (Person, error) {
	ctx, stop := context.WithTimeout(r.Context(), finishTimeout)
	defer stop()
	setCookie(w, "", -1)
	p, err := c.provider(ctx)
	if err != nil {
		return Person{}, err
	}
	answer, err := parseCallback(r.URL.RawQuery)
	if err != nil {
		return Person{}, err
	}
	f, err := c.spend(ctx, r, answer.state)
	if err != nil {
		return Person{}, err
	}
	if err := answer.check(c.settings.Issuer, p.iss); err != nil {
		return Person{}, err
	}
	token, err := c.exchange(ctx, p, answer.code, f.verifier)
	if err != nil {
		return Person{}, err
	}
	all, err := c.verify(ctx, p, token, f.nonce)
	if err != nil {
		return Person{}, err
	}
	if p.userInfo && !c.complete(all) {
		if all, err = c.addUserInfo(ctx, p, token, all); err != nil {
			return Person{}, err
		}
	}
	return c.person(all)
}

// spend ends the sign-in that the browser's cookie and the state belong to, whatever comes of
// it, and returns what Start kept.
func (c *Client) spend(ctx context.Context, r *http.Request, state string) (flow, error) {
	cookies := r.CookiesNamed(cookieName)
	if len(cookies) != 1 {
		return flow{}, fmt.Errorf("%w: %d cookies", ErrExpired, len(cookies))
	}
	value, err := c.db.SpendOneTime(ctx, store.OneTimeSignIn, c.binding(state), cookies[0].Value)
	switch {
	case errors.Is(err, store.ErrOneTime):
		return flow{}, fmt.Errorf("%w: state", ErrExpired)
	case errors.Is(err, store.ErrConflict):
		return flow{}, fmt.Errorf("%w: used before", ErrExpired)
	case err != nil:
		return flow{}, err
	}
	return parseFlow(value)
}

// A callback is the query of the issuer's redirect.
type callback struct {
	state, code, iss string
	failure          string // the error parameter
}

// maxCallback bounds the query of a redirect.
const maxCallback = 8 << 10

// parseCallback reads the query. Parameters of extensions are ignored; those that count must not
// be repeated (RFC 6749, section 3.1), and there is either a code or an error.
func parseCallback(query string) (callback, error) {
	if len(query) > maxCallback {
		return callback{}, rejected("callback is too long")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return callback{}, rejected("callback is not a query")
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(values[name]) > 1 {
			return callback{}, rejected(name + " is repeated")
		}
	}
	a := callback{values.Get("state"), values.Get("code"), values.Get("iss"), values.Get("error")}
	switch {
	case a.state == "":
		return callback{}, rejected("no state")
	case (a.code == "") == (a.failure == ""):
		return callback{}, rejected("neither code nor error, or both")
	case !only(a.code, func(r rune) bool { return r >= ' ' && r < 0x7f }): // VSCHAR of RFC 6749, appendix A
		return callback{}, rejected("code")
	}
	return a, nil
}

// check returns an error if the answer comes from another issuer (RFC 9207) or is an error.
func (a callback) check(issuer string, announced bool) error {
	switch {
	case a.iss == "" && announced:
		return rejected("no iss parameter")
	case a.iss != "" && a.iss != issuer:
		return rejected("iss parameter")
	case a.failure == "":
		return nil
	case slices.Contains([]string{"access_denied", "login_required", "interaction_required", "consent_required"}, a.failure):
		return ErrDenied
	case a.failure == "server_error", a.failure == "temporarily_unavailable":
		return fmt.Errorf("%w: %s", ErrUnavailable, a.failure)
	case slices.Contains([]string{"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope"}, a.failure):
		return fmt.Errorf("%w: %s", ErrUnavailable, a.failure) // a setting is wrong here or there
	}
	return rejected("unknown error")
}

// exchange sends the code to the issuer and returns the tokens.
func (c *Client) exchange(ctx context.Context, p *provider, code, verifier string) (*oauth2.Token, error) {
	token, err := p.oauth.Exchange(c.context(ctx), code, oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return nil, rejected("code")
	case errors.As(err, &refused):
		return nil, down("token: the client or the request is refused", nil)
	case err != nil:
		return nil, down("token", err)
	case token.Type() != "Bearer":
		return nil, rejected("token type")
	}
	return token, nil
}
