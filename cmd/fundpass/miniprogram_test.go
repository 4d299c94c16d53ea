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
// house of its own. The mini-program's own tests have every phone meet every error.
func TestMiniprogram(t *testing.T) {
	t.Parallel()
	for _, mode := range []clientMode{
		{"fail", "ios", "0", "0"}, {"success", "android", "0", "0"},
		{"fail-bare", "android", "1", "0"}, // the body of a failure is lost: what always200 is for
		{"fail", "ios", "1", "1"},
	} {
		t.Run(mode.String(), func(t *testing.T) { mode.play(t, startDemo(t), "stories", "") })
	}
}

// TestMiniprogramProofs plays links that need a face or a phone, in both modes of
// consent.
func TestMiniprogramProofs(t *testing.T) {
	t.Parallel()
	for stories, run := range map[string]struct {
		mode clientMode
		args []string
	}{
		"recorded": {clientMode{"success", "android", "0", "1"}, []string{"--proof", "face,phone"}},
		"required": {clientMode{"fail", "ios", "0", "0"}, []string{"--proof", "phone", "--initial-proof", "face", "--consent", "required"}},
	} {
		t.Run(stories, func(t *testing.T) { run.mode.play(t, startDemo(t, run.args...), "proofs", stories) })
	}
}

// TestMiniprogramTakeover plays a new Alipay account that takes a link over, and a person
// with two fund accounts.
func TestMiniprogramTakeover(t *testing.T) {
	t.Parallel()
	mode := clientMode{"success", "android", "0", "1"}
	mode.play(t, startDemo(t, "--proof", "phone,face", "--relink", "1s"), "takeover", "")
}

// A clientMode is how a phone hands over errors, and what the mini-program is set to.
type clientMode struct{ errors, client, always200, encrypted string }

func (m clientMode) String() string {
	return fmt.Sprintf("%s %s always200=%s encrypted=%s", m.errors, m.client, m.always200, m.encrypted)
}

// play runs a file of tests in Node against d, and stops d.
func (m clientMode) play(t *testing.T, d *runningDemo, file, stories string) {
	t.Helper()
	defer d.stop(t)
	c := exec.CommandContext(t.Context(), needNode(t), "--test", filepath.Join(miniprogramTests, file+".test.mjs"))
	c.Env = append(os.Environ(), "FUNDPASS_BASE="+d.url, "FUNDPASS_ERRORS="+m.errors, "FUNDPASS_CLIENT="+m.client,
		"FUNDPASS_ALWAYS_200="+m.always200, "FUNDPASS_ENCRYPTED="+m.encrypted, "FUNDPASS_STORIES="+stories)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
