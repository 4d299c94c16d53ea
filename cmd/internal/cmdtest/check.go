package cmdtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ReadFile returns the content of a file, or ends the test.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TempFile writes content to a temporary file with a Chinese name and returns its path.
func TempFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "缴存人.csv")
	NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// CentreFile is an example of a centre's document codes, relative to the directory of a
// package of commands.
const CentreFile = "../../../miniapp-api/document/testdata/centre.json"

// WantIn fails the test for each part that text does not contain.
func WantIn(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}

// CheckNoKey fails the test if printed contains a line of a key file.
func CheckNoKey(t testing.TB, printed string, file []byte) {
	t.Helper()
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		if len(line) > 30 && strings.Contains(printed, line[:30]) && !strings.HasPrefix(line, "-----") {
			t.Error("a key was printed")
		}
	}
}

// NoError ends the test if err is not nil.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
