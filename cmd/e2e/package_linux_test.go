package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// nfpm makes a package with binary as the program and returns its path.
func nfpm(t *testing.T, packager, binary, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "fundpass."+packager)
	cmd := exec.Command("go", "tool", "-modfile=.ci/tools/go.mod", "nfpm", "package", "-f", "deploy/nfpm.yaml", "-p", packager, "-t", file)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "VERSION=0.1.0", "PACKAGE_ARCH="+runtime.GOARCH, "BINARY="+binary, "SOURCE_DATE_EPOCH=1764460800")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nfpm: %v\n%s", err, out)
	}
	return file
}

// execStart returns the command of the unit.
func execStart(t *testing.T) []string {
	t.Helper()
	unit, err := os.ReadFile("../../deploy/fundpass.service")
	cmdtest.NoError(t, err)
	for line := range strings.Lines(string(unit)) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart="); ok {
			return strings.Fields(command)
		}
	}
	t.Fatal("the unit has no ExecStart")
	return nil
}

// needPrivateRoot skips the test where it may not install packages into a copy of the machine.
func needPrivateRoot(t *testing.T) {
	t.Helper()
	testenv.Program(t, "apt-get install dpkg", "dpkg")
	cmd := inNamespaces("mount", "-t", "tmpfs", "tmpfs", "/mnt")
	if err := cmd.Run(); err != nil {
		testenv.Missing(t, "installing the package needs root and mount namespaces: "+err.Error())
	}
}

// inNamespaces returns a command whose mounts nobody else sees, and whose children end with it.
func inNamespaces(args ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}, args...)...)
}

// The .deb installs, runs as its unit says, survives an update, and leaves the keys when it
// is removed.
func TestPackage(t *testing.T) {
	t.Parallel()
	needPrivateRoot(t)
	s := cmdtest.NewOwnEnv(t)
	dir := t.TempDir()
	for _, name := range []string{"disk", "root"} {
		cmdtest.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	script, err := os.ReadFile("testdata/package.sh")
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, os.WriteFile(filepath.Join(dir, "package.sh"), script, 0o700))
	cmdtest.NoError(t, os.WriteFile(filepath.Join(dir, "alipay_public_key.txt"), s.Read("alipay_public_key.txt"), 0o600))
	nfpm(t, "deb", program, dir)

	env := packageEnv(s)
	_, env["FUNDPASS_DATABASE_URL"] = newProxy(t, s.DSN) // only the tests' user may open PostgreSQL's socket
	p := newProcess(t, env)
	cmd := inNamespaces(append([]string{"sh", filepath.Join(dir, "package.sh"), dir}, execStart(t)...)...)
	p.cmd.Path, p.cmd.Args = cmd.Path, cmd.Args
	p.start()
	at, err := p.log.Find(p.dead)
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", err, p.err, p.out, p.Log())
	}
	testenv.Eventually(t, "ready", func() bool {
		code, _ := cmdtest.Fetch(t, "GET", "http://"+at.Addr+"/readyz", "")
		return code == 200
	})
	if _, body := cmdtest.Fetch(t, "GET", "http://"+at.Ops+"/metrics", ""); !strings.Contains(body, "fundpass_build_info{") {
		t.Error("no fundpass_build_info")
	}
	cmdtest.NoError(t, os.WriteFile(filepath.Join(dir, "stop"), nil, 0o600))
	if err := p.wait(); err != nil || !strings.HasSuffix(p.out.String(), "removed\n") {
		t.Errorf("%v:\n%s%s", err, p.out, p.Log())
	}
}

// packageEnv has what the file of keys new leaves to the operator.
func packageEnv(s *cmdtest.ServerEnv) cmdtest.Values {
	env := cmdtest.Values{"PATH": os.Getenv("PATH")}
	all := s.Env()
	for _, name := range []string{"FUNDPASS_ADDR", "FUNDPASS_OPS_ADDR", "FUNDPASS_ENVIRONMENT", "FUNDPASS_CENTER", "FUNDPASS_APP_ID", "FUNDPASS_GATEWAY_URL"} {
		env[name] = all[name]
	}
	return env
}

// The same description makes an .rpm, and each package is the same when it is made again.
// The program in it is a short script, because compressing the real one takes seconds.
func TestPackagesReproducible(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("testdata/package.sh")
	cmdtest.NoError(t, err)
	for _, packager := range []string{"deb", "rpm"} {
		a, err := os.ReadFile(nfpm(t, packager, script, t.TempDir()))
		cmdtest.NoError(t, err)
		b, err := os.ReadFile(nfpm(t, packager, script, t.TempDir()))
		cmdtest.NoError(t, err)
		if len(a) < 1<<10 || !bytes.Equal(a, b) {
			t.Errorf("%s: %d and %d bytes that differ", packager, len(a), len(b))
		}
	}
}
