package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/trace"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// testContentKey is the AES key of 接口内容加密.
var testContentKey = []byte("0123456789abcdef")

// Limits of the rules.
const (
	responseQuantum = 50 * time.Millisecond // unit of the time of refused links

	linkProofsADay         = 3 // face verifications per user and day
	linkProofsOfPersonADay = 30
	transfersADay          = 3
	resetsADay             = 3
)

// The RSA keys of the application and of Alipay are generated once, because that is slow.
var (
	testKeys  = sync.OnceValue(newRSAKey)
	alipayKey = sync.OnceValue(newRSAKey)
)

func newRSAKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// An env is the whole product for one centre with a simulated Alipay, reached over HTTP.
type env struct {
	t      testing.TB
	server *product
	db     *store.DB
	dsn    string
	center string
	appID  string
	sim    *alipaysim.Sim
	url    string
	logs   *syncBuffer
	clock  *testClock
	alipay time.Duration // limit of a call to Alipay
	cipher *keys.ColumnCipher
	pepper *keys.Pepper

	probe     *sqlx.DB // opened on first use
	openProbe sync.Once
}

// A testClock is the clock of the database handle. It only moves forward, when a test advances
// it.
type testClock struct{ ahead atomic.Int64 }

func (c *testClock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *testClock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// A syncBuffer collects the log.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// errors returns the log lines of internal errors.
func (s *syncBuffer) errors() string {
	var all []string
	for line := range strings.Lines(s.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			all = append(all, line)
		}
	}
	return strings.Join(all, "")
}

// A Config configures a whole product: provider, service, channel and server.
type Config struct {
	DB      *store.DB
	Alipay  *signing.Gateway
	Policy  *passwd.Policy
	Hasher  *passwd.Hasher
	Log     *slog.Logger
	Proxies []*net.IPNet

	ContentKey          []byte
	Proof, InitialProof selfservice.Proof
	Reset               selfservice.ResetProof
	Transfer            selfservice.TransferPolicy
	Consent             selfservice.ConsentMode
	ConsentTexts        []selfservice.ConsentText
	MessageTemplate     string
	SMS                 bool
	Documents           *document.List
	PerAddress, PerUser httpapi.Rate
	RequestTime         time.Duration
	Transport           *keys.Transport
	SealedOnly          bool
	Tracer              trace.Tracer
}

// A product is one process of the product.
type product struct {
	*httpapi.Server
	Config
	provider *alipay.Provider
	service  *selfservice.Service
}

// New creates a product.
func New(c Config) (*product, error) {
	if c.ConsentTexts == nil {
		c.ConsentTexts = alipay.DefaultConsents()
	}
	p := &product{Config: c, provider: alipay.NewProvider(c.Alipay, c.ContentKey)}
	var err error
	p.service, err = selfservice.New(selfservice.Config{
		DB: c.DB, Policy: c.Policy, Hasher: c.Hasher, Provider: p.provider, Log: c.Log, Proof: c.Proof, InitialProof: c.InitialProof,
		Reset: c.Reset, Transfer: c.Transfer, Consent: c.Consent, ConsentTexts: c.ConsentTexts, MessageTemplate: c.MessageTemplate, SMS: c.SMS, Documents: c.Documents,
		VerdictTime:  store.AttemptLease * 2 / 3, // as long as the lease of a verdict, plus a margin
		RegistryTime: testenv.Patience,
	})
	if err != nil {
		return nil, err
	}
	program := alipay.NewMiniProgram(c.DB, p.service, p.provider, c.Log)
	p.Server, err = httpapi.New(httpapi.Config{
		DB: c.DB, Service: p.service, Hasher: c.Hasher, Log: c.Log, Proxies: c.Proxies, Channel: selfservice.ChannelAlipay,
		Words: alipay.Words, Routes: program.Routes, Collectors: program.Collectors(), PerAddress: c.PerAddress, PerUser: c.PerUser,
		RequestTime: c.RequestTime, Transport: c.Transport, SealedOnly: c.SealedOnly, Tracer: c.Tracer,
	})
	return p, err
}

type envOption func(*Config)

func withProof(p selfservice.Proof) envOption { return func(c *Config) { c.Proof = p } }

func withSMS(c *Config) { c.SMS = true }

func withRates(address, user httpapi.Rate) envOption {
	return func(c *Config) { c.PerAddress, c.PerUser = address, user }
}

// newEnv returns an environment in the database shared by most tests.
func newEnv(t testing.TB, opts ...envOption) *env {
	t.Helper()
	return newEnvIn(t, storetest.Shared(t), opts...)
}

// newEnvIn returns an environment in the database of dsn, for tests that break tables.
func newEnvIn(t testing.TB, dsn string, opts ...envOption) *env {
	t.Helper()
	return newEnvWith(t, dsn, storetest.NewColumnCipher(t), storetest.NewPepper(t), opts...)
}

