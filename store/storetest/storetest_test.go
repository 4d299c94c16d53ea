//go:build unix

package storetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store/localpg"
)

func tables(t *testing.T, dsn string) int {
	t.Helper()
	var n int
	if err := Probe(t, dsn).Get(&n, `SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a, b := DSN(t), DSN(t)
	if a == b {
		t.Fatal("the same database twice")
	}
	if tables(t, a) == 0 {
		t.Error("not migrated")
	}
	if n := tables(t, EmptyDSN(t)); n != 0 {
		t.Errorf("empty database has %d tables", n)
	}
	Open(t, a)
	if n, m := tables(t, a), tables(t, b); n <= m {
		t.Errorf("Open created no partitions: %d and %d tables", n, m)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	dsn := DSN(t)
	cipher := NewColumnCipher(t)
	one := Open(t, dsn, WithColumnCipher(cipher), WithMaxConns(2))
	two := Open(t, dsn, WithColumnCipher(cipher), WithNow(func() time.Time { return time.Unix(0, 0) }), WithCenter("other", "2021000000000009"))
	for _, db := range []interface{ Close() error }{one, two} {
		if err := db.Close(); err != nil { // the cleanup closes again
			t.Error(err)
		}
	}
}

// A recorder is a testing.TB that records whether Require ends the test.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()      {}
func (r *recorder) Fatal(...any) { r.ended = "fatal" }

func TestRequire(t *testing.T) {
	missing := fmt.Errorf("wrapped: %w", localpg.ErrNoPrograms)
	tests := []struct {
		name, ci string
		err      error
		want     string
	}{
		{"none", "true", nil, ""},
		{"missing in CI", "true", missing, "fatal"},
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

// TestNothingStays runs this binary as a run of its own and checks that it leaves nothing.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	NeedOwnServer(t, "it looks for what a started server leaves")
	c := exec.Command(os.Args[0], "-test.run=TestDatabasesAreApart", "-test.v")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mine := filepath.Join(root(), strconv.Itoa(c.Process.Pid))
	testenv.Eventually(t, "nothing is left at "+mine, func() bool {
		left, _ := filepath.Glob(mine + "*")
		return len(left) == 0
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	mine := filepath.Join(root, strconv.Itoa(os.Getpid()))
	theirs := filepath.Join(root, strconv.Itoa(dead.Process.Pid))
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

// A probe neither sees nor changes rows of other tests.
func TestProbeSeesItsCentre(t *testing.T) {
	t.Parallel()
	a, b := Shared(t), Shared(t)
	Open(t, a)
	Open(t, b)
	probe := Probe(t, a)
	want, _ := CenterOf(a)
	var seen []string
	if err := probe.Select(&seen, `SELECT center_id FROM centers`); err != nil || len(seen) != 1 || seen[0] != want {
		t.Errorf("sees %v of %s: %v", seen, want, err)
	}
	other, _ := CenterOf(b)
	if _, err := probe.Exec(`UPDATE centers SET app_id = 'x' WHERE center_id = $1`, other); err != nil {
		t.Error(err)
	}
	if _, err := probe.Exec(`INSERT INTO centers (center_id, app_id, created_at) VALUES ('foreign', 'foreign', 'now')`); err == nil {
		t.Error("row of another centre written")
	}
	var app string
	if err := Probe(t, b).Get(&app, `SELECT app_id FROM centers`); err != nil || app == "x" {
		t.Errorf("application %q: %v", app, err)
	}
	for _, table := range []string{"accounts", "events", "sessions", "lockouts"} {
		var secured bool
		if err := probe.Get(&secured, `SELECT relrowsecurity FROM pg_class WHERE oid = $1::regclass`, table); err != nil || !secured {
			t.Errorf("%s: rows of other tests are visible: %v", table, err)
		}
	}
}
