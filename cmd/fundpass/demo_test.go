package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/store/localpg"
)

// A runningDemo is fundpass demo in this process.
type runningDemo struct {
	url    string
	screen *lockedBuffer
	end    context.CancelFunc // Ctrl-C
	done   chan error
}

// startDemo runs a demo on a free port and waits until it says that it runs.
func startDemo(t *testing.T, args ...string) *runningDemo {
	t.Helper()
	needPostgres(t)
	ctx, end := context.WithCancel(context.Background())
	d := &runningDemo{screen: &lockedBuffer{}, end: end, done: make(chan error, 1)}
	args = append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)
	go func() { d.done <- run(ctx, args, world{getenv: os.Getenv, out: d.screen, err: d.screen}) }()
	t.Cleanup(func() { d.end(); <-d.done })
	for end := time.Now().Add(time.Minute); !strings.Contains(d.screen.String(), "Ctrl-C stops"); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-d.done:
			d.done <- err
			t.Fatalf("demo ended: %v\n%s", err, d.screen)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("demo does not start:\n%s", d.screen)
		}
	}
	d.url = d.told(t, `API +(http://127\.0\.0\.1:\d+)\n`)
	return d
}

// stop presses Ctrl-C.
func (d *runningDemo) stop(t *testing.T) {
	t.Helper()
	d.end()
	err := <-d.done
	d.done <- err
	if err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// told finds what the screen says.
func (d *runningDemo) told(t *testing.T, pattern string) string {
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
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal(err)
	case err != nil:
		t.Skip(err)
	}
}

// A lockedBuffer is written by a demo and read by its test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (d *runningDemo) phone() *phone {
	return &phone{base: d.url, http: &http.Client{Timeout: 20 * time.Second}}
}

// One demo serves every story, then walks, then a stop that leaves nothing.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	dir := d.told(t, `Database +(/.+)/postgres`)
	pid := postmaster(t, dir)
	t.Run("people", d.testPeople)
	t.Run("stories", d.testStories)
	t.Run("faults", d.testFaults)
	t.Run("walk twice", d.testWalkTwice)
	t.Run("log", func(t *testing.T) { d.testLog(t, filepath.Join(dir, "fundpass.log")) })
	d.stop(t)
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("PostgreSQL %d is still there: %v", pid, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if _, err := http.Get(d.url + "/healthz"); err == nil {
		t.Error("the API still answers")
	}
	if end := "Stopped: PostgreSQL is down, " + dir + " is removed.\n"; !strings.HasSuffix(d.screen.String(), end) {
		t.Errorf("the screen does not end in %q:\n%s", end, d.screen)
	}
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
	a, err := d.phone().get(t.Context(), "/sim/people")
	if err != nil {
		t.Fatal(err)
	}
	var listed []map[string]string
	unmarshal(t, a.raw, &listed)
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
		"two_accounts", "two_accounts_2", "no_account", "face_fails", "mismatch", "legacy"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Error(diff)
	}
}

