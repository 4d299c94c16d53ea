package passwd

import (
	"os"
	"strings"
	"testing"
	"unicode"
)

func TestCommonList(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, w := range strings.Fields(line) {
			if seen[w] || w != fold(w) {
				t.Errorf("%q is repeated or not folded", w)
			}
			seen[w] = true
		}
	}
	if len(seen) < 2000 {
		t.Errorf("only %d words", len(seen))
	}
}

// TestCommonSpellings checks that common passwords are found in the spellings that
// attackers try.
func TestCommonSpellings(t *testing.T) {
	t.Parallel()
	n, missed := 0, 0
	refused := func(s string) {
		n++
		if !isCommon(checkInput{normalForms: newNormalForms(NewSecret(s))}) {
			missed++
			t.Logf("passes: %q", s)
		}
	}
	seen := 0
	for w := range words().all {
		if seen++; seen%499 != 0 || strings.ContainsFunc(w, notLetter) || len(w) < 5 {
			continue
		}
		first := []rune(w)
		first[0] = unicode.ToUpper(first[0])
		for _, form := range []string{w, strings.ToUpper(w), string(first)} {
			for _, affix := range []string{"", "1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!", "@123", "520", "1314", "5201314", "888", "666", "2008", "2024", "2026!", "19900101", "900101", "_01"} {
				refused(form + affix)
				refused(affix + form)
			}
		}
	}
	if n < 10000 || missed > 0 {
		t.Errorf("%d of %d pass", missed, n)
	}
}
