package settings

import (
	"regexp"
	"slices"
	"strings"

	"fundpass/cmd/internal/terminal"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

	// kubernetesVariable matches the variables that Kubernetes sets for a service named fundpass.
	kubernetesVariable = regexp.MustCompile(`^[A-Z0-9_]+_(SERVICE_HOST=[0-9a-f.:]+|SERVICE_PORT(_[A-Z0-9_]+)?=\d+|` +
		`PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://.*|PORT_\d+_(TCP|UDP|SCTP)_(PROTO=(tcp|udp|sctp)|PORT=\d+|ADDR=[0-9a-f.:]+))$`)
)

// Misspelt reports the variables that look like settings but are not. It uses their
// values only to recognize variables that Kubernetes has set.
func Misspelt(w terminal.Stdio) []Problem {
	if w.Environ == nil {
		return nil
	}
	var all []Problem
	for _, entry := range slices.Sorted(slices.Values(w.Environ())) {
		name, value, _ := strings.Cut(entry, "=")
		if strings.TrimSpace(value) == "" || !variableName.MatchString(name) || IsSetting(name) || kubernetesVariable.MatchString(entry) {
			continue
		}
		upper := strings.ToUpper(name)
		near, ours := nearestSetting(upper), strings.HasPrefix(upper, "FUNDPASS_")
		origin := originOf(w, name)
		switch {
		case near != "" && (ours || distance(upper, near) <= 2):
			all = append(all, Problemf(name, "is not a setting; did you mean %s?%s", near, origin))
		case ours:
			all = append(all, Problemf(name, "is not a setting; remove it, or look its name up in fundpass serve --help%s", origin))
		case origin != "":
			all = append(all, Problemf(name, "is not a setting of fundpass, and the file may hold nothing else; set it in the environment%s", origin))
		}
	}
	return all
}

// originOf returns " (file:line)" for a variable that a file sets, and "" for others.
func originOf(w terminal.Stdio, name string) string {
	if w.Origin == nil {
		return ""
	}
	if at := w.Origin(name); at != "" {
		return " (" + at + ")"
	}
	return ""
}

// IsSetting reports whether a variable is a setting.
func IsSetting(name string) bool {
	return slices.ContainsFunc(Fields(), func(f Field) bool { return f.Name == name })
}

// nearestSetting returns the setting whose name is nearest to name, or "" if none is
// near: a third of the letters after FUNDPASS_ may differ. Of two equally near settings
// it returns the one with the longer common prefix.
func nearestSetting(name string) string {
	nearest, least := "", max(2, (len(name)-len("FUNDPASS_"))/3)+1
	for _, f := range Fields() {
		d := distance(name, f.Name)
		if d < least || d == least && nearest != "" && commonPrefix(name, f.Name) > commonPrefix(name, nearest) {
			nearest, least = f.Name, d
		}
	}
	return nearest
}

// commonPrefix returns the length of the longest common prefix of a and b.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// distance returns the Levenshtein distance of a and b: the number of letters to add,
// remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
