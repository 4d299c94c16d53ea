package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"fundpass/cmd/internal/terminal"
)

// Centers are the centres that one process serves: those of the file that
// FUNDPASS_CENTERS_FILE names.
type Centers struct {
	Process Settings // of the process; those of a centre have their defaults
	All     []*Center
}

// A Center is one centre of the file, with its settings and those of the process.
type Center struct {
	ID       string
	Hosts    []string // of its public address, in lower case
	Path     string   // first segment of its public paths, without slashes; "" = none
	EnvFile  string
	Settings Settings
	Problems []Problem // of its settings, but not of the files that they name

	env   EnvFile
	wrong []Problem // those of Problems that are about the file of settings itself
}

// A centerEntry is a centre as the file describes it.
type centerEntry struct {
	Center  string   `json:"center"`
	EnvFile string   `json:"env_file"`
	Hosts   []string `json:"hosts"`
	Path    string   `json:"path"`
}

// A CenterProblem is a problem of one centre.
type CenterProblem struct {
	Center  string
	Problem Problem
}

func (p CenterProblem) Error() string {
	return terminal.English.T("centre %s", p.Center) + ": " + p.Problem.Error()
}

func (p CenterProblem) Unwrap() error { return p.Problem }

// In implements terminal.Localized.
func (p CenterProblem) In(l terminal.Language) string {
	if l != terminal.Chinese {
		return p.Error()
	}
	return l.T("centre %s", p.Center) + "：" + l.Of(p.Problem)
}

// InCenter returns an error as a CenterProblem.
func InCenter(center string, err error) CenterProblem {
	var p Problem
	if !errors.As(err, &p) {
		p = Problem{"", err}
	}
	return CenterProblem{center, p}
}

// HasCenters reports whether the environment names a file of centres.
func HasCenters(getenv func(string) string) bool {
	return strings.TrimSpace(getenv("FUNDPASS_CENTERS_FILE")) != ""
}

// ParseCenters reads the file of centres and the file of settings of each, but none that these
// name. It returns the problems of the process and of the file; those of a centre's settings are
// in the Center.
func ParseCenters(w terminal.Stdio) (Centers, []Problem) {
	var c Centers
	process, problems := Parse(w.Getenv)
	c.Process = process
	problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.Setting != "" && !isOfProcess(p.Setting) })
	problems = append(problems, foreign(w)...)
	path := process.CentersFile
	entries, err := readCenters(path)
	if err != nil {
		return c, append(problems, Problem{"FUNDPASS_CENTERS_FILE", err})
	}
	for _, e := range entries {
		c.All = append(c.All, newCenter(e, filepath.Dir(path), w, problems))
	}
	return c, append(problems, c.check()...)
}

// ReadCenters is ParseCenters with the files that the settings name. It returns all problems at
// once; those of a centre are CenterProblems.
func ReadCenters(w terminal.Stdio) (Centers, []error) {
	c, problems := ParseCenters(w)
	var all []error
	for _, p := range append(Misspelt(w), problems...) {
		all = append(all, p)
	}
	for _, one := range c.All {
		_, more := one.Settings.Load()
		for _, p := range slices.Concat(one.Problems, more) {
			all = append(all, CenterProblem{one.ID, p})
		}
	}
	return c, all
}

// foreign returns a problem for every setting of a centre in the environment of the process.
func foreign(w terminal.Stdio) []Problem {
	var all []Problem
	for _, f := range Fields() {
		if !f.OfProcess && strings.TrimSpace(w.Getenv(f.Name)) != "" {
			all = append(all, Problemf(f.Name, "is a setting of one centre: with FUNDPASS_CENTERS_FILE write it into the centre's file of settings%s", originOf(w, f.Name)))
		}
	}
	return all
}

func isOfProcess(setting string) bool {
	return slices.ContainsFunc(Fields(), func(f Field) bool { return f.Name == setting && f.OfProcess })
}

