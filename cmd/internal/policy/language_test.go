package policy

import (
	"regexp"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/passwd"
)

// sentence matches three English words in a row.
var sentence = regexp.MustCompile(`[a-z]{2,} [a-z]{2,} [a-z]{2,}`)

// TestLintInChinese checks that all findings about the built-in policies are Chinese.
func TestLintInChinese(t *testing.T) {
	t.Parallel()
	for _, name := range passwd.Builtins() {
		got := cmdtest.Run(t, nil, "policy", "lint", name, "--lang", "zh")
		cmdtest.WantIn(t, got.Out, "标准", "符合", "8.1.4.1 a)")
		if found := sentence.FindString(got.Out); found != "" {
			t.Errorf("%s says %q:\n%s", name, found, got.Out)
		}
	}
	got := cmdtest.RunTyping(t, nil, "111111\n", "policy", "try", "harbin", "--lang", "zh")
	cmdtest.WantIn(t, got.Out, "代码", "规则", "市民看到的文字")
}
