package cmdtest

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Open is a handle on the environment's database with the environment's keys.
func (s *ServerEnv) Open() *store.DB {
	s.T.Helper()
	cipher, err := keys.LoadColumnCipher(s.Path("column.key"))
	NoError(s.T, err)
	pepper, err := keys.LoadPepper(s.Path("pepper.key"))
	NoError(s.T, err)
	return storetest.Open(s.T, s.DSN, storetest.WithColumnCipher(cipher), storetest.WithPepper(pepper))
}

// Account is what the database knows of a person's account, or nil.
func (s *ServerEnv) Account(db *store.DB, idType, idNumber, accountNo string) *store.Account {
	s.T.Helper()
	doc, err := document.Parse(idType, idNumber)
	NoError(s.T, err)
	a, err := db.ReserveAttempt(s.T.Context(), store.AttemptRequest{
		PersonDigest: db.PersonDigest(doc.Key()), Scope: store.PublicScope, AccountNo: accountNo,
		Policy: store.LockoutPolicy{Attempts: []int{50}, Until: func(now time.Time) []time.Time { return []time.Time{now} }},
	})
	NoError(s.T, err)
	return a.Account
}

// commands makes the commands that the tests run.
var commands func(terminal.Stdio) *cobra.Command

// Main runs the tests of a package. They run the commands that commandsOf makes.
func Main(m *testing.M, commandsOf func(terminal.Stdio) *cobra.Command) {
	commands = commandsOf
	testenv.Main(m)
}

// Execute runs a command in this process, as the program does.
func Execute(ctx context.Context, args []string, w terminal.Stdio) error {
	root := commands(w)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// TestAppID is the application of environments with a database of their own, or none.
const TestAppID = storetest.AppID

// A ServerEnv is everything a server needs besides a process: key files, a
// simulated Alipay and a centre of its own in the database of dsn.
type ServerEnv struct {
	T      testing.TB
	Dir    string
	DSN    string
	Center string
	AppID  string
	Sim    *alipaysim.Sim // the one that answers

	Gateway *httptest.Server
	Alipay  atomic.Pointer[alipaysim.Sim]
}

// OKPerson is an invented citizen for environments that need one.
var OKPerson = alipaysim.Person{
	Person: "ok", Name: "张测试", IDType: "01", IDNumber: "990101195603070011",
	AccountNo: "880000000001", OpenID: "open-ok", Certified: true, Subscribed: true,
}

// TestKeys are made once, because RSA keys are slow to make.
var TestKeys = sync.OnceValue(func() (all struct {
	Files  map[string][]byte // as fundpass keys new makes them
	Alipay [2]*rsa.PrivateKey
}) {
	must := func(content []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return content
	}
	newKey := func() *keys.AppKey {
		key, err := keys.NewAppKey()
		if err != nil {
			panic(err)
		}
		return key
	}
	app := newKey()
	all.Files = map[string][]byte{
		"app_private_key.pem": app.PEM(), "app_public_key.txt": []byte(app.Public()),
		"app_private_pkcs8.txt": []byte(app.PKCS8()), "app_private_pkcs1.txt": []byte(app.PKCS1()), "transport_private_key.pem": newKey().PEM(),
		"column.key": must(keys.NewColumnKey()), "pepper.key": must(keys.NewPepperKey()),
	}
	all.Alipay = [2]*rsa.PrivateKey{newKey().Private(), newKey().Private()}
	return all
})

// NewEnv returns a centre of the database that most tests share.
func NewEnv(t testing.TB) *ServerEnv { t.Helper(); return NewEnvOn(t, storetest.Shared(t)) }

// NewOwnEnv returns one with a migrated database of its own, for tests that look at all of it.
func NewOwnEnv(t testing.TB) *ServerEnv { t.Helper(); return NewEnvOn(t, storetest.DSN(t)) }

// NewBareEnv returns one without a database: nothing may connect to its connection string.
func NewBareEnv(t testing.TB) *ServerEnv {
	t.Helper()
	return NewEnvOn(t, "postgres://fundpass@127.0.0.1:1/fundpass?sslmode=disable")
}

func NewEnvOn(t testing.TB, dsn string) *ServerEnv {
	t.Helper()
	s := &ServerEnv{T: t, Dir: t.TempDir(), DSN: dsn}
	s.Center, s.AppID = storetest.CenterOf(dsn)
	for name, content := range TestKeys().Files {
		NoError(t, os.WriteFile(s.Path(name), content, 0o600))
	}
	s.serveAlipay(TestKeys().Alipay[0])
	s.Gateway = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Alipay.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Gateway.Close)
	return s
}

