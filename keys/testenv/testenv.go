// Package testenv decides which tests run, by environment variables and by the installed
// programs.
//
// There are three tiers of tests. The default tier always runs. The end-to-end tier
// (FUNDPASS_E2E=1) starts and kills programs and drives a browser. The long tier
// (FUNDPASS_LONG=1) repeats tests of the others with more rounds. If a program is missing,
// the tests that need it are skipped; in CI (CI is set) they fail.
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

// Patience is the limit of every wait of a test. No test asserts it, so it is long enough
// for a busy machine.
const Patience = 2 * time.Minute

// Long reports whether the long tier runs.
func Long() bool { return os.Getenv("FUNDPASS_LONG") != "" }

// E2E reports whether the end-to-end tier runs.
func E2E() bool { return os.Getenv("FUNDPASS_E2E") != "" }

// Rounds returns long if the long tier runs, and short otherwise.
func Rounds(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// NeedLong skips the test unless the long tier runs.
func NeedLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("long: FUNDPASS_LONG=1 go test ./...")
	}
}

// NeedE2E skips the test unless the end-to-end tier runs. pkg is the test's package for the
// message, such as "./store/localpg".
func NeedE2E(t testing.TB, pkg string) {
	t.Helper()
	if !E2E() {
		t.Skip("e2e: FUNDPASS_E2E=1 go test " + pkg)
	}
}

// Program returns the path of the first of names that is installed. If none is, it skips
// the test with a message that contains install, or fails it in CI.
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

// Missing skips the test with reason, or fails it in CI. reason says what is missing and
// how to install it.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
		return
	}
	Announce("skipped: " + reason)
	t.Skip(reason)
}

// Context returns a context that ends with the test or after Patience.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until condition returns true and fails the test after Patience. what
// describes the condition.
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

// Announce prints a line once. The go command hides the output of packages that pass, so
// Announce writes to the standard error of the go command, if that is possible.
func Announce(line string) {
	if _, again := announced.LoadOrStore(line, true); again {
		return
	}
	if out := output(); out != nil {
		defer out.Close()
		_, _ = out.WriteString(line + "\n")
	}
}

// parallelTests is the number of tests of a package that run in parallel. Most of them
// wait: for the database, a lock, or a minimum response time.
const parallelTests = 8

// Main runs the tests of a package whose tests mostly wait. It sets -parallel to more than
// the number of cores, unless the command line has it.
func Main(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(max(parallelTests, runtime.GOMAXPROCS(0))))
	}
	os.Exit(m.Run())
}
