package cmdtest

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A CenterEntry is a centre of a file of centres, with the environment that has its keys.
type CenterEntry struct {
	Env   *ServerEnv
	Hosts []string
	Path  string
	Set   Values // additional settings of the centre; an empty value removes one
}

// processSettings are those of Env that several centres share.
var processSettings = []string{"FUNDPASS_ADDR", "FUNDPASS_OPS_ADDR", "FUNDPASS_ENVIRONMENT", "FUNDPASS_DATABASE_URL", "FUNDPASS_TRUSTED_PROXIES"}

// WriteCenters writes centers.json into dir, and the file of settings of each centre beside its
// keys. It returns the environment of a process that serves all of them.
func WriteCenters(t testing.TB, dir string, entries ...CenterEntry) Values {
	t.Helper()
	type center struct {
		Center  string   `json:"center"`
		EnvFile string   `json:"env_file"`
		Hosts   []string `json:"hosts,omitempty"`
		Path    string   `json:"path,omitempty"`
	}
	var all []center
	for _, e := range entries {
		var b strings.Builder
		env := e.Env.Env(e.Set)
		for _, name := range slices.Sorted(maps.Keys(env)) {
			if !slices.Contains(processSettings, name) && env[name] != "" {
				b.WriteString(name + "=" + env[name] + "\n")
			}
		}
		e.Env.Write("center.env", b.String())
		all = append(all, center{e.Env.Center, e.Env.Path("center.env"), e.Hosts, e.Path})
	}
	raw, err := json.Marshal(map[string]any{"centers": all})
	NoError(t, err)
	file := &ServerEnv{T: t, Dir: dir}
	file.Write("centers.json", string(raw))
	process := Values{"FUNDPASS_CENTERS_FILE": filepath.Join(dir, "centers.json")}
	for name, value := range entries[0].Env.Env() {
		if slices.Contains(processSettings, name) {
			process[name] = value
		}
	}
	return process
}
