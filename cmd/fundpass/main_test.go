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
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/signing/alipaysim"
	"fundpass/store/storetest"
)

// asProgram makes the test binary be the program: a test can then start the
// real thing as a process of its own and kill it.
const asProgram = "FUNDPASS_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		os.Exit(exitCode())
	}
	os.Exit(m.Run())
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// siteAppID is the application of every site.
const siteAppID = "2021000000000001"

// A site is everything a server needs besides a process: key files, a
// simulated Alipay and a database of its own.
type site struct {
	t   testing.TB
	dir string
	dsn string
	sim *alipaysim.Sim // the one that answers

	gateway *httptest.Server
	alipay  atomic.Pointer[alipaysim.Sim]
}

// okPerson is an invented citizen for sites that need one.
var okPerson = alipaysim.Person{
	Person: "ok", Name: "张测试", IDType: "01", IDNumber: "990101195603070011",
	AccountNo: "880000000001", OpenID: "open-ok", Certified: true, Subscribed: true,
}

// siteKeys are made once, because RSA keys are slow to make: the files of
// "keys new", and two keys of Alipay.
var siteKeys = sync.OnceValue(func() struct {
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

// newSite has a migrated database.
func newSite(t testing.TB) *site {
	t.Helper()
	s := newBareSite(t)
	s.dsn = storetest.DSN(t)
	return s
}

// newBareSite has no database: nothing may connect to its connection string.
func newBareSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), dsn: "postgres://fundpass@127.0.0.1:1/fundpass?sslmode=disable"}
	noError(t, writeKeys(s.dir, siteKeys().files))
	s.playAlipay(siteKeys().alipay[0])
	s.gateway = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.alipay.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(s.gateway.Close)
	return s
}

// siteContentKey is what the console shows as MDEyMzQ1Njc4OWFiY2RlZg==.
var siteContentKey = []byte("0123456789abcdef")

// playAlipay lets a simulator with this key answer from now on, and publishes it.
func (s *site) playAlipay(key *rsa.PrivateKey) {
	s.t.Helper()
	app, err := keys.ParsePrivateKey(s.read("app_private_key.pem"))
	noError(s.t, err)
	s.sim, err = alipaysim.New(alipaysim.Config{AppID: siteAppID, AppKey: &app.PublicKey, Key: key, ContentKey: siteContentKey})
	noError(s.t, err)
	s.alipay.Store(s.sim)
	s.write("alipay_public_key.txt", publicText(s.t, &key.PublicKey))
}

// changeAlipayKey is what Alipay does when its key is renewed in the console.
func (s *site) changeAlipayKey() {
	s.t.Helper()
	s.playAlipay(siteKeys().alipay[1])
	s.sim.Add(okPerson)
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) read(name string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	noError(s.t, err)
	return data
}

// write replaces a file that the server may read again at any moment.
func (s *site) write(name, content string) {
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
func (s *site) env(change ...map[string]string) map[string]string {
	env := map[string]string{
		"FUNDPASS_ADDR": "127.0.0.1:0", "FUNDPASS_OPS_ADDR": "127.0.0.1:0",
		"FUNDPASS_ENVIRONMENT": "test", "FUNDPASS_CENTER": "test",
		"FUNDPASS_DATABASE_URL":     s.dsn,
		"FUNDPASS_APP_ID":           siteAppID,
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

func getenvOf(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// A ran is a command that has ended.
type ran struct {
	out, log string
	err      error
}

// runWith runs a command in this process.
func runWith(t testing.TB, env map[string]string, args ...string) ran {
	t.Helper()
	var out, log logBuffer
	err := run(t.Context(), args, world{getenv: getenvOf(env), in: strings.NewReader(""), out: &out, err: &log})
	return ran{out.String(), log.String(), err}
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
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
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

// A process is a real server in a process of its own.
type process struct {
	URL, Ops string // base URLs of the API and of the operators' address
	Pid      int

	t    testing.TB
	cmd  *exec.Cmd
	log  *logBuffer
	dead chan struct{}
	err  error // of the end; read after dead
}

// startServer runs "fundpass serve" with exactly this environment and waits
// until it listens. It is killed when the test ends.
func startServer(t testing.TB, env map[string]string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], "serve"), log: new(logBuffer), dead: make(chan struct{})}
	p.cmd.Env = []string{asProgram + "=1"}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+env[name])
	}
	p.cmd.Stderr = p.log
	noError(t, p.cmd.Start())
	p.Pid = p.cmd.Process.Pid
	go func() { p.err = p.cmd.Wait(); close(p.dead) }()
	t.Cleanup(p.Kill)
	at, err := p.log.find(p.dead)
	if err != nil {
		t.Fatalf("%v:\n%s", err, p.Log())
	}
	p.URL, p.Ops = "http://"+at.Addr, "http://"+at.Ops
	return p
}

// Kill ends the process as kill -9 does and waits. It may be called again.
func (p *process) Kill() {
	p.cmd.Process.Kill() // fails when it has ended
	<-p.dead
}

// Stop ends the process as an operator does and returns how it ended.
func (p *process) Stop() error {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.dead:
		return p.err
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the server does not stop:\n%s", p.Log())
		return nil
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	noError(p.t, p.cmd.Process.Signal(s))
}

// Log is what the process has written to stderr so far.
func (p *process) Log() string { return p.log.String() }

// awaitLog waits until the log holds text for the nth time.
func (p *process) awaitLog(text string, n int) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); strings.Count(p.Log(), text) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("%q is not %d times in the log:\n%s", text, n, p.Log())
		}
	}
}

// newClient keeps no connection, so that a server's end is seen as it is.
func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
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
