//go:build unix

package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// install creates a directory with the named programs.
func install(t *testing.T, dir string, programs ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if err := os.WriteFile(filepath.Join(dir, p), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindBin(t *testing.T) {
	root := t.TempDir()
	good := install(t, filepath.Join(root, "good"), "initdb", "postgres")
	half := install(t, filepath.Join(root, "half"), "initdb")

	t.Setenv("LOCALPG_BIN", good)
	if dir, err := FindBin(); err != nil || dir != good {
		t.Errorf("got %s, %v", dir, err)
	}
	t.Setenv("LOCALPG_BIN", half)
	if _, err := FindBin(); !errors.Is(err, ErrNoPrograms) {
		t.Errorf("got %v", err)
	}
	t.Setenv("LOCALPG_BIN", "")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(good, "initdb"), filepath.Join(links, "initdb")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", links)
	if dir, err := FindBin(); err != nil || dir != good {
		t.Errorf("through a link: %s, %v", dir, err)
	}
}

func TestNewestVersionWins(t *testing.T) {
	root := t.TempDir()
	for _, v := range []string{"9.6", "14", "17", "15"} {
		install(t, filepath.Join(root, v, "bin"), "initdb", "postgres")
	}
	install(t, filepath.Join(root, "18", "bin"), "postgres") // incomplete, as client packages may leave it
	pattern := filepath.Join(root, "*", "bin")
	if got, want := newest([]string{pattern}), filepath.Join(root, "17", "bin"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := newest([]string{filepath.Join(root, "none*")}); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestErrNoProgramsSaysHow(t *testing.T) {
	text := ErrNoPrograms.Error()
	for _, want := range []string{"apt-get install postgresql", "dnf install postgresql-server", "brew install postgresql@17"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(text, "\n") {
		t.Error("more than one line")
	}
}

func TestVersionInPath(t *testing.T) {
	for path, want := range map[string]int{
		"/usr/lib/postgresql/15/bin":                           15,
		"/usr/pgsql-16/bin":                                    16,
		"/opt/homebrew/opt/postgresql@17/bin":                  17,
		"/Applications/Postgres.app/Contents/Versions/9.6/bin": 9,
		"/home/user1/pg/14/bin":                                14,
		"/usr/bin":                                             0,
	} {
		if got := versionInPath(path); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestSocketPathIsShort(t *testing.T) {
	long := "/" + strings.Repeat("a-long-directory/", 30)
	if n := len(filepath.Join(socketDir(long), ".s.PGSQL.65535")); n > 103 {
		t.Errorf("%d bytes", n)
	}
	if one, again := socketDir("/a"), socketDir("/a"); one == socketDir("/b") || one != again {
		t.Error("not one socket directory for each directory")
	}
}
