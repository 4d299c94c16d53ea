package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fundpass/cmd/internal/settings"
	"fundpass/keys/testenv"
)

const unitFile = "../deploy/fundpass.service"

// readUnit returns the assignments of a systemd unit by section and key.
func readUnit(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	unit := make(map[string][]string)
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]") + "."
		case !found:
			t.Errorf("%s: no assignment: %s", unitFile, line)
		default:
			unit[section+key] = append(unit[section+key], value)
		}
	}
	return unit
}

// The unit starts what the package installs, under the user that the package makes, and
// leaves a server more time to end than its longest drain.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := readUnit(t)
	for key, want := range map[string]string{
		"Unit.AssertPathExists": "/etc/fundpass/fundpass.env",
		"Service.ExecStart":     "/usr/bin/fundpass serve --env-file /etc/fundpass/fundpass.env",
		"Service.ExecReload":    "/bin/kill -HUP $MAINPID",
		"Service.User":          "fundpass",
		"Service.Group":         "fundpass",
		"Install.WantedBy":      "multi-user.target",
	} {
		if got := strings.Join(unit[key], " "); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	seconds, err := strconv.Atoi(strings.TrimSuffix(strings.Join(unit["Service.TimeoutStopSec"], ""), "s"))
	if err != nil || seconds < 60+30 {
		t.Errorf("TimeoutStopSec is %v, shorter than a drain of 1m and a request of 30s", unit["Service.TimeoutStopSec"])
	}
}

// systemd rates the unit at most 2.0 of 10 and knows all its keys.
func TestUnitSecurity(t *testing.T) {
	t.Parallel()
	analyze := testenv.Program(t, "apt-get install systemd", "systemd-analyze")
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", "--threshold=20", unitFile).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if wrong := regexp.MustCompile(`(?m)^.*(Unknown key|Failed to parse|Invalid|ignoring).*$`).Find(out); wrong != nil {
		t.Errorf("%s", wrong)
	}
}

// What the samples set is a setting.
func TestDeployedNames(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../deploy/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	known := map[string]bool{"FUNDPASS_USER": true} // of compose.yaml itself
	for _, f := range settings.Fields() {
		known[f.Name] = true
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a directory
		}
		for _, name := range regexp.MustCompile(`FUNDPASS_[A-Z_]+`).FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which is not a setting", file, name)
			}
		}
	}
}