// siteContentKey is what the console shows as MDEyMzQ1Njc4OWFiY2RlZg==.
var siteContentKey = []byte("0123456789abcdef")

// serveAlipay lets a simulator with this key answer from now on, and publishes it.
func (s *ServerEnv) serveAlipay(key *rsa.PrivateKey) {
	s.T.Helper()
	app, err := keys.ParsePrivateKey(s.Read("app_private_key.pem"))
	NoError(s.T, err)
	s.Sim, err = alipaysim.New(alipaysim.Config{AppID: s.AppID, AppKey: &app.PublicKey, Key: key, ContentKey: siteContentKey})
	NoError(s.T, err)
	s.Alipay.Store(s.Sim)
	s.Write("alipay_public_key.txt", PublicText(s.T, &key.PublicKey))
}

// changeAlipayKey is what Alipay does when its key is renewed in the console.
func (s *ServerEnv) changeAlipayKey() {
	s.T.Helper()
	s.serveAlipay(TestKeys().Alipay[1])
	s.Sim.Add(OKPerson)
}

func (s *ServerEnv) Path(name string) string { return filepath.Join(s.Dir, name) }

func (s *ServerEnv) Read(name string) []byte {
	s.T.Helper()
	data, err := os.ReadFile(s.Path(name))
	NoError(s.T, err)
	return data
}

// Write replaces a file that the server may read again at any moment.
func (s *ServerEnv) Write(name, content string) {
	s.T.Helper()
	NoError(s.T, os.WriteFile(s.Path(name+".next"), []byte(content), 0o600))
	NoError(s.T, os.Rename(s.Path(name+".next"), s.Path(name)))
}

// PublicText is a key as Alipay's console shows it.
func PublicText(t testing.TB, key *rsa.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	NoError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

// Env is a complete environment for serve on free ports; change overrides it,
// and "" takes a setting out.
func (s *ServerEnv) Env(change ...map[string]string) map[string]string {
	env := map[string]string{
		"FUNDPASS_ADDR": "127.0.0.1:0", "FUNDPASS_OPS_ADDR": "127.0.0.1:0",
		"FUNDPASS_ENVIRONMENT": "test", "FUNDPASS_CENTER": s.Center,
		"FUNDPASS_DATABASE_URL":     s.DSN,
		"FUNDPASS_APP_ID":           s.AppID,
		"FUNDPASS_APP_KEY_FILE":     s.Path("app_private_key.pem"),
		"FUNDPASS_ALIPAY_KEY_FILES": s.Path("alipay_public_key.txt"),
		"FUNDPASS_GATEWAY_URL":      s.Gateway.URL + "/gateway.do",
		"FUNDPASS_COLUMN_KEY_FILE":  s.Path("column.key"),
		"FUNDPASS_PEPPER_FILE":      s.Path("pepper.key"),
		"FUNDPASS_TRUSTED_PROXIES":  "127.0.0.1",
	}
	for _, c := range change {
		maps.Copy(env, c)
	}
	return env
}

// TempFile is a file with this content and a Chinese name.
func TempFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "缴存人.csv")
	NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// AddOK makes a person known to Alipay.
func (s *ServerEnv) AddOK() { s.Sim.Add(OKPerson) }

// LogIn opens a session and returns the status.
func (s *ServerEnv) LogIn(t *testing.T, url string) int {
	t.Helper()
	code, err := s.Sim.AuthCode(OKPerson.Person)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp, err := NewClient(t).Post(url+"/v1/sessions", "application/json", strings.NewReader(`{"auth_code":"`+code+`"}`))
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// OpenSession returns a session's token.
func (s *ServerEnv) OpenSession(t *testing.T, url string) string {
	t.Helper()
	code, err := s.Sim.AuthCode(OKPerson.Person)
	NoError(t, err)
	status, body := Fetch(t, "POST", url+"/v1/sessions", `{"auth_code":"`+code+`"}`)
	var opened struct{ Data struct{ Token string } }
	if err := json.Unmarshal([]byte(body), &opened); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	return opened.Data.Token
}

type Values = map[string]string

// CentreFile is an example of a centre's own codes, as seen from a package of commands.
const CentreFile = "../../../miniapp-api/document/testdata/centre.json"

// Hasher hashes with the environment's pepper file as it is now, cheaply: so no hash
// costs what a server's does.
func (s *ServerEnv) Hasher() *passwd.Hasher {
	s.T.Helper()
	pepper, err := keys.LoadPepper(s.Path("pepper.key"))
	NoError(s.T, err)
	h := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Slots: 1})
	s.T.Cleanup(h.Close)
	return h
}
