package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// releaseBuild builds the program in dir as deploy/Dockerfile and .goreleaser.yaml do.
func releaseBuild(t *testing.T, dir, cache string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "fundpass")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", out, "./cmd/fundpass")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+cache)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	built, err := os.ReadFile(out)
	cmdtest.NoError(t, err)
	return built
}

// clone returns a copy of the repository's commit in a directory of its own. The repository
// may belong to another user, as in a container; git passes no option about that to the
// process that it clones from.
func clone(t *testing.T) string {
	t.Helper()
	temp := t.TempDir()
	dir, config := filepath.Join(temp, "src"), filepath.Join(temp, "gitconfig")
	cmdtest.NoError(t, os.WriteFile(config, []byte("[safe]\n\tdirectory = *\n"), 0o600))
	cmd := exec.Command("git", "clone", "-q", "--no-local", "../..", dir)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+config)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	return dir
}

// Two clones of a commit give the same program, which holds the path of neither. The long
// tier compiles everything twice; otherwise the second build takes what does not depend on
// the directory from the cache.
func TestReproducible(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../../.git"); err != nil {
		testenv.Missing(t, "no history, from which the version comes: "+err.Error())
	}
	testenv.Program(t, "apt-get install git", "git")
	cache := ""
	if testenv.Long() {
		cache = t.TempDir()
	}
	first, second := clone(t), clone(t)
	a, b := releaseBuild(t, first, ""), releaseBuild(t, second, cache)
	if !bytes.Equal(a, b) {
		t.Errorf("two builds differ: %d and %d bytes", len(a), len(b))
	}
	for _, path := range []string{first, second} {
		if bytes.Contains(a, []byte(path)) {
			t.Error("the program holds the path of its source")
		}
	}
}
