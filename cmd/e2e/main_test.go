package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fundpass/keys/testenv"
)

// program is the path of the fundpass that the tests run.
var program string

// TestMain skips the tests unless FUNDPASS_E2E=1 is set. It uses an environment variable
// instead of a build tag, so that the tests are always compiled and vetted, and the skip
// is printed.
func TestMain(m *testing.M) {
	if !testenv.E2E() {
		testenv.Announce("skipped: end-to-end tests: FUNDPASS_E2E=1 go test ./cmd/e2e/...")
		os.Exit(0)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fundpass-e2e-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "fundpass")
	build := exec.Command("go", "build", "-o", program, "fundpass/cmd/fundpass")
	if out, err := build.CombinedOutput(); err != nil {
		return failed(fmt.Errorf("go build: %w\n%s", err, out))
	}
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}
