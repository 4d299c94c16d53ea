package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// A runningDemo is fundpass demo in this process.
type runningDemo struct {
	url    string
	screen *cmdtest.LogBuffer
	end    context.CancelFunc // Ctrl-C
	done   chan error
}

// startDemo runs a demo on a free port and waits until it has started.
func startDemo(t *testing.T, args ...string) *runningDemo {
	t.Helper()
	needPostgres(t)
	ctx, end := context.WithCancel(context.Background())
	d := &runningDemo{screen: &cmdtest.LogBuffer{}, end: end, done: make(chan error, 1)}
	args = append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)
	go func() {
		d.done <- cmdtest.Execute(ctx, args, terminal.Stdio{Getenv: os.Getenv, Out: d.screen, Err: d.screen})
	}()
	t.Cleanup(func() { d.end(); <-d.done })
	testenv.Eventually(t, "the demo runs", func() bool {
		select {
		case err := <-d.done:
			d.done <- err
			t.Fatalf("demo ended: %v\n%s", err, d.screen)
		default:
		}
		return strings.Contains(d.screen.String(), "Ctrl-C stops")
	})
	d.url = d.find(t, `API +(http://127\.0\.0\.1:\d+)\n`)
	return d
}

// stop stops the demo as Ctrl-C does.
func (d *runningDemo) stop(t *testing.T) {
	t.Helper()
	d.end()
	err := <-d.done
	d.done <- err
	if err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// find returns the submatch of a pattern in the demo's output.
func (d *runningDemo) find(t *testing.T, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(d.screen.String())
	if m == nil {
		t.Fatalf("the screen lacks %s:\n%s", pattern, d.screen)
	}
	return m[1]
}

func needPostgres(t *testing.T) {
	t.Helper()
	_, err := localpg.FindBin()
	storetest.Require(t, err)
}

func (d *runningDemo) client() *apiclient.Client {
	return &apiclient.Client{Base: d.url, HTTP: &http.Client{Timeout: testenv.Patience}}
}

// TestDemo runs all checks against one demo, and checks that it leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	dir := d.find(t, `Database +(/.+)/postgres`)
	pid := postmaster(t, dir)
	t.Run("people", d.testPeople)
	t.Run("stories", d.testStories)
	t.Run("faults", d.testFaults)
	t.Run("docs", d.testDocs)
	t.Run("page", d.testPage)
	t.Run("walk twice", d.testWalkTwice)
	t.Run("walk back", d.testWalkBack)
	t.Run("walk in Chinese", d.testWalkInChinese)
	t.Run("counter", d.testCounter) // changes a password that the walks need
	t.Run("log", func(t *testing.T) { d.testLog(t, filepath.Join(dir, "fundpass.log")) })
	d.stop(t)
	if _, err := http.Get(d.url + "/healthz"); err == nil {
		t.Error("the API still replies")
	}
	d.checkGone(t, dir, pid)
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "postgres", "data-*", "postmaster.pid"))
	if len(files) != 1 {
		t.Fatalf("postmaster.pid: %v", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func (d *runningDemo) testPeople(t *testing.T) {
	a, err := d.client().Get(t.Context(), "/sim/people")
	if err != nil {
		t.Fatal(err)
	}
	var listed []map[string]string
	unmarshal(t, a.Raw, &listed)
	var words []string
	for _, p := range listed {
		words = append(words, p["person"])
		if p["story"] != p["person"] || p["name"] == "" || p["id_number"] == "" || p["password"] == "" {
			t.Errorf("incomplete: %v", p)
		}
		for _, column := range []string{"person", "name", "id_number", "account_no", "password"} {
			if !strings.Contains(d.screen.String(), p[column]) {
				t.Errorf("%s: the screen lacks the %s", p["person"], column)
			}
		}
	}
	want := []string{"ok", "initial", "locked_soon", "suspended_account", "frozen_account", "moved", "passport",
		"two_accounts", "two_accounts_2", "no_account", "face_fails", "mismatch", "legacy", "new_phone", "ok_again"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Error(diff)
	}
}

// testFaults checks that the demo serves the simulator's paths.
func (d *runningDemo) testFaults(t *testing.T) {
	p := d.client()
	if a := mustPost(t, p, "/sim/fault", apiclient.Fields{"next": "bad_signature", "count": 1}); a.Status != http.StatusOK {
		t.Fatalf("fault: %s", a.Raw)
	}
	a, err := p.LogIn(t.Context(), "ok")
	if err != nil || a.Code != "ALIPAY_UNAVAILABLE" {
		t.Errorf("a forged reply gives %s, %v", a.Code, err)
	}
	if a, err = p.LogIn(t.Context(), "ok"); err != nil || a.Code != "OK" {
		t.Errorf("the next one gives %s, %v", a.Code, err)
	}
	if a := mustPost(t, p, "/sim/auth-code", apiclient.Fields{"person": "nobody"}); a.Status != http.StatusNotFound {
		t.Errorf("an unknown person gets %d", a.Status)
	}
	if a := mustPost(t, p, "/v1/nothing", apiclient.Fields{}); a.Code != "NOT_FOUND" {
		t.Errorf("an unknown path gets %s", a.Raw)
	}
}

// testDocs checks that the demo serves the API's documentation at the address that it
// prints.
func (d *runningDemo) testDocs(t *testing.T) {
	for _, path := range []string{"/docs", "/docs/errors", "/openapi.yaml"} {
		rsp, err := http.Get(d.url + path)
		if err != nil {
			t.Fatal(err)
		}
		rsp.Body.Close()
		if rsp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, rsp.Status)
		}
	}
	if !strings.Contains(d.screen.String(), d.url+"/docs") {
		t.Error("the screen lacks the address of the documentation")
	}
}

