package miniprogram_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/miniprogram"
)

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(miniprogram.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The mini-program has a behaviour for every code of the server.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	table := text(t, "lib/errors.js")
	for _, e := range httpapi.Catalogue(alipay.Words) {
		if !regexp.MustCompile(`(?m)^  ` + e.Code + `: \{ does: '\w+'`).MatchString(table) {
			t.Errorf("errors.js has no behaviour for %s", e.Code)
		}
	}
}

// Every document type of the server can be chosen.
func TestDocumentTypes(t *testing.T) {
	t.Parallel()
	words := text(t, "lib/words.js")
	for _, d := range document.Types() {
		if want := fmt.Sprintf("{ code: '%s', name: '%s' }", d.Code, d.Name); !strings.Contains(words, want) {
			t.Errorf("words.js lacks %s", want)
		}
	}
}

// No file is one that Alipay's tools or reviewers reject.
func TestFiles(t *testing.T) {
	t.Parallel()
	fs.WalkDir(miniprogram.Files, ".", func(name string, _ fs.DirEntry, _ error) error {
		if strings.HasPrefix(name, "runtime/") || path.Ext(name) == "" || name == "." {
			return nil
		}
		source := text(t, name)
		for _, forbidden := range []string{"http://", "eval(", "new Function", "console.", "localStorage", "window.", "document.", "BigInt("} {
			if strings.Contains(source, forbidden) {
				t.Errorf("%s contains %s", name, forbidden)
			}
		}
		if path.Ext(name) == ".acss" && strings.Contains(source, "url(") {
			t.Errorf("%s loads a resource", name)
		}
		return nil
	})
}

func get(t *testing.T, h http.Handler, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

// Other requests are passed to the server.
func TestPhone(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := miniprogram.Phone(next)
	for path, want := range map[string]int{
		"/": 200, "/phone/runtime/phone.mjs": 200, "/phone/app/config.js": 200, "/phone/app/app.acss": 200,
		"/phone/app/app.json": 404, "/phone/runtime/nothing.mjs": 404, "/phone/x": 404, "/phone/stories.json": 404,
		"/v1/password": http.StatusTeapot, "/phones": http.StatusTeapot, "/v1//x": http.StatusTeapot,
	} {
		resp, _ := get(t, h, path)
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if _, body := get(t, h, "/phone/app/config.js"); !strings.HasPrefix(body, "export default function ({ module,") {
		t.Errorf("a script is not a module: %.60s", body)
	}
	_, files := get(t, h, "/phone/files.json")
	for _, want := range []string{`"pages/home/index.js":""`, `"pages/home/index.axml":"\u003cview`, `"app.json"`} {
		if !strings.Contains(files, want) {
			t.Errorf("files.json lacks %s", want)
		}
	}
	if strings.Contains(files, "runtime/") {
		t.Error("files.json contains the runtime")
	}
}