// testStories plays every story: the link, and what a change of password is
// answered.
func (d *runningDemo) testStories(t *testing.T) {
	for _, tt := range []struct {
		person, link, state, status, change string
	}{
		{"ok", "OK", "set", "01", "OK"},
		{"initial", "OK", "initial", "01", "OK"},
		{"suspended_account", "OK", "set", "02", "OK"},
		{"frozen_account", "OK", "frozen", "06", "ACCOUNT_FROZEN"},
		{"moved", "ACCOUNT_CLOSED", "", "", ""},
		{"passport", "OK", "set", "01", "OK"},
		{"two_accounts", "OK", "set", "01", "OK"},
		{"two_accounts_2", "OK", "set", "01", "OK"},
		{"no_account", "LINK_REFUSED", "", "", ""},
		{"face_fails", "OK", "set", "01", "OK"},
		{"mismatch", "LINK_REFUSED", "", "", ""},
		{"legacy", "OK", "set", "01", "OK"},
	} {
		t.Run(tt.person, func(t *testing.T) {
			who, p := storyOf(t, tt.person).person(), d.phone()
			if a, err := p.logIn(t.Context(), tt.person); err != nil || a.Code != "OK" {
				t.Fatalf("log in: %v %v", a, err)
			}
			a := p.mustPost(t, "/v1/link", linkOf(who, who.Password))
			if a.Code != tt.link {
				t.Fatalf("link: %s, want %s: %s", a.Code, tt.link, a.raw)
			}
			if tt.change == "" {
				return
			}
			account, _ := a.object()["account"].(map[string]any)
			if a.text("password_state") != tt.state || account["status"] != tt.status {
				t.Errorf("link: %s, want %s and %s", a.raw, tt.state, tt.status)
			}
			a = p.mustPost(t, "/v1/password/changes", fields{"id_number": who.IDNumber, "old_password": who.Password})
			if a.Code != tt.change {
				t.Errorf("change: %s, want %s: %s", a.Code, tt.change, a.raw)
			}
			if a := p.mustPost(t, "/v1/link/remove", fields{"password": who.Password}); a.Code != "OK" {
				t.Errorf("unlink: %s", a.raw)
			}
		})
	}
	t.Run("one user, two accounts", func(t *testing.T) {
		who, p := storyOf(t, "two_accounts_2").person(), d.phone()
		p.logIn(t.Context(), "two_accounts")
		a := p.mustPost(t, "/v1/link", linkOf(who, who.Password))
		account, _ := a.object()["account"].(map[string]any)
		if a.Code != "OK" || !strings.HasSuffix(account["account_no"].(string), who.AccountNo[10:]) {
			t.Errorf("link: %s", a.raw)
		}
		if a, err := d.phone().logIn(t.Context(), "two_accounts_2"); err != nil || a.object()["linked"] != true {
			t.Errorf("not the same Alipay user: %s %v", a.raw, err)
		}
	})
	t.Run("locked_soon", func(t *testing.T) {
		who, p, stranger := storyOf(t, "locked_soon").person(), d.phone(), d.phone()
		p.logIn(t.Context(), "locked_soon")
		stranger.logIn(t.Context(), "no_account")
		for _, guesser := range []*phone{p, stranger} {
			guesser.mustPost(t, "/v1/link", linkOf(who, "Not-This-One-Either"))
		}
		if a := p.mustPost(t, "/v1/link", linkOf(who, who.Password)); a.Code != "LINK_REFUSED" {
			t.Errorf("the last guess was wrong, yet the right one gets %s", a.raw)
		}
	})
}

func storyOf(t *testing.T, word string) story {
	t.Helper()
	for _, s := range stories {
		if s.word == word {
			return s
		}
	}
	t.Fatalf("no story %s", word)
	return story{}
}

// testFaults: the simulator's operator paths stand before the API.
func (d *runningDemo) testFaults(t *testing.T) {
	p := d.phone()
	if a := p.mustPost(t, "/sim/fault", fields{"next": "bad_signature", "count": 1}); a.status != http.StatusOK {
		t.Fatalf("fault: %s", a.raw)
	}
	a, err := p.logIn(t.Context(), "ok")
	if err != nil || a.Code != "ALIPAY_UNAVAILABLE" {
		t.Errorf("a forged answer gets %s, %v", a.Code, err)
	}
	if a, err = p.logIn(t.Context(), "ok"); err != nil || a.Code != "OK" {
		t.Errorf("the next one gets %s, %v", a.Code, err)
	}
	if a := p.mustPost(t, "/sim/auth-code", fields{"person": "nobody"}); a.status != http.StatusNotFound {
		t.Errorf("an unknown person gets %d", a.status)
	}
	if a := p.mustPost(t, "/v1/nothing", fields{}); a.Code != "NOT_FOUND" {
		t.Errorf("an unknown path gets %s", a.raw)
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
		for _, secret := range []string{s.person().Password, s.name, s.person().IDNumber, "Not-The-Right-One"} {
			if bytes.Contains(log, []byte(secret)) {
				t.Errorf("the log holds %s", secret)
			}
		}
	}
}

// A kept directory: keys, links and passwords stay, unless told otherwise.
func TestDemoKeepsItsData(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := shortDir(t)
	changed := storyOf(t, "ok").person()
	first := startDemo(t, "--data", dir)
	if strings.Contains(first.screen.String(), "as first loaded") {
		t.Error("a new directory is called an old one")
	}
	changePassword(t, first.phone(), changed, "Thistle-Meadow-15")
	busy := run(t.Context(), []string{"demo", "--addr", "127.0.0.1:0", "--data", dir}, world{out: &lockedBuffer{}})
	if !errors.Is(busy, errHomeInUse) {
		t.Errorf("a second demo on the directory: %v", busy)
	}
	first.stop(t)
	if end := dir + " is kept for the next start.\n"; !strings.HasSuffix(first.screen.String(), end) {
		t.Errorf("the screen does not end in %q", end)
	}
	key := readFile(t, filepath.Join(dir, appKeyFile))

	second := startDemo(t, "--data", dir)
	if !strings.Contains(second.screen.String(), "as first loaded") {
		t.Error("nothing says that passwords may have changed")
	}
	p := second.phone()
	if a, err := p.logIn(t.Context(), "ok"); err != nil || a.object()["linked"] != true {
		t.Errorf("the link is gone: %s %v", a.raw, err)
	}
	if a := p.mustPost(t, "/v1/link/remove", fields{"password": "Thistle-Meadow-15"}); a.Code != "OK" {
		t.Errorf("the changed password: %s", a.raw)
	}
	screen, err := walkOn(t, second.url)
	if err == nil || !strings.Contains(screen, "--password") {
		t.Errorf("a walk with the first password: %v\n%s", err, screen)
	}
	if screen, err := walkOn(t, second.url, "--password", "Thistle-Meadow-15"); err != nil {
		t.Errorf("a walk with the present password: %v\n%s", err, screen)
	}
	second.stop(t)
	if !bytes.Equal(key, readFile(t, filepath.Join(dir, appKeyFile))) {
		t.Error("the application key changed")
	}

	third := startDemo(t, "--data", dir, "--fresh")
	p = third.phone()
	p.logIn(t.Context(), "ok")
	if a := p.mustPost(t, "/v1/link", linkOf(changed, changed.Password)); a.Code != "OK" {
		t.Errorf("the listed password after --fresh: %s", a.raw)
	}
	third.stop(t)
}

// shortDir is a directory that the account PostgreSQL runs as can reach.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestDemoRefuses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.doc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"all addresses", []string{"--addr", "0.0.0.0:0"}, "--addr 0.0.0.0:0 is not a loopback address"},
		{"no host", []string{"--addr", ":8080"}, "--addr :8080 is not a loopback address"},
		{"no port", []string{"--addr", "127.0.0.1"}, "--addr 127.0.0.1 is not host:port"},
		{"port in use", []string{"--addr", busy.Addr().String()}, "--addr " + busy.Addr().String() + " is in use"},
		{"fresh without data", []string{"--fresh"}, "--fresh needs --data"},
		{"somebody's directory", []string{"--addr", "127.0.0.1:0", "--data", foreign, "--fresh"}, "not a demo's"},
		{"argument", []string{"now"}, "unknown command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), append([]string{"demo"}, tt.args...), world{out: &lockedBuffer{}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(foreign, "thesis.doc")); err != nil {
		t.Error("--fresh emptied somebody's directory")
	}
}

func TestDemoWithoutPostgreSQL(t *testing.T) {
	t.Setenv("LOCALPG_BIN", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	err := run(t.Context(), []string{"demo", "--addr", "127.0.0.1:0"}, world{out: &lockedBuffer{}})
	if !errors.Is(err, localpg.ErrNoPrograms) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"apt-get install", "dnf install", "brew install"} {
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q lacks %q, or has several lines", err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A demo that is interrupted while it starts ends without an error.
func TestDemoInterruptedAtStart(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	ctx, end := context.WithCancel(t.Context())
	out := &lockedBuffer{}
	time.AfterFunc(150*time.Millisecond, end)
	if err := run(ctx, []string{"demo", "--addr", "127.0.0.1:0"}, world{out: out}); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "Stopped") {
		t.Errorf("screen: %s", out)
	}
}

// Directories of demos that were killed go away with the next one, those of
// running ones stay.
func TestAbandonedDirectories(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	running, err := openHome("", false)
	if err != nil {
		t.Fatal(err)
	}
	killed, err := openHome("", false)
	if err != nil {
		t.Fatal(err)
	}
	killed.lock.Close() // as the kernel does
	next, err := openHome("", false)
	if err != nil {
		t.Fatal(err)
	}
	for h, want := range map[*home]bool{running: true, killed: false, next: true} {
		if _, err := os.Stat(h.dir); (err == nil) != want {
			t.Errorf("%s: %v", h.dir, err)
		}
	}
	if err := errors.Join(running.close(), next.close()); err != nil {
		t.Error(err)
	}
}

func TestDemoKeysAreKept(t *testing.T) {
	t.Parallel()
	h, err := openHome(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	content := func() map[string]string {
		if err := h.makeKeys(); err != nil {
			t.Fatal(err)
		}
		all := make(map[string]string)
		for _, name := range []string{appKeyFile, alipayKeyFile, alipayPublicFile, columnKeyFile, pepperFile} {
			all[name] = string(readFile(t, h.path(name)))
			if info, err := os.Stat(h.path(name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", name, info, err)
			}
		}
		return all
	}
	if diff := cmp.Diff(content(), content()); diff != "" {
		t.Error(diff)
	}
}