// testPage checks that the demo serves the phone page and its files, and nothing else
// below its path.
func (d *runningDemo) testPage(t *testing.T) {
	for path, want := range map[string]string{
		"/": "text/html", "/phone/runtime/phone.mjs": "text/javascript", "/phone/runtime/phone.css": "text/css",
		"/phone/app/app.acss": "text/css", "/phone/app/pages/home/index.js": "text/javascript",
		"/phone/files.json": "application/json", "/phone/runtime/texts.mjs": "text/javascript",
	} {
		resp, err := http.Get(d.url + path)
		cmdtest.NoError(t, err)
		resp.Body.Close()
		h := resp.Header
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(h.Get("Content-Type"), want) {
			t.Errorf("%s: %s, %s", path, resp.Status, h.Get("Content-Type"))
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	for _, path := range []string{"/phone/", "/phone/app/", "/phone/app/../demo.go", "/phone/runtime/none.mjs", "/phone/app/app.json"} {
		resp, err := http.Get(d.url + path)
		cmdtest.NoError(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if a := mustPost(t, d.client(), "/", apiclient.Fields{}); a.Code != "NOT_FOUND" {
		t.Errorf("POST /: %s", a.Raw)
	}
}

func (d *runningDemo) testLog(t *testing.T, path string) {
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte(`"route":"/v1/sessions"`)) {
		t.Errorf("no request in the log:\n%s", log)
	}
	for _, s := range stories {
		for _, secret := range []string{s.person().Password, s.person().Name, s.person().IDNumber, "Not-The-Right-One"} {
			if testenv.Holds(string(log), secret) {
				t.Errorf("the log holds %s", secret)
			}
		}
	}
}

// checkGone checks that the process and the directory are gone and that the screen says
// so.
func (d *runningDemo) checkGone(t *testing.T, dir string, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("PostgreSQL %d is still there: %v", pid, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if end := "Stopped PostgreSQL and removed " + dir + ".\n"; !strings.HasSuffix(d.screen.String(), end) {
		t.Errorf("the screen does not end in %q:\n%s", end, d.screen)
	}
}

// TestDemoInterruptedAtStart checks that an interrupt during the start is not an error.
func TestDemoInterruptedAtStart(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	ctx, end := context.WithCancel(t.Context())
	out := &cmdtest.LogBuffer{}
	time.AfterFunc(150*time.Millisecond, end)
	if err := cmdtest.Execute(ctx, []string{"demo", "--addr", "127.0.0.1:0"}, terminal.Stdio{Out: out}); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "Stopped") {
		t.Errorf("screen: %s", out)
	}
}

func unmarshal(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}

// mustPost sends a POST request and ends the test if there is no reply.
func mustPost(t *testing.T, p *apiclient.Client, path string, body apiclient.Fields) apiclient.Answer {
	t.Helper()
	a, err := p.Post(t.Context(), path, body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return a
}

func linkOf(who alipaysim.Person, password string) apiclient.Fields {
	return apiclient.Fields{"name": who.Name, "id_type": who.IDType, "id_number": who.IDNumber, "account_no": who.AccountNo, "password": password}
}
