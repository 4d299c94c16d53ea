package alipaysim_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/signing/alipaysim"
)

const appID = "2021000000000001"

// Keys generated once a run.
var (
	appKey    = sync.OnceValue(newTestKey)
	alipayKey = sync.OnceValue(newTestKey)
)

func newTestKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// People of a region that does not exist.
var (
	zhang = "990101199003070138"
	li    = "990101198001010217"
	wang  = "990101197001010351"
	zhao  = "990101199909090477"
)

// start is the time at which every test begins: late evening in UTC, next morning in Beijing.
var start = time.Date(2026, 3, 1, 20, 30, 0, 0, time.UTC)

// A clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A fixture is a simulator with its server.
type fixture struct {
	t   testing.TB
	sim *alipaysim.Sim
	url string
	now *clock
}

func newFixture(t testing.TB, cfg alipaysim.Config) fixture {
	t.Helper()
	now := &clock{now: start}
	cfg.AppID, cfg.AppKey, cfg.Key, cfg.Now = appID, &appKey().PublicKey, alipayKey(), now.Now
	sim, err := alipaysim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sim.Add(alipaysim.Person{Person: "ok", Story: "all is well", Name: "张三", IDType: "01", IDNumber: zhang, Subscribed: true,
		AccountNo: "900001", Phone: "19900000001", Password: "invented-1", Certified: true})
	sim.Add(alipaysim.Person{Person: "old", Name: "李四", IDType: "01", IDNumber: li, UserID: "2088000000000001", Certified: true})
	sim.Add(alipaysim.Person{Person: "faceless", Story: "face_fails", Name: "王五", IDType: "01", IDNumber: wang, Certified: true})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return fixture{t: t, sim: sim, url: server.URL, now: now}
}

// request returns the signed parameters of a call. change is applied before they are
// signed, tamper after.
func (s fixture) request(method string, params map[string]string, change, tamper func(url.Values)) url.Values {
	s.t.Helper()
	form := url.Values{
		"app_id": {appID}, "method": {method}, "format": {"JSON"}, "charset": {"utf-8"}, "sign_type": {"RSA2"},
		"version": {"1.0"}, "timestamp": {s.now.Now().UTC().Add(8 * time.Hour).Format(time.DateTime)},
	}
	for name, value := range params {
		form.Set(name, value)
	}
	if change != nil {
		change(form)
	}
	var pairs [][2]string
	for name := range form {
		pairs = append(pairs, [2]string{name, form.Get(name)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var text []string
	for _, pair := range pairs {
		text = append(text, pair[0]+"="+pair[1])
	}
	digest := sha256.Sum256([]byte(strings.Join(text, "&")))
	raw, err := rsa.SignPKCS1v15(rand.Reader, appKey(), crypto.SHA256, digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	form.Set("sign", base64.StdEncoding.EncodeToString(raw))
	if tamper != nil {
		tamper(form)
	}
	return form
}

// An answer is a response of the gateway.
type answer struct {
	root    string
	content map[string]any
	raw     json.RawMessage
	signed  bool // correctly
}

func (a answer) text(name string) string {
	s, _ := a.content[name].(string)
	return s
}

func (s fixture) post(form url.Values) answer {
	s.t.Helper()
	resp, err := http.PostForm(s.url+"/gateway.do", form)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var nodes map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&nodes); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	var a answer
	for name, raw := range nodes {
		if strings.HasSuffix(name, "_response") {
			a.root, a.raw = name, raw
		}
	}
	if err := json.Unmarshal(a.raw, &a.content); err != nil {
		s.t.Fatalf("content %s: %v", a.raw, err)
	}
	var sign string
	if json.Unmarshal(nodes["sign"], &sign) == nil {
		digest := sha256.Sum256(a.raw)
		raw, err := base64.StdEncoding.DecodeString(sign)
		a.signed = err == nil && rsa.VerifyPKCS1v15(s.sim.AlipayKey(), crypto.SHA256, digest[:], raw) == nil
	}
	return a
}

func (s fixture) call(method string, params map[string]string) answer {
	s.t.Helper()
	return s.post(s.request(method, params, nil, nil))
}

func (s fixture) exchange(code string) answer {
	s.t.Helper()
	return s.call("alipay.system.oauth.token", map[string]string{"grant_type": "authorization_code", "code": code})
}

func (s fixture) code(person string) string {
	s.t.Helper()
	code, err := s.sim.AuthCode(person)
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// operate calls a path under /sim and decodes the reply.
func (s fixture) operate(method, path, body string, into any) int {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "application/json" {
		s.t.Errorf("%s %s: type %q", method, path, kind)
	}
	if into != nil {
		if err := json.Unmarshal(bytes.TrimSpace(data), into); err != nil {
			s.t.Errorf("%s %s: %s: %v", method, path, data, err)
		}
	}
	return resp.StatusCode
}
