package cmdtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ReadFile returns the content of a file that must be there.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TempFile is a file with this content and a Chinese name.
func TempFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "缴存人.csv")
	NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// CentreFile is an example of a centre's own codes, as seen from a package of commands.
const CentreFile = "../../../miniapp-api/document/testdata/centre.json"

// WantIn fails for each part that is not in text.
func WantIn(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}

// CheckNoKey fails when any line of a key file stands in what was printed.
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