// readCenters parses the file strictly.
func readCenters(path string) ([]centerEntry, error) {
	data, err := ReadSmall(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Centers []centerEntry `json:"centers"`
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&file); err != nil {
		return nil, terminal.Textf(`%s: is not JSON such as {"centers":[{"center":"hangzhou","env_file":"hangzhou.env","hosts":["gjj.example.cn"],"path":"hangzhou"}]}: %s`, path, err.Error())
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, terminal.Textf("%s: has more than one JSON value, or is larger than 64 KiB", path)
	}
	if len(file.Centers) == 0 {
		return nil, terminal.Textf("%s: names no centre", path)
	}
	return file.Centers, nil
}

// newCenter reads the settings of an entry. A problem that the process has anyway is not
// repeated.
func newCenter(e centerEntry, dir string, w terminal.Stdio, known []Problem) *Center {
	c := &Center{ID: e.Center, Path: e.Path, EnvFile: under(dir, e.EnvFile)}
	for _, host := range e.Hosts {
		c.Hosts = append(c.Hosts, strings.ToLower(host))
	}
	if c.wrong = c.readEnv(); c.env.set == nil {
		c.Problems = c.wrong
		return c
	}
	s, problems := Parse(c.Getenv(w.Getenv))
	problems = slices.DeleteFunc(problems, func(p Problem) bool {
		return slices.ContainsFunc(known, func(k Problem) bool { return k.Error() == p.Error() })
	})
	c.Settings, c.Problems = s, slices.Concat(c.wrong, problems)
	return c
}

// readEnv reads the centre's file of settings and returns what is wrong with it.
func (c *Center) readEnv() []Problem {
	if c.EnvFile == "" {
		return []Problem{Problemf("FUNDPASS_CENTERS_FILE", "env_file is missing: the centre's file of settings")}
	}
	if err := c.env.Read(c.EnvFile); err != nil {
		c.env = EnvFile{}
		return []Problem{{"FUNDPASS_CENTERS_FILE", err}}
	}
	nothing := terminal.Stdio{Getenv: func(string) string { return "" }}
	return append(c.checkEnv(), Misspelt(c.env.Beneath(nothing))...)
}

// checkEnv refuses settings of the process in the centre's file, and another centre's id.
func (c *Center) checkEnv() []Problem {
	var all []Problem
	for _, f := range Fields() {
		line, given := c.env.set[f.Name]
		switch {
		case !given || line.value == "":
		case f.OfProcess:
			all = append(all, Problemf(f.Name, "is a setting of the whole process: set it in the environment, not for one centre (%s)", c.env.at(line)))
		case f.Name == "FUNDPASS_CENTER" && line.value != c.ID:
			all = append(all, Problemf(f.Name, "is %s, but FUNDPASS_CENTERS_FILE says %s (%s)", line.value, c.ID, c.env.at(line)))
		}
	}
	return all
}

// Getenv returns a function that looks up settings of the centre in its file, and all other
// variables by the given one. Names of files are relative to the directory of the centre's file.
func (c *Center) Getenv(process func(string) string) func(string) string {
	dir := filepath.Dir(c.EnvFile)
	own := func(name string) string { return c.env.set[name].value }
	return func(name string) string {
		switch {
		case name == "FUNDPASS_CENTERS_FILE",
			name == "FUNDPASS_WEBSITE_ADDR" && own("FUNDPASS_WEBSITE_ORIGIN") == "", // this centre has no pages
			name == "FUNDPASS_MOBILE_ADDR" && own("FUNDPASS_MOBILE_URL") == "":
			return ""
		case name == "FUNDPASS_CENTER":
			return c.ID
		case !IsSetting(name) || isOfProcess(name):
			return process(name)
		case strings.HasSuffix(name, "_FILE"), strings.HasSuffix(name, "_FILES"):
			return underAll(dir, own(name))
		}
		return own(name)
	}
}

// under returns a path that is relative to dir.
func under(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// underAll is under for a comma-separated list.
func underAll(dir, list string) string {
	paths := strings.Split(list, ",")
	for i, path := range paths {
		paths[i] = under(dir, strings.TrimSpace(path))
	}
	return strings.Join(paths, ",")
}
