package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// testAppID is the application of every serverEnv.
const testAppID = storetest.AppID

// A serverEnv is everything a server needs besides a process: key files, a simulated
// Alipay and a database of its own, which a test may break.
type serverEnv struct {
	t   testing.TB
	dir string
	dsn string
	sim *alipaysim.Sim // the one that answers

	gateway *httptest.Server
	alipay  atomic.Pointer[alipaysim.Sim]
}

// okPerson is an invented citizen for environments that need one.
var okPerson = alipaysim.Person{
	Person: "ok", Name: "张测试", IDType: "01", IDNumber: "990101195603070011",
	AccountNo: "880000000001", OpenID: "open-ok", Certified: true,
}

// alipayKeys are made once, because RSA keys are slow to make.
var alipayKeys = sync.OnceValue(func() (all []*rsa.PrivateKey) {
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all = append(all, key)
	}
	return all
})

// testKeys are the files of "keys new", made once for the same reason.
func testKeys(t testing.TB) map[string][]byte {
	t.Helper()
	makeTestKeys.Do(func() {
		dir := filepath.Join(filepath.Dir(program), "keys")
		if r := runWith(t, nil, "keys", "new", dir); r.err != nil {
			t.Fatalf("%v\n%s", r.err, r.log)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		noError(t, err)
		madeTestKeys = map[string][]byte{}
		for _, path := range files {
			madeTestKeys[filepath.Base(path)] = readFile(t, path)
		}
	})
	return madeTestKeys
}

var (
	makeTestKeys sync.Once
	madeTestKeys map[string][]byte
)

// newServerEnv returns one with a migrated database.
func newServerEnv(t testing.TB) *serverEnv {
	t.Helper()
	s := newBareServerEnv(t)
	s.dsn = storetest.DSN(t)
	return s
}

// newBareServerEnv returns one without a database.
func newBareServerEnv(t testing.TB) *serverEnv {
	t.Helper()
	s := &serverEnv{t: t, dir: t.TempDir()}
	for name, content := range testKeys(t) {
		noError(t, os.WriteFile(s.path(name), content, 0o600))
	}
	s.serveAlipay(alipayKeys()[0])
	s.gateway = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.alipay.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(s.gateway.Close)
	return s
}

// serveAlipay lets a simulator with this key answer from now on, and publishes it.
func (s *serverEnv) serveAlipay(key *rsa.PrivateKey) {
	s.t.Helper()
	app, err := keys.ParsePrivateKey(s.read("app_private_key.pem"))
	noError(s.t, err)
	s.sim, err = alipaysim.New(alipaysim.Config{AppID: testAppID, AppKey: &app.PublicKey, Key: key, ContentKey: []byte("0123456789abcdef")})
	noError(s.t, err)
	s.alipay.Store(s.sim)
	s.write("alipay_public_key.txt", publicText(s.t, &key.PublicKey))
}

// changeAlipayKey is what Alipay does when its key is renewed in the console.
func (s *serverEnv) changeAlipayKey() {
	s.t.Helper()
	s.serveAlipay(alipayKeys()[1])
	s.sim.Add(okPerson)
}

// open is a handle on the environment's database with the environment's keys.
func (s *serverEnv) open() *store.DB {
	s.t.Helper()
	cipher, err := keys.LoadColumnCipher(s.path("column.key"))
	noError(s.t, err)
	pepper, err := keys.LoadPepper(s.path("pepper.key"))
	noError(s.t, err)
	return storetest.Open(s.t, s.dsn, storetest.WithColumnCipher(cipher), storetest.WithPepper(pepper))
}

func (s *serverEnv) path(name string) string { return filepath.Join(s.dir, name) }

func (s *serverEnv) read(name string) []byte { s.t.Helper(); return readFile(s.t, s.path(name)) }

// write replaces a file that the server may read again at any moment.
func (s *serverEnv) write(name, content string) {
	s.t.Helper()
	noError(s.t, os.WriteFile(s.path(name+".next"), []byte(content), 0o600))
	noError(s.t, os.Rename(s.path(name+".next"), s.path(name)))
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	noError(t, err)
	return content
}

// publicText is a key as Alipay's console shows it.
func publicText(t testing.TB, key *rsa.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	noError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

// env is a complete environment for the program on free ports; change overrides
// it, and "" takes a setting out.
func (s *serverEnv) env(change ...values) values {
	env := values{
		"FUNDPASS_ADDR": "127.0.0.1:0", "FUNDPASS_OPS_ADDR": "127.0.0.1:0",
		"FUNDPASS_ENVIRONMENT": "test", "FUNDPASS_CENTER": storetest.Center,
		"FUNDPASS_DATABASE_URL":     s.dsn,
		"FUNDPASS_APP_ID":           testAppID,
		"FUNDPASS_APP_KEY_FILE":     s.path("app_private_key.pem"),
		"FUNDPASS_ALIPAY_KEY_FILES": s.path("alipay_public_key.txt"),
		"FUNDPASS_GATEWAY_URL":      s.gateway.URL + "/gateway.do",
		"FUNDPASS_COLUMN_KEY_FILE":  s.path("column.key"),
		"FUNDPASS_PEPPER_FILE":      s.path("pepper.key"),
	}
	for _, c := range change {
		maps.Copy(env, c)
	}
	return env
}

// must runs a command of the program and returns what it prints with single blanks.
func (s *serverEnv) must(args ...string) string {
	s.t.Helper()
	r := runWith(s.t, s.env(), args...)
	if r.err != nil {
		s.t.Fatalf("%v: %v\n%s\n%s", args, r.err, r.log, r.out)
	}
	return strings.Join(strings.Fields(r.out), " ")
}

func wantIn(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}

// newClient keeps no connection, so that a server's end is seen as it is.
func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testenv.Patience}
}

// fetch returns status and body.
func fetch(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	noError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := newClient(t).Do(req)
	noError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	noError(t, err)
	return resp.StatusCode, string(raw)
}

// logIn opens a session of okPerson and returns the status and the token.
func (s *serverEnv) logIn(url string) (int, string) {
	s.t.Helper()
	code, err := s.sim.AuthCode(okPerson.Person)
	noError(s.t, err)
	status, body := fetch(s.t, "POST", url+"/v1/sessions", `{"auth_code":"`+code+`"}`)
	var opened struct{ Data struct{ Token string } }
	noError(s.t, json.Unmarshal([]byte(body), &opened))
	return status, opened.Data.Token
}
