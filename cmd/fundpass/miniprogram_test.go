package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fundpass/store/storetest"
)

// miniprogramTests is where the mini-program's own tests are.
const miniprogramTests = "../../miniapp-api/miniprogram/test"

// needNode returns Node's path. Without it a test is skipped, but not in CI.
func needNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	storetest.Require(t, err)
	return node
}

// TestMiniprogram plays every story with the mini-program itself, on both kinds of
// phones and wherever they put errors. Stories change passwords, so each run has a
// house of its own.
func TestMiniprogram(t *testing.T) {
	t.Parallel()
	node := needNode(t)
	for _, mode := range []struct{ errors, client, always200, encrypted string }{
		{"fail", "ios", "0", "0"}, {"fail", "android", "0", "0"},
		{"success", "ios", "0", "0"}, {"success", "android", "0", "0"},
		{"fail-bare", "android", "1", "0"}, // the body of a failure is lost: what always200 is for
		{"fail", "ios", "1", "1"},
	} {
		t.Run(fmt.Sprintf("%s %s always200=%s encrypted=%s", mode.errors, mode.client, mode.always200, mode.encrypted), func(t *testing.T) {
			d := startDemo(t)
			defer d.stop(t)
			c := exec.CommandContext(t.Context(), node, "--test", filepath.Join(miniprogramTests, "stories.test.mjs"))
			c.Env = append(os.Environ(), "FUNDPASS_BASE="+d.url, "FUNDPASS_ERRORS="+mode.errors,
				"FUNDPASS_CLIENT="+mode.client, "FUNDPASS_ALWAYS_200="+mode.always200, "FUNDPASS_ENCRYPTED="+mode.encrypted)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
