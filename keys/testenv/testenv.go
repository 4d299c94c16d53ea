// Package testenv says which tests run here: what the machine has, and what
// was asked for.
//
// Tests come in three tiers. Those without a mark run everywhere. The e2e tier
// starts programs, kills them, and drives a browser; FUNDPASS_E2E=1 runs it.
// The long tier repeats what the others prove with more rounds; FUNDPASS_LONG=1
// runs it. In CI a missing program fails the test that needs it.
package testenv

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Patience bounds every wait of a test. It is never what a test asserts, so it
// is long enough for a machine that is busy with other work.
const Patience = 2 * time.Minute

// Long reports whether the long tier was asked for.
func Long() bool { return os.Getenv("FUNDPASS_LONG") != "" }

// E2E reports whether the end-to-end tier was asked for.
func E2E() bool { return os.Getenv("FUNDPASS_E2E") != "" }

// Rounds returns short, or long where the long tier was asked for.
func Rounds(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// NeedLong skips a test that only the long tier runs.
func NeedLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("long: FUNDPASS_LONG=1 go test ./...")
	}
}

// NeedE2E skips a test that only the end-to-end tier runs, of the package whose
// tests need it, such as "./store/localpg".
func NeedE2E(t testing.TB, pkg string) {
	t.Helper()
	if !E2E() {
		t.Skip("e2e: FUNDPASS_E2E=1 go test " + pkg)
	}
}

// Program returns the path of the first program that is installed. It skips the
// test where none is, naming what to install, and fails it in CI.
func Program(t testing.TB, install string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, names[0]+" is not installed: "+install)
	return ""
}

// Missing skips the test for want of something, and fails it in CI. The reason
// says how to get it.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
		return
	}
	Announce("skipped: " + reason)
	t.Skip(reason)
}

// Context ends with the test, and after Patience.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until condition holds, and fails the test after Patience.
// What names the condition.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", Patience, what)
		}
	}
}

var (
	announced sync.Map
	output    = runnerOutput
)

// Announce prints a line once where whoever runs the tests sees it. The go
// command shows nothing of a package that passes, so the line goes to the go
// command's own error output, where that can be written to.
func Announce(line string) {
	if _, again := announced.LoadOrStore(line, true); again {
		return
	}
	if out := output(); out != nil {
		defer out.Close()
		_, _ = out.WriteString(line + "\n")
	}
}

// atOnce is how many tests of a package run side by side. Most of them wait: for
// the database, for a lock, for the moment at which refusals leave.
const atOnce = 8

// Main runs the tests of a package of which most wait, more of them side by side
// than there are cores, unless the command line says how many.
func Main(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0))))
	}
	os.Exit(m.Run())
}
