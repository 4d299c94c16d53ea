package apidocs

import (
	"bytes"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
)

func newHandler(t *testing.T) http.Handler {
	t.Helper()
	h, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// Only the pages and what they load is served; anything else goes on.
func TestHandler(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for path, want := range map[string]int{
		"/openapi.yaml": 200, "/docs/app.yaml": 200, "/docs": 200, "/docs/errors": 200,
		"/docs/": 404, "/docs/errors/": 404, "/docs/x/docs.js": 404, "/docs/docs.html": 404, "/docs/../v1/link": 307,
		"/": http.StatusTeapot, "/v1/link": http.StatusTeapot, "/docsx": http.StatusTeapot, "/openapi.yaml/": http.StatusTeapot,
	} {
		w := get(h, path)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if w.Code == 200 && (w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("POST", "/docs", nil)); w.Code != http.StatusTeapot {
		t.Errorf("POST /docs: %d", w.Code)
	}
	if got := get(h, "/openapi.yaml").Body.Bytes(); !bytes.Equal(got, httpapi.OpenAPI) {
		t.Error("/openapi.yaml is not the contract")
	}
}

// The type of a problem leads to its code.
func TestErrors(t *testing.T) {
	t.Parallel()
	page := html.UnescapeString(get(newHandler(t), "/docs/errors").Body.String())
	for _, e := range httpapi.Catalogue(alipay.Words) {
		for _, text := range []string{`id="` + e.Code + `"`, e.Message, e.Next, e.NextZH} {
			if !strings.Contains(page, text) {
				t.Errorf("/docs/errors lacks %s of %s", text, e.Code)
			}
		}
	}
}

var (
	address = regexp.MustCompile(`(?:src|href)="([^"#]+)`)
	inline  = regexp.MustCompile(`<style|<script[^>]*>[^<]| style=| on[a-z]+=`)
)

// A page has no inline script or style, and what it loads is there.
func TestAssets(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for _, path := range []string{"/docs", "/docs/errors"} {
		page := get(h, path).Body.String()
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s contains %q", path, found)
		}
		for _, found := range address.FindAllStringSubmatch(page, -1) {
			where := found[1]
			if where == "/" { // the demo's
				continue
			}
			if w := get(h, where); w.Code != 200 || w.Header().Get("Content-Type") == "" || w.Body.Len() == 0 {
				t.Errorf("%s leads to %s: %d %v", path, where, w.Code, w.Header())
			}
		}
	}
	if bundle := get(h, "/docs/swagger-ui-bundle.js").Body.String(); !strings.Contains(bundle, "SwaggerUIBundle") {
		t.Error("the bundle is not Swagger UI")
	}
}
