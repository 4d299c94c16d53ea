// Package alipaysim is a stand-in for Alipay's gateway, for tests, for the demo and
// for developers without a sandbox account. It speaks the real protocol on
// /gateway.do: it checks requests as strictly as Alipay does, signs its answers with
// a key of its own, and misbehaves when told to (Fault).
//
// It shares no code with package signing. Were both ends built on one canonical text,
// a mistake in it would cancel out and every test would pass.
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

// ErrUnknownPerson says that nobody of that name was added.
var ErrUnknownPerson = errors.New("alipaysim: unknown person")

// A Person is a depositor with an Alipay account, all invented.
type Person struct {
	Person    string `json:"person"` // what /sim/auth-code calls them, e.g. "ok"
	Story     string `json:"story"`  // what is special; "face_fails" makes face verification fail
	Name      string `json:"name"`
	IDType    string `json:"id_type"` // ZJLX code, "01" = ID card
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no"`
	Phone     string `json:"phone"`
	Password  string `json:"password"` // of the fund account; Alipay would not know it

	OpenID string `json:"-"` // "" with "" UserID = one is derived from Person
	UserID string `json:"-"` // 2088..., for old applications; alone or beside OpenID
	// Subscribed to every template from the start; otherwise to what Subscribe says.
	Subscribed bool `json:"-"`
	Certified  bool `json:"-"` // real-name certified at Alipay: otherwise nothing matches
}

// Config says whose gateway the simulator is.
type Config struct {
	AppID  string
	AppKey *rsa.PublicKey   // what the application's requests are verified with
	Now    func() time.Time // nil = time.Now

	// Target is the base URL notices are posted to, e.g. http://127.0.0.1:8080; "" = none.
	Target string
	// Key is Alipay's own key; nil = a new one. A demo that restarts keeps it.
	Key *rsa.PrivateKey
	// Redirect is where the fault "redirect" points; "" = a closed loopback port.
	Redirect string
	// SpareMessages keeps faults from template messages: they are sent in the
	// background and would use up a fault that was meant for something else.
	SpareMessages bool
	// Certificates, when set, makes the simulator speak certificate mode.
	Certificates *Certificates
	// ContentKey, 16 bytes, encrypts phone numbers; nil = the application has not set one.
	ContentKey []byte
}

// Certificates are the serial numbers of certificate mode, 32 hex digits each, the
// root's several joined by '_'. AlipayNext is that of Alipay's key after RotateKey.
type Certificates struct {
	App, Root, Alipay, AlipayNext string
	// PEM is what alipay.open.app.alipaycert.download gives, by serial number: the
	// certificate and its issuers.
	PEM map[string][]byte
}

// A Sim is a running simulator: an http.Handler. It is safe for concurrent use.
type Sim struct {
	cfg     Config
	mux     *http.ServeMux
	intrude func() (*rsa.PrivateKey, error) // another application's Alipay key, made when first needed
	own     ownKeys

	mu          sync.Mutex
	people      []Person // in the order added
	codes       map[string]ticket
	tokens      map[string]ticket
	verifies    map[string]claim
	checks      map[string]*faceCheck // by certify_id
	orders      map[string]bool       // outer_order_no, each good once
	calls       map[string]int
	messages    []Message
	subscribed  map[subscription]bool
	withdrawals []withdrawal // in the order of time
	naming      string       // see Identify
	fault       string
	faults      int // how many more calls fault spoils
}

// A ticket is an auth code or an access token.
type ticket struct {
	person  string
	expires time.Time
}

// New returns a simulator without people. Making its key takes a moment.
func New(cfg Config) (*Sim, error) {
	if cfg.AppID == "" || cfg.AppKey == nil {
		return nil, errors.New("alipaysim: AppID and AppKey are needed")
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
		cfg:      cfg,
		intrude:  sync.OnceValues(newKey),
		codes:    make(map[string]ticket),
		tokens:   make(map[string]ticket),
		verifies: make(map[string]claim),
		checks:   make(map[string]*faceCheck),
		orders:   make(map[string]bool),
		calls:    make(map[string]int),

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

// Add makes p known, or replaces the person of that name.
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

// People returns everybody, in the order added.
func (s *Sim) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.people)
}

// AuthCode returns a new auth code, as my.getAuthCode gives a mini-program: good for
// one exchange within 3 minutes. A person may have many. Fails with ErrUnknownPerson.
func (s *Sim) AuthCode(person string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(person) < 0 {
		return "", ErrUnknownPerson
	}
	return s.issue(s.codes, "", ticket{person, s.cfg.Now().Add(3 * time.Minute)}), nil
}

// issue puts t into book under a new random name. The caller holds mu.
func (s *Sim) issue(book map[string]ticket, prefix string, t ticket) string {
	if len(book)%1024 == 0 { // now and then, so that issuing stays cheap
		now := s.cfg.Now()
		maps.DeleteFunc(book, func(_ string, old ticket) bool { return now.After(old.expires) })
	}
	id := prefix + randomHex()
	book[id] = t
	return id
}

// randomHex returns 32 hex digits.
func randomHex() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Calls returns how often method was asked for, whatever the answer; "" = all calls.
func (s *Sim) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Messages returns what applications sent to citizens or started for them: template
// messages and face verifications, oldest first.
func (s *Sim) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }
