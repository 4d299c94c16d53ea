package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
	busy := run(t.Context(), []string{"demo", "--addr", "127.0.0.1:0", "--data", dir}, world{out: &logBuffer{}})
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

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
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
		for _, name := range []string{appKeyFile, alipayKeyFile, alipayPublicFile, columnKeyFile, pepperFile, transportKeyFile} {
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
