// Package oidc signs citizens in at an OpenID Connect issuer, such as the sign-on of a province,
// which vouches for name and identity document. It implements the authorization code flow with
// PKCE (RFC 7636) and the checks of OpenID Connect Core 1.0 and RFC 9207, on top of
// github.com/coreos/go-oidc.
//
// No token leaves the package, and no error of it has a token, a claim or a text of the issuer.
package oidc

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"fundpass/store"
)

// Options are what is not the issuer's. RedirectURL is required.
type Options struct {
	// RedirectURL is the URL of this website at which Finish is called. It is registered at the
	// issuer.
	RedirectURL string

	Timeout time.Duration  // of one call; 0 = 4 s
	RootCAs *x509.CertPool // roots of the issuer's TLS certificate; nil = the system's
}

// A Client signs citizens in at one issuer. It is safe for concurrent use.
type Client struct {
	settings Settings
	redirect string
	db       *store.DB
	http     *http.Client

	mu      sync.Mutex // held during a discovery, so that there is one at a time
	found   *provider  // nil before the first discovery
	retryAt time.Time  // no discovery before, because the last one failed
	failure error      // of that one
}

// A provider is the issuer's metadata with the keys that belong to it.
type provider struct {
	*coreos.Provider
	keys     *coreos.RemoteKeySet
	oauth    oauth2.Config
	iss      bool // the issuer adds its name to the authorization response (RFC 9207)
	userInfo bool // it has a userinfo endpoint
	at       time.Time
}

const (
	// metadataLife bounds how long metadata, and a key that the issuer has withdrawn, are used.
	// New keys are fetched as soon as a token names one.
	metadataLife = time.Hour
	// staleLife bounds how long they are used if they cannot be fetched again.
	staleLife = 6 * time.Hour
	// retryAfter is the pause after a failed discovery. Citizens get the answer at once
	// meanwhile, instead of each waiting for a timeout.
	retryAfter = 10 * time.Second
)

// New returns a client for the issuer of valid settings. It makes no call.
func New(s Settings, db *store.DB, o Options) (*Client, error) {
	if db == nil {
		return nil, errors.New("oidc: DB is required")
	}
	if err := errors.Join(s.problems()...); err != nil {
		return nil, errors.Join(ErrSettings, err)
	}
	if s.secret == "" {
		return nil, errors.Join(ErrSettings, errors.New("the client secret is missing"))
	}
	if err := checkURL(o.RedirectURL); err != nil {
		return nil, fmt.Errorf("oidc: the redirect URL %w", err)
	}
	if o.Timeout <= 0 {
		o.Timeout = callTimeout
	}
	return &Client{settings: s, redirect: o.RedirectURL, db: db, http: newHTTPClient(o.Timeout, o.RootCAs)}, nil
}

// Button returns the text of the button that starts the sign-in.
func (c *Client) Button() string { return "使用" + c.settings.Name + "登录" }

// Check fetches the issuer's metadata, for an operator who checks the settings.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.provider(ctx)
	return err
}

// provider returns the issuer's metadata. It fetches them if there are none or if they are old.
func (c *Client) provider(ctx context.Context) (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.db.Now()
	if c.found != nil && now.Sub(c.found.at) < metadataLife {
		return c.found, nil
	}
	if !now.Before(c.retryAt) {
		found, err := c.discover(ctx)
		if err == nil {
			found.at, c.found = now, found
			return found, nil
		}
		c.failure, c.retryAt = err, now.Add(retryAfter)
	}
	if c.found != nil && now.Sub(c.found.at) < staleLife {
		return c.found, nil
	}
	return nil, c.failure
}

// discover fetches the metadata. It does not end with ctx, because others may wait for it.
func (c *Client) discover(ctx context.Context) (*provider, error) {
	ctx = c.context(context.WithoutCancel(ctx))
	p, err := coreos.NewProvider(ctx, c.settings.Issuer)
	if err != nil {
		return nil, down("discovery", err)
	}
	var meta struct {
		TokenURL string   `json:"token_endpoint"`
		AuthURL  string   `json:"authorization_endpoint"`
		KeysURL  string   `json:"jwks_uri"`
		UserInfo string   `json:"userinfo_endpoint"`
		PKCE     []string `json:"code_challenge_methods_supported"`
		Iss      bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&meta); err != nil {
		return nil, down("discovery", err)
	}
	for _, endpoint := range []string{meta.TokenURL, meta.AuthURL, meta.KeysURL, cmp.Or(meta.UserInfo, meta.TokenURL)} {
		if !c.trusts(endpoint) {
			return nil, down("discovery: an endpoint is missing or not https", nil)
		}
	}
	if meta.PKCE != nil && !slices.Contains(meta.PKCE, "S256") {
		return nil, down("discovery: no S256", nil)
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // never guessed, because a guess sends the code twice
	if c.settings.ClientAuth == "post" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &provider{
		Provider: p, keys: coreos.NewRemoteKeySet(ctx, meta.KeysURL), iss: meta.Iss, userInfo: meta.UserInfo != "",
		oauth: oauth2.Config{
			ClientID: c.settings.ClientID, ClientSecret: c.settings.secret, Endpoint: endpoint, RedirectURL: c.redirect,
			Scopes: append([]string{coreos.ScopeOpenID}, c.settings.Scopes...),
		},
	}, nil
}

// trusts reports whether an endpoint is as safe as the issuer: plain http only if the issuer is
// a simulator.
func (c *Client) trusts(endpoint string) bool {
	if base, _, _ := strings.Cut(endpoint, "?"); checkURL(base) != nil {
		return false
	}
	return strings.HasPrefix(endpoint, "https:") || strings.HasPrefix(c.settings.Issuer, "http:")
}

// context returns ctx with the client of the back channel, for both libraries.
func (c *Client) context(ctx context.Context) context.Context {
	return coreos.ClientContext(ctx, c.http)
}
