package miniprogram_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	miniapp "fundpass/miniapp-api"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/miniprogram"
)

// need returns a program's path. Without it a test is skipped, but not in CI.
func need(t *testing.T, program string) string {
	t.Helper()
	found, err := exec.LookPath(program)
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal(err)
	case err != nil:
		t.Skip(err)
	}
	return found
}

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(miniprogram.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Every code of the server has its behaviour in the mini-program.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	table := text(t, "lib/errors.js")
	for _, e := range miniapp.Catalogue {
		if !regexp.MustCompile(`(?m)^  ` + e.Code + `: \{ does: '\w+'`).MatchString(table) {
			t.Errorf("errors.js does not say what a page does for %s", e.Code)
		}
	}
}

// Every type of document that the server knows can be chosen.
func TestDocumentTypes(t *testing.T) {
	t.Parallel()
	words := text(t, "lib/words.js")
	for _, d := range document.Types() {
		if want := fmt.Sprintf("{ code: '%s', name: '%s' }", d.Code, d.Name); !strings.Contains(words, want) {
			t.Errorf("words.js lacks %s", want)
		}
	}
}

// TestNode runs the mini-program's own tests, on both kinds of phones and wherever
// they put errors. The stories need a house; fundpass's tests have one.
func TestNode(t *testing.T) {
	t.Parallel()
	node := need(t, "node")
	run := func(t *testing.T, errors, client string, files ...string) {
		for i, name := range files {
			files[i] = filepath.Join("test", name+".test.mjs")
		}
		c := exec.CommandContext(t.Context(), node, append([]string{"--test"}, files...)...)
		c.Env = append(os.Environ(), "FUNDPASS_ERRORS="+errors, "FUNDPASS_CLIENT="+client)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	t.Run("once", func(t *testing.T) { run(t, "fail", "ios", "encrypt", "runtime") })
	t.Run("links", func(t *testing.T) { run(t, "fail", "android", "relink", "accounts", "code", "remind") }) // errors arrive as in the tests below
	for _, errors := range []string{"fail", "fail-bare", "success"} {
		for _, client := range []string{"ios", "android"} {
			t.Run(errors+" "+client, func(t *testing.T) { run(t, errors, client, "faults", "reset", "agree", "prove", "consents") })
		}
	}
}

// TestTypes lets tsc check every call of my.* against Alipay's own types.
func TestTypes(t *testing.T) {
	t.Parallel()
	node := need(t, "node")
	tsc := filepath.Join("test", "node_modules", "typescript", "bin", "tsc")
	if _, err := os.Stat(tsc); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("run npm ci in miniapp-api/miniprogram/test: %v", err)
		}
		t.Skipf("run npm ci in miniapp-api/miniprogram/test: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), node, tsc, "-p", "test").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Files that Alipay's tools would refuse or a reviewer would send back.
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
			t.Errorf("%s loads something", name)
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

// What is not the page's goes on to the server.
func TestPhone(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := miniprogram.Phone(map[string]string{"ok": "正常"}, next)
	for path, want := range map[string]int{
		"/": 200, "/phone/runtime/phone.mjs": 200, "/phone/app/config.js": 200, "/phone/app/app.acss": 200,
		"/phone/app/app.json": 404, "/phone/runtime/nothing.mjs": 404, "/phone/x": 404,
		"/v1/password": http.StatusTeapot, "/phones": http.StatusTeapot, "/v1//x": http.StatusTeapot,
	} {
		resp, _ := get(t, h, path)
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if _, body := get(t, h, "/phone/stories.json"); !strings.Contains(body, `"ok":"正常"`) {
		t.Errorf("stories: %s", body)
	}
	if _, body := get(t, h, "/phone/app/config.js"); !strings.HasPrefix(body, "export default function ({ module,") {
		t.Errorf("a script is no module: %.60s", body)
	}
	_, files := get(t, h, "/phone/files.json")
	for _, want := range []string{`"pages/home/index.js":""`, `"pages/home/index.axml":"\u003cview`, `"app.json"`} {
		if !strings.Contains(files, want) {
			t.Errorf("files.json lacks %s", want)
		}
	}
	if strings.Contains(files, "runtime/") {
		t.Error("files.json holds the runtime")
	}
}
