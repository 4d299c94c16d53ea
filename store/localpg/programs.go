//go:build unix

package localpg

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// places are the directories of initdb and postgres in packages that do not add them to
// PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // RHEL, PGDG
	"/opt/homebrew/opt/postgresql@*/bin",                 // macOS, Apple silicon
	"/usr/local/opt/postgresql@*/bin",                    // macOS, Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/usr/local/pgsql/bin",                               // built from source
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/bin",                                           // Arch, RHEL
}

// FindBin returns the directory of initdb and postgres: LOCALPG_BIN if set, then the one on
// PATH, then the newest version in the usual directories.
func FindBin() (string, error) {
	if dir := os.Getenv("LOCALPG_BIN"); dir != "" {
		if !complete(dir) {
			return "", fmt.Errorf("LOCALPG_BIN=%s: %w", dir, ErrNoPrograms)
		}
		return dir, nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	if dir := newest(places); dir != "" {
		return dir, nil
	}
	return "", ErrNoPrograms
}

// complete reports whether dir has both programs.
func complete(dir string) bool {
	for _, p := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, p)); err != nil {
			return false
		}
	}
	return true
}

// newest returns the complete directory with the highest version in its name.
func newest(patterns []string) string {
	var found []string
	for _, p := range patterns {
		dirs, _ := filepath.Glob(p) // the patterns are well formed
		found = append(found, slices.DeleteFunc(dirs, func(d string) bool { return !complete(d) })...)
	}
	slices.SortStableFunc(found, func(a, b string) int { return versionInPath(b) - versionInPath(a) })
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

var version = regexp.MustCompile(`(\d+)(?:\.\d+)?`)

// versionInPath returns the major version of the last number in p, or 0.
func versionInPath(p string) int {
	all := version.FindAllStringSubmatch(p, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return n
}

var majorPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorVersion returns the major version of the server program, such as "17".
func majorVersion(bin string) (string, error) {
	out, err := exec.Command(filepath.Join(bin, "postgres"), "-V").Output()
	if err != nil {
		return "", fmt.Errorf("localpg: postgres -V: %w", err)
	}
	m := majorPattern.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("localpg: no version in %q", out)
	}
	return string(m[1]), nil
}
