package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
)

// echoPath answers with the centre and the path that its handler sees.
func echoPath(center string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", center, r.URL.EscapedPath())
	})
}

func backend(center, app, path string, hosts ...string) *httpapi.Backend {
	return &httpapi.Backend{Center: center, Hosts: hosts, Path: path, Key: app, Handler: echoPath(center), Active: new(httpapi.Active)}
}

func TestRouter(t *testing.T) {
	t.Parallel()
	router := httpapi.NewRouter(httpapi.RouterConfig{Key: alipay.Receiver, Health: echoPath("process")})
	router.Replace([]*httpapi.Backend{
		backend("a", "2021000000000001", "/hangzhou", "a.example", "shared.example:8443"),
		backend("b", "2021000000000002", "/ningbo", "b.example"),
		backend("c", "2021000000000003", "/app/c", "both.example"),
		backend("d", "2021000000000004", "/app/d", "both.example"),
	})
	const message = "charset=utf-8&app_id=2021000000000002&sign=x"
	for _, c := range []struct{ name, host, path, token, body, want string }{
		{"host", "a.example", "/v1/link", "", "", "a /v1/link"},
		{"host in capitals, with a port", "A.Example:8443", "/v1/link", "", "", "a /v1/link"},
		{"host and its path", "a.example", "/hangzhou/v1/link", "", "", "a /v1/link"},
		{"host and another path", "a.example", "/ningbo/v1/link", "", "", "a /ningbo/v1/link"},
		{"host of one port", "shared.example:8443", "/v1/link", "", "", "a /v1/link"},
		{"port removed", "shared.example", "/v1/link", "", "", "a /v1/link"},
		{"another port", "shared.example:443", "/v1/link", "", "", "404"},
		{"path", "any.example", "/ningbo/v1/link", "", "", "b /v1/link"},
		{"escaped id", "any.example", "/ningbo/v1/link/a%2Fb", "", "", "b /v1/link/a%2Fb"},
		{"escaped path", "any.example", "/%6eingbo/v1/a%2Fb", "", "", "404"},
		{"path alone", "any.example", "/ningbo", "", "", "404"},
		{"beginning of a path", "any.example", "/ningbo2/v1/link", "", "", "404"},
		{"path in capitals", "any.example", "/Ningbo/v1/link", "", "", "404"},
		{"host of two", "both.example", "/app/d/v1/link", "", "", "d /v1/link"},
		{"host of two without a path", "both.example", "/v1/link", "", "", "404"},
		{"token", "any.example", "/v1/link", "Bearer b.x", "", "b /v1/link"},
		{"token of another scheme", "any.example", "/v1/link", "DPoP  b.x", "", "b /v1/link"},
		{"host before token", "a.example", "/v1/link", "Bearer b.x", "", "a /v1/link"},
		{"path before token", "any.example", "/hangzhou/v1/link", "Bearer b.x", "", "a /v1/link"},
		{"token of no centre", "any.example", "/v1/link", "Bearer x.x", "", "404"},
		{"token without a centre", "any.example", "/v1/link", "Bearer b", "", "404"},
		{"empty tag", "any.example", "/v1/link", "Bearer .b", "", "404"},
		{"nothing", "any.example", "/v1/link", "", "", "404"},
		{"application", "any.example", "/alipay/notifications", "", message, "b /alipay/notifications"},
		{"host before application", "a.example", "/alipay/notifications", "", message, "a /alipay/notifications"},
		{"another path", "any.example", "/v1/sessions", "", message, "404"},
		{"no application", "any.example", "/alipay/notifications", "", "app_id=2021000000000009", "404"},
		{"two applications", "any.example", "/alipay/notifications", "", message + "&app_id=2021000000000001", "404"},
		{"unknown application before token", "any.example", "/alipay/spi", "Bearer b.x", "app_id=2021000000000009", "404"},
		{"health", "any.example", "/readyz", "", "", "process /readyz"},
		{"health of a centre", "b.example", "/readyz", "", "", "b /readyz"},
	} {
		method := "GET"
		if c.body != "" {
			method = "POST"
		}
		r := httptest.NewRequest(method, "http://"+c.host+c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", c.token)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code != 200 {
			got = fmt.Sprint(w.Code)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestRouterByHost checks that the host alone chooses among pages.
func TestRouterByHost(t *testing.T) {
	t.Parallel()
	router := httpapi.NewRouter(httpapi.RouterConfig{ByHostOnly: true, Unknown: http.NotFoundHandler()})
	router.Replace([]*httpapi.Backend{backend("a", "", "", "a.example")})
	for host, want := range map[string]int{"a.example": 200, "b.example": 404} {
		r := httptest.NewRequest("GET", "http://"+host+"/a/", nil)
		r.Header.Set("Authorization", "Bearer a.x")
		w := httptest.NewRecorder()
		if router.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
}

// TestRouterUnknown checks the reply to a request of no centre: an envelope with the security
// headers, and nothing of the request in it.
func TestRouterUnknown(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "http://canary.example/canary?canary", nil)
	r.Header.Set("Authorization", "Bearer canary.canary")
	w := httptest.NewRecorder()
	httpapi.NewRouter(httpapi.RouterConfig{}).ServeHTTP(w, r)
	var got struct {
		Code, Message, RequestID string
		Status                   int
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &got))
	if w.Code != 404 || got.Status != 404 || got.Code != "CENTER_UNKNOWN" || got.Message == "" || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	r.Header.Set("X-Always-200", "1")
	w = httptest.NewRecorder()
	if httpapi.NewRouter(httpapi.RouterConfig{}).ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("X-Always-200: %d", w.Code)
	}
}

// TestRouterDrain checks that a removed centre finishes its requests, and that a request which
// comes meanwhile is answered by its successor.
func TestRouterDrain(t *testing.T) {
	t.Parallel()
	router := httpapi.NewRouter(httpapi.RouterConfig{})
	begun, finish := make(chan bool), make(chan bool)
	old := backend("a", "", "/a")
	old.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-finish
		fmt.Fprint(w, "old")
	})
	router.Replace([]*httpapi.Backend{old})
	get := func() string {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest("GET", "http://x/a/v1", nil))
		return w.Body.String()
	}
	answer := make(chan string, 1)
	go func() { answer <- get() }()
	<-begun
	router.Replace([]*httpapi.Backend{backend("a", "", "/a")})
	if got := get(); got != "a /v1" {
		t.Errorf("the successor answered %s", got)
	}
	short, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := new(httpapi.Active).Drain(short); err != nil {
		t.Errorf("without requests: %v", err)
	}
	drained := make(chan error, 1)
	ctx, stop := context.WithTimeout(t.Context(), testenv.Patience)
	defer stop()
	go func() { drained <- old.Active.Drain(ctx) }()
	testenv.Eventually(t, "the old one refuses", func() bool { return old.Active.Ended() })
	select {
	case err := <-drained:
		t.Fatalf("drained before its request ended: %v", err)
	default:
	}
	finish <- true
	must(t, <-drained)
	if old.Active.Serve(old.Handler, httptest.NewRecorder(), httptest.NewRequest("GET", "http://x/", nil)) {
		t.Error("a removed centre answers")
	}
	if got := <-answer; got != "old" {
		t.Errorf("the request got %s", got)
	}
}
