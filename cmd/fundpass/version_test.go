package main

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	r := cmdtest.Run(t, nil, "version")
	if r.Err != nil || !strings.HasPrefix(r.Out, "fundpass ") || !strings.Contains(r.Out, runtime.Version()) {
		t.Errorf("%v: %s", r.Err, r.Out)
	}
}

// The help and the documents put a server to work by the same steps in the same order.
func TestFirstSteps(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "README.zh-CN.md", "docs/operations.md", "docs/operations.zh-CN.md"} {
		text, err := os.ReadFile("../../" + name)
		cmdtest.NoError(t, err)
		at := 0
		for _, step := range firstSteps {
			next := strings.Index(string(text[at:]), "fundpass "+step)
			if next < 0 {
				t.Errorf("%s does not give the step %q after those before it", name, step)
				break
			}
			at += next
		}
	}
}
