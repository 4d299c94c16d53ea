package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
)

func TestPolicyList(t *testing.T) {
	t.Parallel()
	got := cmdtest.RunTyping(t, nil, "", "policy", "list")
	cmdtest.NoError(t, got.Err)
	for _, name := range passwd.Builtins() {
		if !strings.Contains(got.Out, "\n "+name+" ") {
			t.Errorf("%s is not listed:\n%s", name, got.Out)
		}
	}
	// The columns are aligned; a Chinese character is two columns wide.
	lines := strings.Split(got.Out, "\n")
	column := text.StringWidth(lines[0][:strings.Index(lines[0], "initial passwords")])
	for line, want := range map[string]string{"harbin": "111111", "shenzhen": "id-last6-x0", "shanghai": "none"} {
		for _, l := range lines {
			if strings.HasPrefix(l, " "+line+" ") && text.StringWidth(l[:strings.Index(l, " "+want)+1]) != column {
				t.Errorf("not in its column: %s", l)
			}
		}
	}
}

func TestPolicyShow(t *testing.T) {
	t.Parallel()
	got := cmdtest.RunTyping(t, nil, "", "policy", "show", "harbin")
	cmdtest.NoError(t, got.Err)
	p, err := passwd.ParsePolicy([]byte(got.Out))
	if err != nil || p.Name != "harbin" {
		t.Errorf("%v, %v", p, err)
	}
	if got := cmdtest.RunTyping(t, nil, "", "policy", "show", "nowhere"); got.Err == nil || got.Out != "" {
		t.Errorf("%q, %v", got.Out, got.Err)
	}
}

// editPolicy writes a copy of a built-in policy with a change and returns its path.
func editPolicy(t testing.TB, name, from, to string) string {
	t.Helper()
	data, err := passwd.BuiltinFile(name)
	cmdtest.NoError(t, err)
	if !bytes.Contains(data, []byte(from)) {
		t.Fatalf("%q is not in %s", from, name)
	}
	path := filepath.Join(t.TempDir(), "policy.json")
	cmdtest.NoError(t, os.WriteFile(path, bytes.ReplaceAll(data, []byte(from), []byte(to)), 0o600))
	return path
}

func TestPolicyLint(t *testing.T) {
	t.Parallel()
	for _, name := range passwd.Builtins() {
		got := cmdtest.RunTyping(t, nil, "", "policy", "lint", name)
		cmdtest.NoError(t, got.Err)
		for _, want := range []string{passwd.NIST + " ", passwd.ASVS + " ", passwd.GBT + " ", "6.2.11", "8.1.4.1 d)", " grade "} {
			if !strings.Contains(got.Out, want) {
				t.Errorf("%s: %q is missing:\n%s", name, want, got.Out)
			}
		}
	}
	got := cmdtest.RunTyping(t, nil, "", "policy", "lint", "harbin")
	for _, want := range []string{"fail  " + passwd.NIST, "min-length 密码为6位数字", "declared as legacy", "failed as declared"} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("%q is missing:\n%s", want, got.Out)
		}
	}
	// Without its declaration the policy fails, and the output still has the reasons.
	silent := editPolicy(t, "classic-6-12", `"legacy": true,`, "")
	data, err := os.ReadFile(silent)
	cmdtest.NoError(t, err)
	var kept []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, `"reason"`) {
			kept[len(kept)-1] = strings.Replace(kept[len(kept)-1], ",\n", "\n", 1)
			continue
		}
		if strings.TrimSpace(line) != "" {
			kept = append(kept, line)
		}
	}
	cmdtest.NoError(t, os.WriteFile(silent, []byte(strings.Join(kept, "")), 0o600))
	got = cmdtest.RunTyping(t, nil, "", "policy", "lint", silent)
	if got.Err == nil || !strings.Contains(got.Err.Error(), "undeclared") || terminal.Status(got.Err) != 1 || !strings.Contains(got.Out, " failed ") || strings.Contains(got.Out, "declared as legacy") {
		t.Errorf("%v\n%s", got.Err, got.Out)
	}
}

