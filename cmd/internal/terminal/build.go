package terminal

import (
	"runtime"
	"runtime/debug"
)

// A Build is what the go command recorded in the program.
type Build struct {
	Version  string // of the module: a tag, or a pseudo-version; "devel" without version control
	Revision string // of the commit; "unknown" without version control
	Time     string // of the commit
	Modified bool   // files differed from the commit
	Go       string
}

// ReadBuild returns the build of this program.
func ReadBuild() Build {
	b := Build{Version: "devel", Revision: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	return b.from(info)
}

func (b Build) from(info *debug.BuildInfo) Build {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// In returns the build in three lines.
func (b Build) In(l Language) string {
	commit := b.Revision
	if b.Time != "" {
		commit = l.T("%s of %s", commit, b.Time)
	}
	if b.Modified {
		commit = l.T("%s, with uncommitted changes", commit)
	}
	return l.T("fundpass %s\ncommit   %s\nbuilt    with %s for %s/%s\n", b.Version, commit, b.Go, runtime.GOOS, runtime.GOARCH)
}