// newEnvWith returns an environment with the given keys.
func newEnvWith(t testing.TB, dsn string, cipher *keys.ColumnCipher, pepper *keys.Pepper, opts ...envOption) *env {
	t.Helper()
	h := &env{t: t, dsn: dsn, logs: new(syncBuffer), clock: new(testClock), alipay: testenv.Patience, cipher: cipher, pepper: pepper}
	h.center, h.appID = storetest.CenterOf(dsn)
	var err error
	h.sim, err = alipaysim.New(alipaysim.Config{AppID: h.appID, AppKey: &testKeys().PublicKey, Key: alipayKey(), ContentKey: testContentKey})
	must(t, err)
	h.server = h.newServer(opts...)
	h.db = h.server.DB
	h.url = h.listen(h.server)
	return h
}

// newServer starts another process on the same database and Alipay.
func (h *env) newServer(opts ...envOption) *product {
	h.t.Helper()
	alipay := httptest.NewServer(h.sim)
	h.t.Cleanup(alipay.Close)
	gateway, err := signing.NewGateway(h.keyring(), alipay.URL+"/gateway.do", signing.Options{Timeout: h.alipay, DialTimeout: h.alipay})
	must(h.t, err)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Memory: 64, Time: 1, Threads: 1, Slots: 4, Wait: testenv.Patience})
	h.t.Cleanup(hasher.Close)
	c := Config{
		DB:     storetest.Open(h.t, h.dsn, storetest.WithColumnCipher(h.cipher), storetest.WithPepper(h.pepper), storetest.WithNow(h.clock.Now)),
		Alipay: gateway, Policy: passwd.Default(), Hasher: hasher, Proof: selfservice.ProofCertdoc,
		Log:        slog.New(slog.NewJSONHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		PerAddress: httpapi.Rate{1e6, 1e6}, PerUser: httpapi.Rate{1e6, 1e6}, ContentKey: testContentKey, MessageTemplate: "notice",
		RequestTime: testenv.Patience, // a slow machine must not cause BUSY
	}
	for _, o := range opts {
		o(&c)
	}
	s, err := New(c)
	must(h.t, err)
	return s
}

// documents returns the centre's list.
func (h *env) documents() *document.List { return cmp.Or(h.server.Documents, document.Default()) }

// lockoutPolicy returns the policy's lock.
func (h *env) lockoutPolicy() store.LockoutPolicy {
	lock := h.server.Policy.Lock
	return store.LockoutPolicy{Attempts: lock.Attempts(), Until: lock.Until}
}

// keyring trusts Alipay's current key and the given ones.
func (h *env) keyring(more ...keys.AlipayKey) *keys.AlipayKeyring {
	h.t.Helper()
	keyring, err := keys.NewAlipayKeyring(h.appID, testKeys(), append([]keys.AlipayKey{{Public: h.sim.AlipayKey(), Source: "sim"}}, more...))
	must(h.t, err)
	return keyring
}

func (h *env) listen(s *product) string {
	web := httptest.NewServer(s.Handler())
	h.t.Cleanup(web.Close)
	return web.URL
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// idNumber returns a valid number of an invented region.
func idNumber(birthday string, seq int) string {
	body := fmt.Sprintf("990101%s%03d", birthday, seq)
	return body + document.CheckDigit(body)
}

// A citizen is an invented depositor and Alipay user.
type citizen struct {
	alipaysim.Person
	Status      string
	InitialRule string
	Legacy      string // the old system's digest
}

var citizens atomic.Int64

// citizen adds a depositor with a password, known to the centre and to Alipay.
func (h *env) citizen(change ...func(*citizen)) citizen {
	h.t.Helper()
	n := int(citizens.Add(1))
	c := citizen{Status: store.StatusNormal, Person: alipaysim.Person{
		Person: fmt.Sprintf("p%d", n), Name: "欧阳测试", IDType: "01",
		IDNumber: idNumber(fmt.Sprintf("19560%d%02d", 3+n/1000/28%6, 1+(n/1000+6)%28), n%1000), AccountNo: fmt.Sprintf("88%010d", n),
		Phone: fmt.Sprintf("199%08d", n), Password: fmt.Sprintf("Quiet-River-%d", n),
		OpenID: fmt.Sprintf("open-%d", n), Certified: true,
	}}
	for _, f := range change {
		f(&c)
	}
	h.sim.Add(c.Person)
	h.deposit(c)
	return c
}

// deposit imports a citizen's account.
func (h *env) deposit(c citizen) {
	h.t.Helper()
	d := store.Depositor{
		Person: store.Person{Name: c.Name, IDType: c.IDType, IDNumber: c.IDNumber, Phone: c.Phone, AccountNo: c.AccountNo},
		Status: c.Status, InitialRule: c.InitialRule,
	}
	doc, err := h.documents().Parse(c.IDType, c.IDNumber)
	must(h.t, err)
	d.DocumentKey = doc.Key()
	switch {
	case c.Legacy != "":
		digest, err := passwd.LegacyDigest(c.Legacy, passwd.NewSecret(c.Password))
		must(h.t, err)
		d.Hash, err = h.server.Hasher.WrapLegacy(c.Legacy, digest)
		must(h.t, err)
	case c.InitialRule == "":
		d.Hash, err = h.server.Hasher.Hash(h.t.Context(), passwd.NewSecret(c.Password))
		must(h.t, err)
	}
	_, err = h.db.Roster().ImportDepositors(context.Background(), []store.Depositor{d})
	must(h.t, err)
}
