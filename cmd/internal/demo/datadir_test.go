package demo

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
)

// TestAbandonedDirectories checks that a demo removes the directories of killed demos,
// but not those of running ones.
func TestAbandonedDirectories(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	running, err := openDataDir("", false)
	if err != nil {
		t.Fatal(err)
	}
	killed, err := openDataDir("", false)
	if err != nil {
		t.Fatal(err)
	}
	killed.lock.Close() // as the kernel does
	next, err := openDataDir("", false)
	if err != nil {
		t.Fatal(err)
	}
	for h, want := range map[*dataDir]bool{running: true, killed: false, next: true} {
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
	h, err := openDataDir(t.TempDir(), false)
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
			all[name] = string(cmdtest.ReadFile(t, h.path(name)))
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
