// Package alipaysim simulates Alipay's gateway for tests, for the demo and for developers
// without a sandbox account. It implements the real protocol on /gateway.do: it checks
// requests as strictly as Alipay, signs responses with a key of its own, and produces
// faults on demand (Fault). The paths under /sim control it.
//
// It shares no code with package signing. If both used the same canonical text, a mistake
// in it would cancel out and every test would pass.
package alipaysim

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ErrUnknownPerson means that no Person of that name was added.
var ErrUnknownPerson = errors.New("alipaysim: unknown person")

// A Person is an invented depositor with an Alipay account.
type Person struct {
	Person    string `json:"person"` // the key of the person, e.g. "ok"
	Story     string `json:"story"`  // what is special; "face_fails" and "face_pending" set the outcome of face verifications
	Name      string `json:"name"`
	IDType    string `json:"id_type"` // ZJLX code, "01" = ID card
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no"`
	Phone     string `json:"phone"`
	Password  string `json:"password"` // of the fund account; shown by the demo, unknown to Alipay

	OpenID string `json:"-"` // derived from Person if UserID is "", too
	UserID string `json:"-"` // 2088..., for old applications; with or without OpenID
	// Subscribed is the subscription to every template for which Subscribe was not called.
	Subscribed bool `json:"-"`
	Certified  bool `json:"-"` // real-name certified at Alipay; otherwise no verification succeeds
}

// Config configures a Sim. AppID and AppKey are required.
type Config struct {
	AppID  string
	AppKey *rsa.PublicKey   // verifies the application's requests
	Now    func() time.Time // nil = time.Now

	// Target is the base URL to which notices are posted, e.g. http://127.0.0.1:8080; "" = none.
	Target string
	// Key is Alipay's key; nil = a new one. A demo that restarts keeps its key.
	Key *rsa.PrivateKey
	// Redirect is the target of the fault "redirect"; "" = a closed loopback port.
	Redirect string
	// Slow is the delay of the fault "slow"; 0 = 3 s.
	Slow time.Duration
	// SpareMessages exempts template messages from faults. They are sent in the
	// background and would use up a fault meant for another call.
	SpareMessages bool
	// Certificates selects certificate mode; nil = public-key mode.
	Certificates *Certificates
	// ContentKey is the AES-128 key that encrypts phone numbers; nil = not configured.
	ContentKey []byte
}

// Certificates are the serial numbers of certificate mode, 32 hex digits each; Root may be
// several joined by '_'. AlipayNext is that of Alipay's key after RotateKey.
type Certificates struct {
	App, Root, Alipay, AlipayNext string
	// PEM is the result of alipay.open.app.alipaycert.download by serial number: a
	// certificate and its issuers.
	PEM map[string][]byte
}

// A Sim is a running simulator: an http.Handler. It is safe for concurrent use.
type Sim struct {
	cfg        Config
	mux        *http.ServeMux
	foreignKey func() (*rsa.PrivateKey, error) // another application's Alipay key, generated on first use
	own        ownKeys
	thirdParty *ThirdParty // the application that calls for this mini-program; nil: itself

	mu          sync.Mutex
	people      []Person // in the order added
	codes       map[string]credential
	tokens      map[string]credential
	verifies    map[string]claim
	checks      map[string]*verification // by certify_id
	orders      map[string]bool          // outer_order_no, used once each
	calls       map[string]int
	messages    []Message
	subscribed  map[subscription]bool
	withdrawals []withdrawal // oldest first
	disclosure  string       // see Identify
	fault       string
	faults      int // remaining calls to which fault applies
}

// A credential is an auth code or an access token.
type credential struct {
	person  string
	expires time.Time
}

// New returns a simulator without people. It generates a key unless cfg has one. It
// returns an error if AppID or AppKey is missing.
func New(cfg Config) (*Sim, error) {
	if cfg.AppID == "" || cfg.AppKey == nil {
		return nil, errors.New("alipaysim: AppID and AppKey are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Redirect = cmp.Or(cfg.Redirect, "http://127.0.0.1:9/")
	if cfg.Key == nil {
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		cfg.Key = key
	}
	s := &Sim{
		cfg:        cfg,
		foreignKey: sync.OnceValues(newKey),
		codes:      make(map[string]credential),
		tokens:     make(map[string]credential),
		verifies:   make(map[string]claim),
		checks:     make(map[string]*verification),
		orders:     make(map[string]bool),
		calls:      make(map[string]int),

		subscribed: make(map[subscription]bool),
	}
	s.own.current = &alipayKey{key: cfg.Key}
	if cfg.Certificates != nil {
		s.own.current.sn = cfg.Certificates.Alipay
	}
	s.mux = s.routes()
	return s, nil
}

func newKey() (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("alipaysim: %w", err)
	}
	return key, nil
}

// Add adds p, or replaces the person with the same name.
func (s *Sim) Add(p Person) {
	if p.OpenID == "" && p.UserID == "" {
		p.OpenID = s.openID(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(p.Person); i >= 0 {
		s.people[i] = p
		return
	}
	s.people = append(s.people, p)
}

// find returns the index of person, or -1. The caller holds mu.
func (s *Sim) find(person string) int {
	return slices.IndexFunc(s.people, func(p Person) bool { return p.Person == person })
}

// People returns the people in the order in which they were added.
func (s *Sim) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.people)
}

// AuthCode returns a new auth code of person, like my.getAuthCode. It is valid for one
// exchange within 3 minutes. It returns ErrUnknownPerson.
func (s *Sim) AuthCode(person string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(person) < 0 {
		return "", ErrUnknownPerson
	}
	return s.issueCredential(s.codes, "", credential{person, s.cfg.Now().Add(3 * time.Minute)}), nil
}

// issueCredential stores c in issued under a new random id, which it returns. The caller
// holds mu.
func (s *Sim) issueCredential(issued map[string]credential, prefix string, c credential) string {
	if len(issued)%1024 == 0 { // not every time, to keep the cost of a call low
		now := s.cfg.Now()
		maps.DeleteFunc(issued, func(_ string, old credential) bool { return now.After(old.expires) })
	}
	id := prefix + randomHex()
	issued[id] = c
	return id
}

// randomHex returns 32 hex digits.
func randomHex() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Calls returns the number of calls of method, including failures; "" counts all calls.
func (s *Sim) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Messages returns the last 1000 template messages and face verifications, oldest first.
func (s *Sim) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }
