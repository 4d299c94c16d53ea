package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A serving is "fundpass serve" inside the test's process.
type serving struct {
	url, ops string
	log      *logBuffer
	stop     context.CancelFunc
	dead     chan struct{}
	err      error // of the end; read after dead
}

func serveInProcess(t *testing.T, env values) *serving {
	t.Helper()
	s := beginServe(t, env)
	at, err := s.log.find(s.dead)
	if err != nil {
		t.Fatalf("%v: %v\n%s", err, s.err, s.log)
	}
	s.url, s.ops = "http://"+at.Addr, "http://"+at.Ops
	return s
}

func beginServe(t *testing.T, env values) *serving {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &serving{log: new(logBuffer), stop: stop, dead: make(chan struct{})}
	go func() {
		defer close(s.dead)
		s.err = run(ctx, []string{"serve"}, world{getenv: getenvOf(env), in: strings.NewReader(""), out: s.log, err: s.log})
	}()
	t.Cleanup(func() { stop(); <-s.dead })
	return s
}

func (s *serving) end(t *testing.T) error {
	t.Helper()
	s.stop()
	select {
	case <-s.dead:
	case <-time.After(20 * time.Second):
		t.Fatalf("serve does not end:\n%s", s.log)
	}
	return s.err
}

func TestServe(t *testing.T) {
	t.Parallel()
	server := serveInProcess(t, newSite(t).env())
	for _, c := range []struct {
		name, url string
		want      int
	}{
		{"alive", server.url + "/healthz", 200},
		{"ready", server.url + "/readyz", 200},
		{"no metrics for citizens", server.url + "/metrics", 404},
		{"operators: alive", server.ops + "/healthz", 200},
		{"operators: ready", server.ops + "/readyz", 200},
		{"operators: metrics", server.ops + "/metrics", 200},
		{"operators: no API", server.ops + "/v1/link", 404},
		{"operators: no profiles", server.ops + "/debug/pprof/", 404},
		{"no session", server.url + "/v1/link", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, body := fetch(t, "GET", c.url, ""); got != c.want {
				t.Errorf("got %d, want %d: %s", got, c.want, body)
			}
		})
	}
	noError(t, server.end(t))
	if _, err := newClient(t).Get(server.url + "/healthz"); err == nil {
		t.Error("it still answers")
	}
	for line := range strings.Lines(server.log.String()) {
		var entry struct{ Time, Level, Msg, Environment string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg == "" || entry.Environment != "test" {
			t.Errorf("not a line of the log: %s", line)
		}
	}
	if !strings.Contains(server.log.String(), `"stopped"`) {
		t.Errorf("no word of the end:\n%s", server.log)
	}
}

// At the end /readyz says no while requests are still taken; one that is under
// way is answered.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	server := serveInProcess(t, s.env(values{"FUNDPASS_DRAIN_DELAY": "1s"}))
	s.addOK()
	noError(t, s.sim.Fault("slow", 1)) // the answer takes 3 s
	answered := make(chan int, 1)
	go func() { answered <- s.logIn(t, server.url) }()
	for s.sim.Calls("alipay.system.oauth.token") == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	server.stop()
	for !strings.Contains(server.log.String(), `"draining"`) {
		time.Sleep(5 * time.Millisecond)
	}
	if got, body := fetch(t, "GET", server.url+"/readyz", ""); got != 503 || !strings.Contains(body, "request_id") {
		t.Errorf("not taken off: %d %s", got, body)
	}
	if got, _ := fetch(t, "GET", server.ops+"/readyz", ""); got != 503 {
		t.Errorf("operators are told %d", got)
	}
	if got, _ := fetch(t, "GET", server.url+"/healthz", ""); got != 200 {
		t.Errorf("dead before the end: %d", got)
	}
	if got := <-answered; got != 200 {
		t.Errorf("the request under way got %d", got)
	}
	noError(t, server.end(t))
}

// addOK makes a person known to Alipay.
func (s *site) addOK() { s.sim.Add(okPerson) }

// logIn opens a session and returns the status.
func (s *site) logIn(t *testing.T, url string) int {
	t.Helper()
	code, err := s.sim.AuthCode(okPerson.Person)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp, err := newClient(t).Post(url+"/v1/sessions", "application/json", strings.NewReader(`{"auth_code":"`+code+`"}`))
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// openSession returns a session's token.
func (s *site) openSession(t *testing.T, url string) string {
	t.Helper()
	code, err := s.sim.AuthCode(okPerson.Person)
	noError(t, err)
	status, body := fetch(t, "POST", url+"/v1/sessions", `{"auth_code":"`+code+`"}`)
	var opened struct{ Data struct{ Token string } }
	if err := json.Unmarshal([]byte(body), &opened); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	return opened.Data.Token
}

// What is wrong is said before anything listens.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		name   string
		site   func(t *testing.T) *site
		change values
		want   string
		is     error
	}{
		{"settings", newSiteT, values{"FUNDPASS_APP_ID": "", "FUNDPASS_PROOF": "x"}, "FUNDPASS_APP_ID", nil},
		{"the demo's centre", newSiteT, values{"FUNDPASS_CENTER": "demo"}, "FUNDPASS_CENTER", nil},
		{"the demo's database", func(t *testing.T) *site {
			s := newSite(t)
			storetest.Open(t, s.dsn, storetest.WithCenter("demo", "2021990100000000"))
			return s
		}, nil, "FUNDPASS_DATABASE_URL", errDemoDatabase},
		{"not migrated", func(t *testing.T) *site {
			s := newBareSite(t)
			s.dsn = storetest.EmptyDSN(t)
			return s
		}, nil, "run fundpass migrate", store.ErrNotMigrated},
		{"another application", func(t *testing.T) *site {
			s := newSite(t)
			storetest.Open(t, s.dsn, storetest.WithCenter("test", "2021000000000009"))
			return s
		}, nil, "FUNDPASS_DATABASE_URL", store.ErrOtherApp},
		{"port in use", newSiteT, values{"FUNDPASS_ADDR": taken.Addr().String()}, "FUNDPASS_ADDR", syscall.EADDRINUSE},
		{"operators' port in use", newSiteT, values{"FUNDPASS_OPS_ADDR": taken.Addr().String()}, "FUNDPASS_OPS_ADDR", syscall.EADDRINUSE},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := beginServe(t, c.site(t).env(c.change))
			select {
			case <-got.dead:
			case <-time.After(20 * time.Second):
				t.Fatalf("it serves:\n%s", got.log)
			}
			if got.err == nil || !strings.Contains(got.err.Error(), c.want) || c.is != nil && !errors.Is(got.err, c.is) {
				t.Errorf("got %v, want %q and %v", got.err, c.want, c.is)
			}
			if strings.Contains(got.log.String(), `"listening"`) {
				t.Error("it listened")
			}
		})
	}
}

func newSiteT(t *testing.T) *site { return newSite(t) }

// A database that is away is waited for, and the wait ends on a signal.
func TestServeWaitsForDatabase(t *testing.T) {
	t.Parallel()
	server := beginServe(t, newBareSite(t).env())
	server.awaitDatabase(t)
	noError(t, server.end(t))
}

// awaitDatabase waits until the server waits for its database.
func (s *serving) awaitDatabase(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), "waiting for the database"); time.Sleep(5 * time.Millisecond) {
		select {
		case <-s.dead:
			t.Fatalf("it gave up: %v", s.err)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("it says nothing:\n%s", s.log)
		}
	}
}

// Alipay changes its key: SIGHUP is all a running server needs, and a file that
// is broken at that moment changes nothing.
func TestServeReloads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addOK()
	server := startServer(t, s.env())
	if got := s.logIn(t, server.URL); got != 200 {
		t.Fatalf("before: %d", got)
	}
	s.write("alipay_public_key.txt", "broken")
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys not reloaded", 1)
	if !strings.Contains(server.Log(), `"setting":"FUNDPASS_ALIPAY_KEY_FILES"`) {
		t.Errorf("the setting is not named:\n%s", server.Log())
	}
	if got := s.logIn(t, server.URL); got != 200 {
		t.Errorf("with the old keys: %d", got)
	}

	s.changeAlipayKey()
	if got := s.logIn(t, server.URL); got != 502 {
		t.Errorf("signed with an unknown key: %d", got)
	}
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys reloaded", 1)
	if got := s.logIn(t, server.URL); got != 200 {
		t.Errorf("with the new keys: %d", got)
	}

	noError(t, os.Chmod(s.path("app_private_key.pem"), 0o644))
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys not reloaded", 2)
	noError(t, server.Stop())
	checkLog(t, server.Log())
}

// checkLog fails when a key stands in a log.
func checkLog(t *testing.T, log string) {
	t.Helper()
	for _, f := range siteKeys().files {
		checkNoKey(t, log, f.content)
	}
}

// Two servers share a database: a session of one is good at the other, and the
// death of one is nothing to the other.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addOK()
	first, second := startServer(t, s.env()), startServer(t, s.env())
	token := s.openSession(t, first.URL)
	first.Kill()
	if got, _ := fetch(t, "GET", second.URL+"/readyz", ""); got != 200 {
		t.Errorf("the other is not ready: %d", got)
	}
	req, err := http.NewRequest("POST", second.URL+"/v1/sessions/end", nil)
	noError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := newClient(t).Do(req)
	noError(t, err)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the session is not known there: %d", resp.StatusCode)
	}
	noError(t, second.Stop())
	checkLog(t, first.Log()+second.Log())
}

// The limits of requests are those of the settings, and an address is what a
// trusted proxy says it is.
func TestServeRates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addOK()
	limits := values{"FUNDPASS_PER_ADDRESS": "0.01,4", "FUNDPASS_PER_USER": "0.01,2"}
	direct := serveInProcess(t, s.env(limits, values{"FUNDPASS_TRUSTED_PROXIES": ""}))
	proxied := serveInProcess(t, s.env(limits))
	ask := func(server *serving, from int, token string) int {
		req, err := http.NewRequest("GET", server.url+"/v1/link", nil)
		noError(t, err)
		req.Header.Set("X-Forwarded-For", "192.0.2."+strconv.Itoa(from))
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := newClient(t).Do(req)
		noError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	var got [2][]int
	for i, server := range []*serving{direct, proxied} {
		for from := range 5 {
			got[i] = append(got[i], ask(server, from, "none"))
		}
	}
	if diff := cmp.Diff([2][]int{{401, 401, 401, 401, 429}, {401, 401, 401, 401, 401}}, got); diff != "" {
		t.Errorf("addresses: %s", diff)
	}

	token := s.openSession(t, proxied.url)
	var user []int
	for from := range 3 {
		user = append(user, ask(proxied, 100+from, token))
	}
	if user[0] == 429 || user[2] != 429 {
		t.Errorf("one user got %v", user)
	}
	noError(t, direct.end(t))
	noError(t, proxied.end(t))
}

// The help names every setting of the contract.
func TestServeHelp(t *testing.T) {
	t.Parallel()
	got := runWith(t, nil, "serve", "--help")
	noError(t, got.err)
	for _, name := range []string{
		"ADDR", "OPS_ADDR", "DATABASE_URL", "APP_ID", "APP_KEY_FILE", "ALIPAY_KEY_FILES", "APP_CERT_FILE",
		"ALIPAY_ROOT_CERT_FILE", "CONTENT_KEY_FILE", "GATEWAY_URL", "COLUMN_KEY_FILE", "PEPPER_FILE",
		"TRANSPORT_KEY_FILES", "POLICY_FILE", "DOCUMENTS_FILE", "TRUSTED_PROXIES",
	} {
		if !strings.Contains(got.out, "  FUNDPASS_"+name) {
			t.Errorf("%s is not explained", name)
		}
	}
}
