package app_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/app"
	"fundpass/miniapp-api/app/appclient"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
	"fundpass/store/storetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// faceless is a provider that verifies no faces.
type faceless struct{ selfservice.IdentityProvider }

func (faceless) FaceKind(string, string) (string, error) {
	return "", selfservice.ErrDocumentUnsupported
}
func (faceless) OffersPhone() bool { return false }

// An env is the channel of one centre. All its servers have one database and one clock, which
// the test moves.
type env struct {
	t     testing.TB
	dsn   string
	open  func() *store.DB
	db    *store.DB
	url   string
	ahead atomic.Int64
	logs  syncBuffer

	hasher *passwd.Hasher
	sms    bool // whether codes can be sent
}

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

func newEnv(t testing.TB, change ...func(*httpapi.Config)) *env {
	t.Helper()
	return newEnvWith(t, false, change...)
}

// newEnvWith is newEnv for a centre that sends codes by SMS or does not.
func newEnvWith(t testing.TB, sms bool, change ...func(*httpapi.Config)) *env {
	t.Helper()
	h := &env{t: t, dsn: storetest.Shared(t), sms: sms}
	cipher, pepper := storetest.NewColumnCipher(t), storetest.NewPepper(t)
	h.open = func() *store.DB {
		return storetest.Open(t, h.dsn, storetest.WithColumnCipher(cipher), storetest.WithPepper(pepper),
			storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }))
	}
	h.hasher = passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Threads: 1, Slots: 4, Wait: testenv.Patience})
	t.Cleanup(h.hasher.Close)
	h.db = h.open()
	_, err := h.db.Registry().ChangeChannel(t.Context(), store.ChannelOrder{Channel: store.ChannelApp, Action: store.ActionChannelSet, Operator: "li", Reason: "test"},
		func(e *store.ChannelEntry) error { e.IsOn = true; return nil })
	must(t, err)
	h.url = h.listen(h.db, "", change...)
	return h
}

// listen starts a server that is reached at url, or at its own address.
func (h *env) listen(db *store.DB, url string, change ...func(*httpapi.Config)) string {
	h.t.Helper()
	log := slog.New(slog.NewJSONHandler(&h.logs, nil))
	service, err := selfservice.New(selfservice.Config{
		DB: db, Policy: passwd.Default(), Hasher: h.hasher, Provider: faceless{}, Proof: selfservice.ProofNone, ConsentTexts: []selfservice.ConsentText{},
		Log: log, VerdictTime: testenv.Patience, SMS: h.sms,
	})
	must(h.t, err)
	web := httptest.NewUnstartedServer(nil)
	h.t.Cleanup(web.Close)
	own := "http://" + web.Listener.Addr().String()
	if url == "" {
		url = own
	}
	channel, err := app.New(app.Config{DB: db, Service: service, URL: url})
	must(h.t, err)
	fast := httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	c := channel.Configure(httpapi.Config{DB: db, Service: service, Hasher: h.hasher, Log: log, PerAddress: fast, PerUser: fast, RequestTime: testenv.Patience})
	for _, f := range change {
		f(&c)
	}
	server, err := httpapi.New(c)
	must(h.t, err)
	web.Config.Handler = channel.Handler(server.Handler())
	web.Start()
	return own
}

// A citizen is an invented depositor.
type citizen struct {
	store.Depositor
	Password string
}

var citizens atomic.Int64

func (h *env) citizen(change ...func(*store.Depositor)) citizen {
	h.t.Helper()
	n := int(citizens.Add(1))
	c := citizen{Password: fmt.Sprintf("Quiet-River-%d", n)}
	hash, err := h.hasher.Hash(h.t.Context(), passwd.NewSecret(c.Password))
	must(h.t, err)
	body := fmt.Sprintf("99010119560307%03d", n%1000)
	c.Depositor = store.Depositor{Status: store.StatusNormal, Hash: hash, Person: store.Person{Name: "欧阳测试", IDType: "01",
		IDNumber: body + document.CheckDigit(body), Phone: fmt.Sprintf("138%08d", n), AccountNo: fmt.Sprintf("88%010d", n)}}
	for _, f := range change {
		f(&c.Depositor)
	}
	doc, err := document.Parse(c.Person.IDType, c.Person.IDNumber)
	must(h.t, err)
	c.DocumentKey = doc.Key()
	_, err = h.db.Roster().ImportDepositors(h.t.Context(), []store.Depositor{c.Depositor})
	must(h.t, err)
	return c
}

func (c citizen) form() appclient.SignIn {
	return appclient.SignIn{Document: c.Person.IDNumber, Password: c.Password, Name: "我的手机", Platform: "HarmonyOS 5"}
}

// device returns a new device.
func (h *env) device() *appclient.Device {
	h.t.Helper()
	d, err := appclient.New(h.url)
	must(h.t, err)
	return d
}

// known makes a device one with which the citizen has signed in, without a code.
func (h *env) known(c citizen, d *appclient.Device) {
	h.t.Helper()
	account, err := h.db.RecoverableAccount(h.t.Context(), h.db.PersonDigest(c.DocumentKey), "")
	must(h.t, err)
	token := []byte(uuid.NewString())
	must(h.t, h.db.SignIn(h.t.Context(), store.SignIn{Channel: store.ChannelApp, TokenDigest: token, Account: *account,
		Device: &store.SignInDevice{Thumbprint: thumbprint(d), Label: store.DeviceLabel{Name: "我的手机"}, Add: true}}))
	must(h.t, h.db.EndSession(h.t.Context(), token))
}

// thumbprint is computed here as RFC 7638 says it, without the code that is tested.
func thumbprint(d *appclient.Device) []byte {
	point, err := d.Key().PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, encode(point[1:33]), encode(point[33:])))
	return sum[:]
}

// signedIn returns a known device with a session of the citizen.
func (h *env) signedIn(c citizen) *appclient.Device {
	h.t.Helper()
	d := h.device()
	h.known(c, d)
	code, err := d.SignIn(h.t.Context(), c.form())
	must(h.t, err)
	if code != nil {
		h.t.Fatal("a known device needs a code")
	}
	return d
}

// codeOf returns the code of a refusal, or OK.
func codeOf(err error) string {
	switch err := err.(type) {
	case nil:
		return "OK"
	case *appclient.Error:
		return err.Code
	}
	return err.Error()
}

func (h *env) count(query string, args ...any) (n int) {
	h.t.Helper()
	must(h.t, storetest.ProbeOf(h.db).Get(&n, query, args...))
	return n
}

// secretless fails the test if a log line has something of the citizen's or of a device.
func (h *env) secretless(c citizen, more ...string) {
	h.t.Helper()
	for _, secret := range append(more, c.Password, c.Person.IDNumber, c.Person.Phone, c.Person.Name, c.Person.AccountNo) {
		if secret != "" && strings.Contains(h.logs.String(), secret) {
			h.t.Errorf("the log has %q", secret)
		}
	}
}
