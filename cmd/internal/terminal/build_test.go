package terminal

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	bare := Build{Version: "devel", Revision: "unknown", Go: "go1.26.0"}
	for _, c := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"without version control", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "fundpass devel\ncommit   unknown\nbuilt    with go1.26.0 for "},
		{"tagged", debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-30T12:00:00Z"}, {Key: "vcs.modified", Value: "false"},
		}}, "fundpass v0.1.0\ncommit   0123abcd of 2026-11-30T12:00:00Z\nbuilt    with go1.26.0 for "},
		{"modified", debug.BuildInfo{Main: debug.Module{Version: "v0.1.1-0.20261130120000-0123abcd+dirty"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.modified", Value: "true"},
		}}, "0123abcd, with uncommitted changes\n"},
	} {
		if got := bare.from(&c.info).In(English); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
