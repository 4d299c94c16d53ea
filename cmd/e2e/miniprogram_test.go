package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/keys/testenv"
)

// miniprogramTests is the directory of the mini-program's own tests.
const miniprogramTests = "../../miniapp-api/miniprogram/test"

// needNode returns Node's path and skips the test if the package is not installed in dir.
func needNode(t testing.TB, dir, pkg string) string {
	t.Helper()
	node := testenv.Program(t, "apt-get install nodejs npm", "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", pkg)); pkg != "" && err != nil {
		testenv.Missing(t, pkg+" is not installed: run npm ci in "+strings.TrimPrefix(dir, "../../"))
	}
	return node
}

// TestMiniprogram runs every story with the mini-program itself, on both kinds of phones
// and with each way of passing errors. Each run has a demo of its own, because stories
// change passwords. The long tier runs all modes.
func TestMiniprogram(t *testing.T) {
	t.Parallel()
	modes := []clientMode{
		{"fail", "ios", "0", "0"},
		{"fail-bare", "android", "1", "0"}, // the body of an error is lost, which always200 is for
	}
	if testenv.Long() {
		modes = append(modes, clientMode{"success", "android", "0", "0"}, clientMode{"fail", "ios", "1", "1"})
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) { mode.run(t, startDemo(t), "stories", "") })
	}
}

// TestMiniprogramProofs runs links that require a face or a phone, in both modes of
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
		t.Run(stories, func(t *testing.T) { run.mode.run(t, startDemo(t, run.args...), "proofs", stories) })
	}
}

// TestMiniprogramTakeover runs the transfer of a link to a new Alipay account, and a
// person with two fund accounts.
func TestMiniprogramTakeover(t *testing.T) {
	t.Parallel()
	mode := clientMode{"success", "android", "0", "1"}
	mode.run(t, startDemo(t, "--proof", "phone,face", "--link-transfer", "1s"), "takeover", "")
}

// A clientMode is how a phone passes errors, and the settings of the mini-program.
type clientMode struct{ errors, client, always200, encrypted string }

func (m clientMode) String() string {
	return fmt.Sprintf("%s %s always200=%s encrypted=%s", m.errors, m.client, m.always200, m.encrypted)
}

// run runs a file of tests in Node against d.
func (m clientMode) run(t *testing.T, d *runningDemo, file, stories string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), needNode(t, miniprogramTests, ""), "--test", filepath.Join(miniprogramTests, file+".test.mjs"))
	c.Env = append(os.Environ(), "FUNDPASS_BASE="+d.URL, "FUNDPASS_ERRORS="+m.errors, "FUNDPASS_CLIENT="+m.client,
		"FUNDPASS_ALWAYS_200="+m.always200, "FUNDPASS_ENCRYPTED="+m.encrypted, "FUNDPASS_STORIES="+stories)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNode runs the mini-program's own tests, on both kinds of phones and with each way
// of passing errors.
func TestNode(t *testing.T) {
	t.Parallel()
	node := needNode(t, miniprogramTests, "")
	run := func(t *testing.T, errors, client string, files ...string) {
		for i, name := range files {
			files[i] = filepath.Join(miniprogramTests, name+".test.mjs")
		}
		c := exec.CommandContext(t.Context(), node, append([]string{"--test"}, files...)...)
		c.Env = append(os.Environ(), "FUNDPASS_ERRORS="+errors, "FUNDPASS_CLIENT="+client)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	t.Run("once", func(t *testing.T) { run(t, "fail", "ios", "encrypt", "runtime", "phone", "said") })
	t.Run("links", func(t *testing.T) { run(t, "fail", "android", "transfer", "accounts", "code", "remind", "facefirst") }) // errors arrive as in the tests below
	for _, errors := range []string{"fail", "fail-bare", "success"} {
		for _, client := range []string{"ios", "android"} {
			if !testenv.Long() && (errors == "fail-bare") != (client == "ios") {
				continue // the long tier has the other half
			}
			t.Run(errors+" "+client, func(t *testing.T) { run(t, errors, client, "faults", "reset", "recover", "agree", "prove", "consents") })
		}
	}
}

// TestTypes checks with tsc every call of my.* against Alipay's types, and the tests' replies and
// client against types that are generated from the contract.
func TestTypes(t *testing.T) {
	t.Parallel()
	needNode(t, miniprogramTests, "openapi-typescript")
	npm := testenv.Program(t, "apt-get install nodejs npm", "npm")
	if out, err := exec.CommandContext(t.Context(), npm, "--prefix", miniprogramTests, "run", "types").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestClient changes a password by the generated client.
func TestClient(t *testing.T) {
	t.Parallel()
	needNode(t, miniprogramTests, "openapi-fetch")
	clientMode{"fail", "ios", "0", "0"}.run(t, startDemo(t), "client", "")
}
