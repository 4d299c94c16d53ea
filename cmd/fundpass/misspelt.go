package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
)

// withoutSettings are commands that read no settings, or that report misspelt ones
// themselves, together with everything else that is wrong.
var withoutSettings = []string{"serve", "check", "demo", "walk", "policy", "new", "rotate-column", "rotate-pepper", "help", "completion"}

// refuseMisspelt runs before every command that reads settings. A misspelt setting would
// leave another one at its default: another centre, other codes of documents.
func refuseMisspelt(w terminal.Stdio, cmd *cobra.Command) error {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains(withoutSettings, c.Name()) {
			return nil
		}
	}
	if problems := misspelt(w); len(problems) > 0 {
		return fmt.Errorf("settings are not right:\n%w", asError(problems))
	}
	return nil
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

	// kubernetesVariable matches the variables that Kubernetes makes of a service named fundpass.
	kubernetesVariable = regexp.MustCompile(`^[A-Z0-9_]+_(SERVICE_HOST=[0-9a-f.:]+|SERVICE_PORT(_[A-Z0-9_]+)?=\d+|` +
		`PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://.*|PORT_\d+_(TCP|UDP|SCTP)_(PROTO=(tcp|udp|sctp)|PORT=\d+|ADDR=[0-9a-f.:]+))$`)
)

// misspelt names the variables that are meant as settings and are none. Their values are
// not looked at, except to tell what a cluster has put there.
func misspelt(w terminal.Stdio) []problem {
	if w.Environ == nil {
		return nil
	}
	var all []problem
	for _, entry := range slices.Sorted(slices.Values(w.Environ())) {
		name, value, _ := strings.Cut(entry, "=")
		if strings.TrimSpace(value) == "" || !variableName.MatchString(name) || isSetting(name) || kubernetesVariable.MatchString(entry) {
			continue
		}
		upper := strings.ToUpper(name)
		near, ours := nearestSetting(upper), strings.HasPrefix(upper, "FUNDPASS_")
		switch {
		case near != "" && (ours || distance(upper, near) <= 2):
			all = append(all, problemf(name, "is no setting; did you mean %s?", near))
		case ours:
			all = append(all, problemf(name, "is no setting; remove it, or look for its name in fundpass serve --help"))
		}
	}
	return all
}

func isSetting(name string) bool {
	return slices.ContainsFunc(settingFields(), func(f settingField) bool { return f.name == name })
}

// nearestSetting returns the setting whose name is nearest to name, or "" if none is
// near: a third of what stands behind FUNDPASS_ may differ. Of two that are equally near
// it is the one that begins like name.
func nearestSetting(name string) string {
	nearest, least := "", max(2, (len(name)-len("FUNDPASS_"))/3)+1
	for _, f := range settingFields() {
		d := distance(name, f.name)
		if d < least || d == least && nearest != "" && commonPrefix(name, f.name) > commonPrefix(name, nearest) {
			nearest, least = f.name, d
		}
	}
	return nearest
}

// commonPrefix returns how many letters a and b have in common from the beginning.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// distance returns how many letters must be added, removed or replaced to make b of a
// (Levenshtein).
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