func TestPolicyLintRefuses(t *testing.T) {
	t.Parallel()
	broken := editPolicy(t, "default", `"history": 5`, `"history": 99`)
	for name, args := range map[string][]string{
		"unknown": {"nowhere"}, "no file": {"./none.json"}, "broken": {broken}, "nothing": {}, "two": {"default", "wuxi"},
	} {
		if got := cmdtest.RunTyping(t, nil, "", append([]string{"policy", "lint"}, args...)...); got.Err == nil {
			t.Errorf("%s: %s", name, got.Out)
		}
	}
}

func TestPolicyTry(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy, typed string
		want          []string // nothing: accepted
	}{
		"good":            {"beijing", "Korb-7-Lampe\n", nil},
		"no end of line":  {"beijing", "Korb-7-Lampe", nil},
		"Windows":         {"harbin", "582947\r\n", nil},
		"blanks count":    {"beijing", "  x y z v a b \n", nil},
		"too short":       {"beijing", "mxpqrvk\n", []string{"TOO_SHORT"}},
		"several":         {"wuxi", "mxp\n", []string{"TOO_SHORT", "MISSING_UPPER", "MISSING_DIGIT", "MISSING_SYMBOL"}},
		"empty":           {"beijing", "\n", []string{"TOO_SHORT"}},
		"name":            {"beijing", "xiaomingwang77\n王 小明\n", []string{"CONTAINS_NAME"}},
		"name of another": {"beijing", "xiaomingwang77\n李娜\n", nil},
		"document":        {"beijing", "mx-0307-kvq\n\n990101195603070011\n", []string{"CONTAINS_ID", "CONTAINS_BIRTHDAY"}},
		"passport":        {"beijing", "mx-e394-kvq\n\ne39471058\n", []string{"CONTAINS_ID"}},
		"phone":           {"beijing", "mx2746kvq\n\n\n13902746185\n", []string{"CONTAINS_PHONE"}},
		"account":         {"beijing", "mx8264kvq\n\n\n\n0573918264\n", []string{"CONTAINS_ACCOUNT"}},
		"initial":         {"nanjing", "826400\n\n\n\n0573918264\n", []string{"DERIVED"}},
	} {
		got := cmdtest.RunTyping(t, nil, test.typed, "policy", "try", test.policy)
		for _, code := range test.want {
			if !strings.Contains(got.Out, " "+code+" ") {
				t.Errorf("%s: %s is missing:\n%s", name, code, got.Out)
			}
		}
		if accepted := got.Err == nil && got.Out == "accepted\n"; accepted != (test.want == nil) {
			t.Errorf("%s: %v\n%s", name, got.Err, got.Out)
		}
		for private := range strings.FieldsSeq(test.typed) {
			if len(private) > 5 && strings.Contains(got.Out+got.Said(), private) {
				t.Errorf("%s: prints %q:\n%s", name, private, got.Out)
			}
		}
	}
	if got := cmdtest.RunTyping(t, nil, "", "policy", "try", "beijing"); got.Err == nil || !strings.Contains(got.Err.Error(), "no password") {
		t.Errorf("%v", got.Err)
	}
	if got := cmdtest.RunTyping(t, nil, "Korb-7-Lampe\n", "policy", "try", "beijing", "--name", "王小明"); got.Err == nil {
		t.Error("takes personal data as an argument")
	}
}

// TestPolicyWarnings checks that the warnings name the weaknesses of a policy that the
// operator chose, but not of the built-in one.
func TestPolicyWarnings(t *testing.T) {
	t.Parallel()
	p, err := passwd.Builtin("harbin")
	cmdtest.NoError(t, err)
	chosen := settings.Settings{PolicyFile: "harbin.json"}.WeakPolicy(p)
	if len(chosen) != len(p.Warnings()) || len(chosen) == 0 || chosen[0].Setting != "FUNDPASS_POLICY_FILE" {
		t.Errorf("%v", chosen)
	}
	if none := (settings.Settings{}).WeakPolicy(p); len(none) > 0 {
		t.Errorf("%v", none)
	}
}
