package keycmd

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

var update = flag.Bool("update", false, "write deploy/fundpass.env anew")

// readSettings reads a file as --env-file does, with nothing in the environment.
func readSettings(t *testing.T, path string) func(string) string {
	t.Helper()
	var e settings.EnvFile
	cmdtest.NoError(t, e.Read(path))
	return e.Beneath(terminal.Stdio{Getenv: func(string) string { return "" }}).Getenv
}

// The file names every setting that serve needs, and what only the operator and Alipay know
// is all that is missing.
func TestKeysNewSettings(t *testing.T) {
	t.Parallel()
	dir, r := newKeyDir(t)
	cmdtest.NoError(t, r.Err)
	getenv := readSettings(t, filepath.Join(dir, envFileName))
	text := string(readIn(t, dir, envFileName))
	for _, f := range settings.Fields() {
		if f.Needed && !strings.Contains(text, "\n"+f.Name+"=") {
			t.Errorf("%s is needed and not there", f.Name)
		}
		if f.Usual && !strings.Contains(text, f.Name+"=") {
			t.Errorf("%s is usual and not there", f.Name)
		}
		if (f.Needed || f.Usual) && !(strings.Contains(text, "# "+f.AboutZH+"\n") && strings.Contains(text, "# "+f.About+"\n")) {
			t.Errorf("%s is not explained in both languages", f.Name)
		}
	}
	s, problems := settings.Parse(getenv)
	_, more := s.Load()
	var wrong []string
	for _, p := range append(problems, more...) {
		wrong = append(wrong, p.Setting)
	}
	if diff := cmp.Diff([]string{"FUNDPASS_DATABASE_URL", "FUNDPASS_APP_ID", "FUNDPASS_ALIPAY_KEY_FILES"}, wrong); diff != "" {
		t.Errorf("what is missing: %s", diff)
	}
}

// Certificate mode has other files of Alipay's, and a blank in the path is quoted.
func TestKeysNewSettingsOfCertificates(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "two words")
	cmdtest.NoError(t, cmdtest.Run(t, nil, "keys", "new", dir, "--app-id", cmdtest.TestAppID, "--company", "某某市住房公积金管理中心").Err)
	getenv := readSettings(t, filepath.Join(dir, envFileName))
	for name, want := range map[string]string{
		"FUNDPASS_APP_ID":                cmdtest.TestAppID,
		"FUNDPASS_APP_KEY_FILE":          filepath.Join(dir, "app_private_key.pem"),
		"FUNDPASS_ALIPAY_KEY_FILES":      filepath.Join(dir, "alipayCertPublicKey_RSA2.crt"),
		"FUNDPASS_APP_CERT_FILE":         filepath.Join(dir, "appCertPublicKey_"+cmdtest.TestAppID+".crt"),
		"FUNDPASS_ALIPAY_ROOT_CERT_FILE": filepath.Join(dir, "alipayRootCert.crt"),
	} {
		if got := getenv(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The file of one centre of several has no setting of the process.
func TestCenterSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmdtest.NoError(t, cmdtest.Run(t, nil, "keys", "new", filepath.Join(dir, "keys"), "--center", "hangzhou").Err)
	raw, err := os.ReadFile(filepath.Join(dir, "keys", "fundpass.env"))
	cmdtest.NoError(t, err)
	text := string(raw)
	for _, f := range settings.Fields() {
		if f.OfProcess && strings.Contains(text, f.Name+"=") {
			t.Errorf("%s is set", f.Name)
		}
	}
	if !strings.Contains(text, "\nFUNDPASS_CENTER=hangzhou\n") {
		t.Errorf("no centre:\n%s", text)
	}
}

// deploy/fundpass.env is what keys new /etc/fundpass writes.
func TestDeployedSettings(t *testing.T) {
	t.Parallel()
	files, err := makeKeys(keyOwner{})
	cmdtest.NoError(t, err)
	const golden = "../../../deploy/fundpass.env"
	got := envFile("/etc/fundpass", files, keyOwner{}).content
	if *update {
		cmdtest.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	have, err := os.ReadFile(golden)
	cmdtest.NoError(t, err)
	if diff := cmp.Diff(string(have), string(got)); diff != "" {
		t.Errorf("run go test ./cmd/internal/keycmd -run DeployedSettings -update: %s", diff)
	}
}
