package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	"time"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
	"fundpass/store/storetest"
)

func TestMain(m *testing.M) {
	hashCost.memory, hashCost.time = 64, 1
	databaseLimit = testenv.Patience
	testenv.Main(m)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testAppID is the application of environments with a database of their own, or none.
const testAppID = storetest.AppID

// A serverEnv is everything a server needs besides a process: key files, a
// simulated Alipay and a centre of its own in the database of dsn.
type serverEnv struct {
	t      testing.TB
	dir    string
	dsn    string
	center string
	appID  string
	sim    *alipaysim.Sim // the one that answers

	gateway *httptest.Server
	alipay  atomic.Pointer[alipaysim.Sim]
}

// okPerson is an invented citizen for environments that need one.
var okPerson = alipaysim.Person{
	Person: "ok", Name: "张测试", IDType: "01", IDNumber: "990101195603070011",
	AccountNo: "880000000001", OpenID: "open-ok", Certified: true, Subscribed: true,
}

// testKeys are made once, because RSA keys are slow to make: the files of
// "keys new", and two keys of Alipay.
var testKeys = sync.OnceValue(func() struct {
	files  []keyFile
	alipay []*rsa.PrivateKey
} {
	files, err := makeKeys(keyOwner{})
	if err != nil {
		panic(err)
	}
	var alipay []*rsa.PrivateKey
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		alipay = append(alipay, key)
	}
	return struct {
		files  []keyFile
		alipay []*rsa.PrivateKey
	}{files, alipay}
})

// newServerEnv returns a centre of the database that most tests share.
func newServerEnv(t testing.TB) *serverEnv { t.Helper(); return newServerEnvOn(t, storetest.Shared(t)) }

// newOwnServerEnv returns one with a migrated database of its own, for tests that look at all of it.
func newOwnServerEnv(t testing.TB) *serverEnv { t.Helper(); return newServerEnvOn(t, storetest.DSN(t)) }

// newBareServerEnv returns one without a database: nothing may connect to its connection string.
func newBareServerEnv(t testing.TB) *serverEnv {
	t.Helper()
	return newServerEnvOn(t, "postgres://fundpass@127.0.0.1:1/fundpass?sslmode=disable")
}

func newServerEnvOn(t testing.TB, dsn string) *serverEnv {
	t.Helper()
	s := &serverEnv{t: t, dir: t.TempDir(), dsn: dsn}
	s.center, s.appID = storetest.CenterOf(dsn)
	noError(t, writeKeys(s.dir, testKeys().files))
	s.serveAlipay(testKeys().alipay[0])
	s.gateway = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.alipay.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(s.gateway.Close)
	return s
}

// siteContentKey is what the console shows as MDEyMzQ1Njc4OWFiY2RlZg==.
var siteContentKey = []byte("0123456789abcdef")

// serveAlipay lets a simulator with this key answer from now on, and publishes it.
func (s *serverEnv) serveAlipay(key *rsa.PrivateKey) {
	s.t.Helper()
	app, err := keys.ParsePrivateKey(s.read("app_private_key.pem"))
	noError(s.t, err)
	s.sim, err = alipaysim.New(alipaysim.Config{AppID: s.appID, AppKey: &app.PublicKey, Key: key, ContentKey: siteContentKey})
	noError(s.t, err)
	s.alipay.Store(s.sim)
	s.write("alipay_public_key.txt", publicText(s.t, &key.PublicKey))
}

func (s *serverEnv) path(name string) string { return filepath.Join(s.dir, name) }

func (s *serverEnv) read(name string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	noError(s.t, err)
	return data
}

// write replaces a file that the server may read again at any moment.
func (s *serverEnv) write(name, content string) {
	s.t.Helper()
	noError(s.t, os.WriteFile(s.path(name+".next"), []byte(content), 0o600))
	noError(s.t, os.Rename(s.path(name+".next"), s.path(name)))
}

// publicText is a key as Alipay's console shows it.
func publicText(t testing.TB, key *rsa.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	noError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

// env is a complete environment for serve on free ports; change overrides it,
// and "" takes a setting out.
func (s *serverEnv) env(change ...map[string]string) map[string]string {
	env := map[string]string{
		"FUNDPASS_ADDR": "127.0.0.1:0", "FUNDPASS_OPS_ADDR": "127.0.0.1:0",
		"FUNDPASS_ENVIRONMENT": "test", "FUNDPASS_CENTER": s.center,
		"FUNDPASS_DATABASE_URL":     s.dsn,
		"FUNDPASS_APP_ID":           s.appID,
		"FUNDPASS_APP_KEY_FILE":     s.path("app_private_key.pem"),
		"FUNDPASS_ALIPAY_KEY_FILES": s.path("alipay_public_key.txt"),
		"FUNDPASS_GATEWAY_URL":      s.gateway.URL + "/gateway.do",
		"FUNDPASS_COLUMN_KEY_FILE":  s.path("column.key"),
		"FUNDPASS_PEPPER_FILE":      s.path("pepper.key"),
		"FUNDPASS_TRUSTED_PROXIES":  "127.0.0.1",
	}
	for _, c := range change {
		maps.Copy(env, c)
	}
	return env
}

func getenvOf(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// A ran is a command that has ended.
type result struct {
	out, log string
	err      error
}

// runWith runs a command in this process.
func runWith(t testing.TB, env map[string]string, args ...string) result {
	t.Helper()
	var out, log logBuffer
	err := run(t.Context(), args, stdio{getenv: getenvOf(env), in: strings.NewReader(""), out: &out, err: &log})
	return result{out.String(), log.String(), err}
}

// A logBuffer is written and read at the same time.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A listening is the log line of a server that serves.
type listening struct {
	Msg  string `json:"msg"`
	Addr string `json:"addr"`
	Ops  string `json:"ops"`
}

// find waits for the line in the log, or for dead.
func (l *logBuffer) find(dead <-chan struct{}) (listening, error) {
	for end := time.Now().Add(testenv.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		lines := bufio.NewScanner(strings.NewReader(l.String()))
		for lines.Scan() {
			var at listening
			if json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "listening" {
				return at, nil
			}
		}
		select {
		case <-dead:
			return listening{}, errors.New("the server ended")
		default:
		}
	}
	return listening{}, errors.New("the server does not listen")
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
