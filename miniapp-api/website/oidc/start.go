package oidc

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"fundpass/store"
)

// cookieName is the name of the cookie that binds a sign-in to the browser. Its prefix makes
// browsers refuse it from other hosts and over plain http.
const cookieName = "__Host-oidc"

// A flow is what a sign-in keeps in the browser's cookie, sealed, between Start and Finish.
type flow struct{ nonce, verifier string }

// Start redirects the browser to the issuer's page, or returns ErrUnavailable before anything is
// written. The cookie it sets is SameSite=Lax, because the issuer's redirect back is a request
// from another site, with which browsers send no Strict cookie.
func (c *Client) Start(w http.ResponseWriter, r *http.Request) error {
	p, err := c.provider(r.Context())
	if err != nil {
		return err
	}
	state, f := rand.Text(), flow{nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	token, err := c.db.NewOneTime(store.OneTimeSignIn, c.binding(state), []byte(f.nonce+" "+f.verifier))
	if err != nil {
		return err
	}
	options := []oauth2.AuthCodeOption{coreos.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)}
	if c.settings.MaxAge != nil {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(*c.settings.MaxAge)))
	}
	setCookie(w, token, int(store.OneTimeLife.Seconds()))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", p.oauth.AuthCodeURL(state, options...))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// binding returns what the cookie's token is bound to: the state in the issuer's redirect, and
// the issuer, so that a server with other settings does not send the code elsewhere.
func (c *Client) binding(state string) []byte {
	return []byte(c.settings.Issuer + " " + c.settings.ClientID + " " + state)
}

// parseFlow is the inverse of how Start writes a flow.
func parseFlow(value []byte) (flow, error) {
	nonce, verifier, ok := strings.Cut(string(value), " ")
	if !ok {
		return flow{}, store.ErrOneTime
	}
	return flow{nonce, verifier}, nil
}

// setCookie sets the cookie, or deletes it if maxAge is negative.
func setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
