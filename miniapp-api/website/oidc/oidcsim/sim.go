// Package oidcsim simulates an OpenID Connect issuer, such as the sign-on of a province, for
// tests and for the demo. It implements discovery, the authorization code flow with PKCE,
// keys and userinfo. It checks requests strictly and produces faults on demand (Fault).
//
// It uses the standard library only and shares no code with package oidc. If both used the same
// library for tokens, a mistake in it would cancel out and every test would pass.
package oidcsim

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Config configures a Sim. Issuer, ClientID, ClientSecret and RedirectURL are required.
type Config struct {
	Issuer       string // with the path under which Handler is mounted, e.g. http://127.0.0.1:8080/province
	Name         string // Chinese, the title of its pages; "" = 模拟省统一身份认证平台
	ClientID     string
	ClientSecret string
	RedirectURL  string
	People       []Person
	// ClientAuth is the one accepted way to authenticate: "basic" or "post"; "" = "basic".
	ClientAuth string
	// InToken puts the claims about the person into the id_token, not only into userinfo.
	InToken bool
	// Key is the first key, of 2048 bits; nil = a new one.
	Key *rsa.PrivateKey
	Now func() time.Time // nil = time.Now
}

// A Person is an account at the issuer. The claims are "name", "id_type" ("10" = ID card),
// "id_number" and "level".
type Person struct {
	Login    string // the key of the person, and the sub claim
	Name     string
	IDType   string
	IDNumber string
	Level    string // of identity verification: "L1" is none, "L3" is verified
}

// A Sim is a simulated issuer. It is safe for concurrent use.
type Sim struct {
	cfg  Config
	path string // of Issuer

	mu     sync.Mutex
	key    *rsa.PrivateKey
	keyID  string
	old    *rsa.PrivateKey // the one before; nil = none
	oldID  string
	fault  Fault
	grants map[string]*grant // by code
	access map[string]*grant // by access token
	calls  map[string]int    // by endpoint
}

// A grant is one sign-in, from the code on.
type grant struct {
	person      Person
	redirectURL string
	challenge   string
	nonce       string
	at          time.Time
	used        bool
	token       string
}

// codeLife is how long a code is valid.
const codeLife = time.Minute

// New returns a Sim.
func New(c Config) (*Sim, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || c.ClientID == "" || c.ClientSecret == "" || c.RedirectURL == "" {
		return nil, errors.New("oidcsim: Issuer, ClientID, ClientSecret and RedirectURL are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Name == "" {
		c.Name = "模拟省统一身份认证平台"
	}
	s := &Sim{cfg: c, path: u.Path, grants: map[string]*grant{}, access: map[string]*grant{}, calls: map[string]int{}}
	if s.key, s.keyID = c.Key, "first"; s.key != nil {
		return s, nil
	}
	s.RotateKey()
	return s, nil
}

// RotateKey replaces the key and withdraws the old one.
func (s *Sim) RotateKey() {
	key := newKey()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old, s.oldID = s.key, s.keyID
	s.key, s.keyID = key, rand.Text()
}

// Fault applies f to all requests until it is called again; "" ends the fault.
func (s *Sim) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls returns how often an endpoint was called: "discovery", "authorize", "token", "keys",
// "userinfo" or "elsewhere", the target of the fault RedirectToken.
func (s *Sim) Calls(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[endpoint]
}

// Handler returns the issuer. It serves the paths below that of Issuer.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern, path, endpoint string, h http.HandlerFunc) {
		mux.HandleFunc(pattern+" "+s.path+path, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.calls[endpoint]++
			f := s.fault
			s.mu.Unlock()
			if !s.spoil(w, r, endpoint, f) {
				h(w, r)
			}
		})
	}
	route("GET", "/.well-known/openid-configuration", "discovery", s.discovery)
	route("GET", "/authorize", "authorize", s.authorize)
	route("POST", "/authorize", "authorize", s.authorize)
	route("POST", "/token", "token", s.token)
	route("GET", "/keys", "keys", s.keys)
	route("GET", "/userinfo", "userinfo", s.userInfo)
	route("POST", "/elsewhere", "elsewhere", s.token)
	return mux
}

// state returns the key and the fault of one moment.
func (s *Sim) state() (key *rsa.PrivateKey, keyID string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key, s.keyID, s.fault
}
