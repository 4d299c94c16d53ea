package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/terminal"
)

// readEnv reads a file of this content.
func readEnv(t *testing.T, content string) (*EnvFile, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fundpass.env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	e := new(EnvFile)
	return e, path, e.Read(path)
}

func getenvFrom(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	e, _, err := readEnv(t, "\ufeff# comment\r\n\r\n  # another\nA=1\r\nB='two words'\nC=\"x#y\"\nD=postgres://h/d?a=1&b=2\nE=\n_F1= x \nG=a#b")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for name, line := range e.set {
		got[name] = line.value
	}
	want := map[string]string{"A": "1", "B": "two words", "C": "x#y", "D": "postgres://h/d?a=1&b=2", "E": "", "_F1": "x", "G": "a#b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Every wrong line is reported with its number, all at once, and no value is.
func TestEnvFileWrong(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"canary":               "is not NAME=value",
		"A =canary":            "without blanks before =",
		"1A=canary":            "is not NAME=value",
		"export A=canary":      "begins with export",
		"A='canary":            "quotation mark",
		"A=\"canary\"x":        "quotation mark",
		"A='":                  "quotation mark",
		"A=canary # why":       "its own line",
		`A=canary\`:            "next line",
		"A=canary\xb9\xab":     "is not UTF-8",
		"FIRST=canary":         "FIRST is already set on line 2",
		"A=\u00a0'canary' 'x'": "quotation mark",
	}
	for line, want := range wrong {
		_, path, err := readEnv(t, "# 注释\nFIRST=1\n"+line+"\nLAST=1\nLAST=2\n")
		if err == nil {
			t.Errorf("%q is taken", line)
			continue
		}
		for _, part := range []string{path + ":3: ", want, path + ":5: LAST is already set on line 4"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: no %q in %v", line, part, err)
			}
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: shows the value: %v", line, err)
		}
	}
	for content, want := range map[string]string{"\xff\xfeA\x00=\x001\x00": "UTF-16", strings.Repeat("#", 1<<17): "too large"} {
		if _, _, err := readEnv(t, content); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := new(EnvFile).Read(filepath.Join(t.TempDir(), "absent")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// The environment wins, unless it is blank, and Overridden says where it does.
func TestEnvFileBeneath(t *testing.T) {
	t.Parallel()
	e, path, err := readEnv(t, "A=file\nB=file\nC=same\nD=\n")
	if err != nil {
		t.Fatal(err)
	}
	outside := map[string]string{"A": "environment", "B": " ", "C": "same", "D": "environment", "E": "environment"}
	environ := func() []string { return []string{"A=environment", "E=environment"} }
	w := e.Beneath(terminal.Stdio{Getenv: getenvFrom(outside), Environ: environ})
	for name, want := range map[string]string{"A": "environment", "B": "file", "C": "same", "D": "environment", "E": "environment", "F": ""} {
		if got := w.Getenv(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if diff := cmp.Diff([]string{"A=environment", "E=environment", "B=file"}, w.Environ()); diff != "" {
		t.Error(diff)
	}
	if a, b := w.Origin("A"), w.Origin("B"); a != "" || b != path+":2" {
		t.Errorf("origins %q and %q", a, b)
	}
	overridden := e.Overridden(getenvFrom(outside))
	if len(overridden) != 1 || overridden[0].Setting != "A" || !strings.Contains(overridden[0].Error(), path+":1") {
		t.Errorf("overridden: %v", overridden)
	}
}

// What EnvLine writes is read as it was.
func TestEnvLine(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "x", "a b", "a # b", "it's", `C:\x`, `say "x"`, "某市", "a=b"} {
		name, got, err := parseEnvLine(EnvLine("NAME", value))
		if err != nil || name != "NAME" || got != value {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
}

// A name of the file that is no setting is reported with its line.
func TestMisspeltInFile(t *testing.T) {
	t.Parallel()
	e, path, err := readEnv(t, "FUNDPASS_PROOF=none\nFUNDPASS_PROFF=canary\nPGPASSFILE=canary\nFUNDPASS_COLOUR=canary\n")
	if err != nil {
		t.Fatal(err)
	}
	got := Join(Misspelt(e.Beneath(terminal.Stdio{Getenv: getenvFrom(nil)})))
	for _, want := range []string{"did you mean FUNDPASS_PROOF? (" + path + ":2)", "PGPASSFILE: is not a setting of fundpass", "(" + path + ":3)", "FUNDPASS_COLOUR: is not a setting; remove it", "(" + path + ":4)"} {
		if got == nil || !strings.Contains(got.Error(), want) {
			t.Errorf("no %q in %v", want, got)
		}
	}
	if got != nil && strings.Contains(got.Error(), "canary") {
		t.Errorf("shows a value: %v", got)
	}
}
