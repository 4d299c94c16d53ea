package settings

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"fundpass/cmd/internal/terminal"
)

// An EnvFile is a file of settings, one NAME=value per line, such as keys new writes. Quotes
// around a value are removed; nothing is expanded. The zero value has no settings.
type EnvFile struct {
	path string
	set  map[string]envLine
}

// An envLine is a setting and its line number.
type envLine struct {
	value  string
	number int
}

// largestEnvFile is the largest size that ReadSmall reads.
const largestEnvFile = 64<<10 - 1

// Read replaces the settings of e with those of the file at path. It reports every invalid
// line by its number and without its value.
func (e *EnvFile) Read(path string) error {
	raw, err := ReadSmall(path)
	switch {
	case err != nil:
		return err
	case len(raw) > largestEnvFile:
		return fmt.Errorf("%s is too large for a file of settings", path)
	case bytes.IndexByte(raw, 0) >= 0:
		return fmt.Errorf("%s is not a text file, or is in UTF-16; save it as UTF-8", path)
	}
	e.path, e.set = path, make(map[string]envLine)
	var wrong []error
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(raw), "\ufeff")) {
		number++
		if err := e.add(strings.TrimSpace(line), number); err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", path, number, err))
		}
	}
	return errors.Join(wrong...)
}

// add parses one line. It ignores blank lines and comments.
func (e *EnvFile) add(line string, number int) error {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	name, value, err := parseEnvLine(line)
	if err != nil {
		return err
	}
	if first, again := e.set[name]; again {
		return fmt.Errorf("%s is already set on line %d", name, first.number)
	}
	e.set[name] = envLine{value, number}
	return nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseEnvLine refuses lines that a shell, systemd or Docker would parse differently, so
// that a file means the same everywhere.
func parseEnvLine(line string) (name, value string, err error) {
	if !utf8.ValidString(line) {
		return "", "", errors.New("is not UTF-8; save the file as UTF-8")
	}
	name, value, found := strings.Cut(line, "=")
	switch {
	case strings.HasPrefix(line, "export "):
		return "", "", errors.New("begins with export; write NAME=value")
	case !found || !envName.MatchString(name):
		return "", "", errors.New("is not NAME=value, without blanks before =")
	}
	value = strings.TrimSpace(value)
	quoted := value != "" && strings.ContainsRune(`"'`, rune(value[0]))
	switch {
	case quoted && (len(value) < 2 || strings.IndexByte(value[1:], value[0]) != len(value)-2):
		return "", "", fmt.Errorf("%s: the value begins with a quotation mark that does not end it", name)
	case quoted:
		return name, value[1 : len(value)-1], nil
	case strings.Contains(value, " #") || strings.Contains(value, "\t#"):
		return "", "", fmt.Errorf("%s: a comment needs its own line; quote the value if # belongs to it", name)
	case strings.HasSuffix(value, `\`):
		return "", "", fmt.Errorf(`%s: ends in \, but a value cannot continue on the next line`, name)
	}
	return name, value, nil
}

// Beneath returns w with the settings of e as defaults: a variable that is not blank in the
// environment overrides e. e may be read later.
func (e *EnvFile) Beneath(w terminal.Stdio) terminal.Stdio {
	below := w
	below.Getenv = func(name string) string {
		if v := w.Getenv(name); strings.TrimSpace(v) != "" {
			return v
		}
		return e.set[name].value
	}
	below.Environ = func() []string {
		var all []string
		if w.Environ != nil {
			all = w.Environ()
		}
		for _, name := range slices.Sorted(maps.Keys(e.set)) {
			if strings.TrimSpace(w.Getenv(name)) == "" {
				all = append(all, name+"="+e.set[name].value)
			}
		}
		return all
	}
	below.Origin = func(name string) string {
		if line, ok := e.set[name]; ok && strings.TrimSpace(w.Getenv(name)) == "" {
			return e.at(line)
		}
		return ""
	}
	return below
}

func (e *EnvFile) at(line envLine) string { return fmt.Sprintf("%s:%d", e.path, line.number) }

// Overridden returns a problem for every setting of e that has another value in the
// environment. The texts contain no values.
func (e *EnvFile) Overridden(getenv func(string) string) []Problem {
	var all []Problem
	for _, name := range slices.Sorted(maps.Keys(e.set)) {
		line := e.set[name]
		if v := strings.TrimSpace(getenv(name)); v != "" && v != line.value && line.value != "" {
			all = append(all, Problem{name, fmt.Errorf("the environment's value is used, not the one in %s", e.at(line))})
		}
	}
	return all
}

// EnvLine returns the line of an EnvFile that sets a setting.
func EnvLine(name, value string) string {
	switch {
	case !strings.ContainsAny(value, " \t#\"'\\"):
		return name + "=" + value
	case strings.Contains(value, "'"):
		return name + `="` + value + `"`
	}
	return name + "='" + value + "'"
}
