//go:build unix

package storetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/localpg"
)

func tables(t *testing.T, dsn string) int {
	t.Helper()
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.Get(&n, `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a, b := DSN(t), DSN(t)
	if a == b {
		t.Fatal("one database for two")
	}
	if tables(t, a) == 0 {
		t.Error("not migrated")
	}
	if n := tables(t, EmptyDSN(t)); n != 0 {
		t.Errorf("empty database has %d tables", n)
	}
	Open(t, a)
	if n, m := tables(t, a), tables(t, b); n <= m {
		t.Errorf("Open made its partitions elsewhere: %d and %d tables", n, m)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	dsn := DSN(t)
	box := NewBox(t)
	one := Open(t, dsn, WithBox(box), WithMaxConns(2))
	two := Open(t, dsn, WithBox(box), WithNow(func() time.Time { return time.Unix(0, 0) }), WithCenter("other", "2021000000000009"))
	for _, db := range []interface{ Close() error }{one, two} {
		if err := db.Close(); err != nil { // the cleanup closes again
			t.Error(err)
		}
	}
}

// recorder stands in for the test that Require ends.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()      {}
func (r *recorder) Skip(...any)  { r.ended = "skip" }
func (r *recorder) Fatal(...any) { r.ended = "fatal" }

func TestRequire(t *testing.T) {
	missing := fmt.Errorf("wrapped: %w", localpg.ErrNoPrograms)
	tests := []struct {
		name, ci string
		err      error
		want     string
	}{
		{"none", "true", nil, ""},
		{"missing here", "", missing, "skip"},
		{"missing in CI", "true", missing, "fatal"},
		{"program missing here", "", exec.ErrNotFound, "skip"},
		{"program missing in CI", "1", exec.ErrNotFound, "fatal"},
		{"other here", "", errors.New("other"), "fatal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			r := &recorder{TB: t}
			Require(r, tt.err)
			if r.ended != tt.want {
				t.Errorf("got %q, want %q", r.ended, tt.want)
			}
		})
	}
}

// TestNothingStays runs this binary with one test, and looks for what it left.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	Server(t) // skips without PostgreSQL
	c := exec.Command(os.Args[0], "-test.run=TestDatabasesAreApart", "-test.v")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pattern := filepath.Join(root(), strconv.Itoa(c.Process.Pid)+"-*")
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left, _ := filepath.Glob(pattern)
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left: %s", strings.Join(left, " "))
		}
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	mine := filepath.Join(root, fmt.Sprintf("%d-1", os.Getpid()))
	theirs := filepath.Join(root, fmt.Sprintf("%d-1", dead.Process.Pid))
	other := filepath.Join(root, "other")
	for _, d := range []string{mine, theirs, other} {
		if err := os.MkdirAll(filepath.Join(d, "data-15"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sweep(root)
	for d, want := range map[string]bool{mine: true, theirs: false, other: true} {
		if _, err := os.Stat(d); (err == nil) != want {
			t.Errorf("%s: %v", d, err)
		}
	}
}
