package alipaysim_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/smartwalle/alipay/v3"

	"fundpass/keys/calendar"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func newSDKClient(t *testing.T, s fixture) *alipay.Client {
	t.Helper()
	client, err := alipay.New(appID, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(appKey())), false,
		alipay.WithSandboxGateway(s.url+"/gateway.do"), alipay.WithTimeLocation(calendar.Beijing))
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(s.sim.AlipayKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.LoadAliPayPublicKey(base64.StdEncoding.EncodeToString(public)); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestPeople(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	var people []map[string]any
	if status := s.operate("GET", "/sim/people", "", &people); status != http.StatusOK || len(people) != 3 {
		t.Fatalf("status %d, %d people", status, len(people))
	}
	want := map[string]any{"person": "ok", "story": "all is well", "name": "张三", "id_type": "01", "id_number": zhang,
		"account_no": "900001", "phone": "19900000001", "password": "invented-1"}
	if diff := cmp.Diff(want, people[0]); diff != "" {
		t.Error(diff)
	}
	before := s.sim.People()[0].OpenID
	s.sim.Add(alipaysim.Person{Person: "ok", Name: "张三丰"}) // replaces the person and keeps the identifier
	after := s.sim.People()
	if len(after) != 3 || after[0].Name != "张三丰" || after[0].OpenID != before || before == after[2].OpenID {
		t.Errorf("%+v", after)
	}
}

func TestEmptyPeople(t *testing.T) {
	t.Parallel()
	sim, err := alipaysim.New(alipaysim.Config{AppID: appID, AppKey: &appKey().PublicKey, Key: alipayKey()})
	if err != nil {
		t.Fatal(err)
	}
	reply := httptest.NewRecorder()
	sim.ServeHTTP(reply, httptest.NewRequest("GET", "/sim/people", nil))
	if strings.TrimSpace(reply.Body.String()) != "[]" {
		t.Errorf("%s", reply.Body)
	}
}

func TestAuthCodeOverHTTP(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	var given struct {
		AuthCode string `json:"auth_code"`
	}
	if status := s.operate("POST", "/sim/auth-code", `{"person":"ok"}`, &given); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if a := s.exchange(given.AuthCode); a.text("open_id") == "" {
		t.Errorf("%s", a.raw)
	}
}

// Errors list the valid values.
func TestOperatorMistakes(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	cases := []struct {
		name, method, path, body string
		status                   int
		contains                 string
	}{
		{"nobody", "POST", "/sim/auth-code", `{"person":"nobody"}`, 404, "old"},
		{"no body", "POST", "/sim/auth-code", ``, 400, `{"person":"ok"}`},
		{"wrong field", "POST", "/sim/auth-code", `{"name":"ok"}`, 400, `{"person":"ok"}`},
		{"two bodies", "POST", "/sim/auth-code", `{"person":"ok"}{}`, 400, `{"person":"ok"}`},
		{"unknown fault", "POST", "/sim/fault", `{"next":"fire"}`, 400, "bad_signature"},
		{"fault of words", "POST", "/sim/fault", `{"next":7}`, 400, `"next":"timeout"`},
		{"no target", "POST", "/sim/notice", `{"person":"ok","kind":"alipay.open.auth.userauth.cancelled"}`, 400, "target"},
		{"unknown path", "GET", "/sim/persons", ``, 404, "/sim/people"},
		{"wrong method", "GET", "/sim/fault", ``, 404, "POST /sim/fault"},
		{"gateway by GET", "GET", "/gateway.do", ``, 404, "POST /gateway.do"},
	}
	for _, c := range cases {
		var problem struct {
			Error  string            `json:"error"`
			People []string          `json:"people"`
			Faults map[string]string `json:"faults"`
		}
		status := s.operate(c.method, c.path, c.body, &problem)
		message := problem.Error + strings.Join(problem.People, " ")
		for name := range problem.Faults {
			message += " " + name
		}
		if status != c.status || problem.Error == "" || !strings.Contains(message, c.contains) {
			t.Errorf("%s: %d %q", c.name, status, message)
		}
	}
}

func TestFaultCounts(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	if err := s.sim.Fault("fire", 1); !errors.Is(err, alipaysim.ErrUnknownFault) {
		t.Error(err)
	}
	codes := func(n int) (got []string) {
		for range n {
			got = append(got, s.call("alipay.user.info.share", map[string]string{"auth_token": "x"}).text("code"))
		}
		return got
	}
	if status := s.operate("POST", "/sim/fault", `{"next":"error","count":2}`, nil); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if diff := cmp.Diff([]string{"20000", "20000", "20001"}, codes(3)); diff != "" {
		t.Error(diff)
	}
	s.operate("POST", "/sim/fault", `{"next":"error"}`, nil) // count is 1 by default
	if diff := cmp.Diff([]string{"20000", "20001"}, codes(2)); diff != "" {
		t.Error(diff)
	}
	s.operate("POST", "/sim/fault", `{"next":"error","count":5}`, nil)
	s.operate("POST", "/sim/fault", `{"next":""}`, nil)
	if diff := cmp.Diff([]string{"20001"}, codes(1)); diff != "" {
		t.Error(diff)
	}
}

// TestFaultsOnTheWire checks the response of each fault.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{Redirect: "http://127.0.0.1:1/elsewhere"})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	wire := map[string]func(status int, body string, err error) bool{
		"html":           func(status int, body string, _ error) bool { return status == 200 && strings.HasPrefix(body, "<html>") },
		"html_502":       func(status int, body string, _ error) bool { return status == 502 && strings.HasPrefix(body, "<html>") },
		"redirect":       func(status int, _ string, _ error) bool { return status == 302 },
		"error":          func(_ int, body string, _ error) bool { return strings.Contains(body, "系统繁忙") },
		"gbk_error":      func(_ int, body string, _ error) bool { return strings.Contains(body, "\xcf\xb5\xcd\xb3") },
		"call_limited":   func(_ int, body string, _ error) bool { return strings.Contains(body, "isv.app-call-limited") },
		"unsigned":       func(_ int, body string, _ error) bool { return !strings.Contains(body, `"sign"`) },
		"null_body":      func(_ int, body string, _ error) bool { return strings.Contains(body, `_response":null,`) },
		"other_root":     func(_ int, body string, _ error) bool { return strings.Contains(body, "alipay_trade_query_response") },
		"duplicate_root": func(_ int, body string, _ error) bool { return strings.Count(body, "info_share_response") == 2 },
		"bad_signature":  func(_ int, body string, _ error) bool { return strings.Contains(body, `"sign"`) },
		"other_app":      func(_ int, body string, _ error) bool { return strings.Contains(body, `"sign"`) },
		"huge":           func(_ int, body string, _ error) bool { return len(body) > 10<<20 },
		"truncated":      func(_ int, body string, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) && body != "" },
	}
	for fault := range alipaysim.Faults() {
		right, quick := wire[fault]
		if !quick {
			continue // timeout and slow: see TestDelayedFaults
		}
		if err := s.sim.Fault(fault, 1); err != nil {
			t.Fatal(err)
		}
		form := s.request("alipay.user.info.share", map[string]string{"auth_token": "x"}, nil, nil)
		resp, err := client.PostForm(s.url+"/gateway.do", form)
		if err != nil {
			t.Fatalf("%s: %v", fault, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !right(resp.StatusCode, string(body), err) {
			t.Errorf("%s: %d %.200s %v", fault, resp.StatusCode, body, err)
		}
	}
	if len(wire)+2 != len(alipaysim.Faults()) {
		t.Errorf("%d faults tested of %d", len(wire)+2, len(alipaysim.Faults()))
	}
}

// A delayed response comes late, its request is carried out, and a caller that gives up
// does not block the simulator.
func TestDelayedFaults(t *testing.T) {
	t.Parallel()
	const slow = 200 * time.Millisecond
	s := newFixture(t, alipaysim.Config{Slow: slow})
	testenv.Eventually(t, "the code is burnt, of a request that came in time", func() bool {
		code := s.code("ok")
		if err := s.sim.Fault("timeout", 1); err != nil {
			t.Fatal(err)
		}
		form := s.request("alipay.system.oauth.token", map[string]string{"grant_type": "authorization_code", "code": code}, nil, nil)
		impatient := &http.Client{Timeout: 100 * time.Millisecond}
		if _, err := impatient.PostForm(s.url+"/gateway.do", form); err == nil {
			t.Error("answered")
		}
		if err := s.sim.Fault("", 0); err != nil {
			t.Fatal(err)
		}
		return s.exchange(code).text("sub_code") == "isv.code-invalid"
	})
	if err := s.sim.Fault("slow", 1); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if a := s.exchange(s.code("ok")); a.text("open_id") == "" {
		t.Errorf("%s", a.raw)
	}
	if took := time.Since(began); took < slow {
		t.Errorf("took %v", took)
	}
}

func TestNotice(t *testing.T) {
	t.Parallel()
	type posted struct {
		path, kind string
		form       url.Values
	}
	arrived := make(chan posted, 10)
	reply := make(chan string, 10)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		arrived <- posted{r.Method + " " + r.URL.RequestURI(), r.Header.Get("Content-Type"), r.PostForm}
		io.WriteString(w, <-reply)
	}))
	defer target.Close()
	s := newFixture(t, alipaysim.Config{Target: target.URL + "/"})
	seen := map[string]bool{}
	for _, c := range []struct{ person, field, other, answer string }{
		{"ok", `"open_id":"` + s.sim.People()[0].OpenID + `"`, "user_id", "success"},
		{"old", `"user_id":"2088000000000001"`, "open_id", "fail"},
	} {
		reply <- c.answer
		var came alipaysim.Delivery
		body := `{"person":"` + c.person + `","kind":"alipay.open.auth.userauth.cancelled"}`
		if status := s.operate("POST", "/sim/notice", body, &came); status != http.StatusOK || came.Body != c.answer || came.Status != 200 {
			t.Errorf("%s: %d %+v", c.person, status, came)
		}
		got := <-arrived
		form := got.form
		if got.path != "POST /alipay/notifications" || !strings.HasPrefix(got.kind, "application/x-www-form-urlencoded") {
			t.Errorf("%+v", got)
		}
		text, err := signing.Canonical(form, signing.NotifyV1)
		if err != nil {
			t.Fatal(err)
		}
		if err := signing.Verify(s.sim.AlipayKey(), text, form.Get("sign")); err != nil {
			t.Errorf("%s: %v", c.person, err)
		}
		content := form.Get("biz_content")
		if form.Get("version") != "1.1" || form.Get("app_id") != appID || form.Get("msg_method") != "alipay.open.auth.userauth.cancelled" ||
			form.Get("utc_timestamp") != "1772397000000" || !strings.Contains(content, `"cancel_time":1772397000000`) ||
			!strings.Contains(content, c.field) || strings.Contains(content, c.other) || !strings.Contains(content, appID) {
			t.Errorf("%s: %v", c.person, form)
		}
		if id := form.Get("notify_id"); id != came.NotifyID || seen[id] || !strings.HasPrefix(id, "20260302") {
			t.Errorf("%s: notify_id %q", c.person, id)
		}
		seen[form.Get("notify_id")] = true
	}
	for body, status := range map[string]int{
		`{"person":"nobody","kind":"alipay.x"}`: http.StatusNotFound,
		`{"person":"ok","kind":"cancelled"}`:    http.StatusBadRequest,
	} {
		if got := s.operate("POST", "/sim/notice", body, nil); got != status {
			t.Errorf("%s: %d", body, got)
		}
	}
	target.Close()
	if got := s.operate("POST", "/sim/notice", `{"person":"ok","kind":"alipay.x"}`, nil); got != http.StatusBadGateway {
		t.Errorf("target away: %d", got)
	}
}
