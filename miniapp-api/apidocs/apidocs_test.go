package apidocs

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

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

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHandler checks which paths are served and which are passed to next.
func TestHandler(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for path, want := range map[string]int{
		"/openapi.yaml": 200, "/docs": 200, "/docs/errors": 200,
		"/docs/": 404, "/docs/errors/": 404, "/docs/x/docs.js": 404, "/docs/../v1/link": 307,
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

// TestErrors checks that /docs/errors has an anchor for every code.
func TestErrors(t *testing.T) {
	t.Parallel()
	page := get(newHandler(t), "/docs/errors").Body.String()
	for _, e := range httpapi.Catalogue {
		if !strings.Contains(page, `id="`+e.Code+`"`) || !strings.Contains(page, e.Message) {
			t.Errorf("/docs/errors lacks %s", e.Code)
		}
	}
}

var (
	address = regexp.MustCompile(`(?:src|href)="([^"#]+)`)
	inline  = regexp.MustCompile(`<style|<script[^>]*>[^<]| style=| on[a-z]+=`)
)

// TestAssets checks that the pages load existing assets of this version, compressed and
// not, and that browsers cache them.
func TestAssets(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for _, path := range []string{"/docs", "/docs/errors"} {
		page := get(h, path).Body.String()
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s contains %q", path, found)
		}
		for _, found := range address.FindAllStringSubmatch(page, -1) {
			switch where := found[1]; {
			case strings.Count(where, "/") == 3:
				checkAsset(t, h, where)
			case where != "/" && get(h, where).Code != 200: // / is the demo's
				t.Errorf("%s leads to %s", path, where)
			}
		}
	}
}

func checkAsset(t *testing.T, h http.Handler, path string) {
	t.Helper()
	plain, zipped := get(h, path), get(h, path, "Accept-Encoding", "br, gzip")
	if plain.Code != 200 || plain.Header().Get("Content-Type") == "" || plain.Header().Get("Content-Encoding") != "" {
		t.Errorf("%s: %d %v", path, plain.Code, plain.Header())
	}
	if !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("%s: %v", path, plain.Header())
	}
	body := zipped.Body.Bytes()
	if zipped.Header().Get("Content-Encoding") == "gzip" {
		r, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		body, _ = io.ReadAll(r)
	} else if strings.Contains(path, "swagger-ui") {
		t.Errorf("%s is not compressed", path)
	}
	if !bytes.Equal(body, plain.Body.Bytes()) {
		t.Errorf("%s differs compressed", path)
	}
	if w := get(h, path, "If-None-Match", plain.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("%s: %d for the same ETag", path, w.Code)
	}
}
