package signing_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// TestMain sets a time zone other than Beijing's, which must not matter.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("elsewhere", -5*3600)
	os.Exit(m.Run())
}

const appID = "2021000000000001"

// Keys generated once a run.
var (
	ownKey    = sync.OnceValue(newTestKey)
	alipayKey = sync.OnceValue(newTestKey)
	otherKey  = sync.OnceValue(newTestKey)
)

func newTestKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func newKeyring(t testing.TB, own *rsa.PrivateKey, alipay ...*rsa.PrivateKey) *keys.AlipayKeyring {
	t.Helper()
	var trusted []keys.AlipayKey
	for _, key := range alipay {
		trusted = append(trusted, keys.AlipayKey{Public: &key.PublicKey})
	}
	keyring, err := keys.NewAlipayKeyring(appID, own, trusted)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

func newGateway(t testing.TB, keyring *keys.AlipayKeyring, url string, opts signing.Options) *signing.Gateway {
	t.Helper()
	g, err := signing.NewGateway(keyring, url, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var people = []alipaysim.Person{
	{Person: "ok", Name: "张三", IDType: "01", IDNumber: "990101199003070138", Certified: true},
	{Person: "old", Name: "李四", IDType: "01", IDNumber: "990101198001010217", UserID: "2088000000000001", Certified: true},
	{Person: "both", Name: "王五", IDType: "01", IDNumber: "990101197001010351", UserID: "2088000000000002", OpenID: "074aBoth_-1", Certified: true},
	{Person: "passport", Name: "JANE DOE", IDType: "03", IDNumber: "E99000001", Certified: true},
	{Person: "uncertified", Name: "赵六", IDType: "01", IDNumber: "990101199909090477"},
}

// A fixture is a simulator with its server, and a Gateway that calls it.
type fixture struct {
	sim  *alipaysim.Sim
	url  string
	gate *signing.Gateway
	now  *clock
}

type clock struct {
	mu   sync.Mutex
	skew time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skew)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew += d
}

func newFixture(t testing.TB, opts signing.Options, cfg alipaysim.Config) fixture {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = testenv.Patience
	}
	now := new(clock)
	cfg.AppID, cfg.AppKey, cfg.Key, cfg.Now = appID, &ownKey().PublicKey, alipayKey(), now.Now
	sim, err := alipaysim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		p.Subscribed = true
		sim.Add(p)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	url := server.URL + "/gateway.do"
	return fixture{sim: sim, url: url, now: now, gate: newGateway(t, newKeyring(t, ownKey(), alipayKey()), url, opts)}
}

func (s fixture) code(t testing.TB, person string) string {
	t.Helper()
	code, err := s.sim.AuthCode(person)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (s fixture) token(t testing.TB, person string) string {
	t.Helper()
	grant, err := s.gate.Exchange(t.Context(), s.code(t, person))
	if err != nil {
		t.Fatal(err)
	}
	return grant.AccessToken
}
