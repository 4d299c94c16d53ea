package passwd

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestBuiltins(t *testing.T) {
	t.Parallel()
	for _, name := range Builtins() {
		p := mustBuiltin(t, name)
		if p.Name != name || !p.InitialNeedsProof || p.History == 0 {
			t.Errorf("%s: %+v", name, p)
		}
		for _, r := range p.Rules {
			if r.Source == "" || !hasHan(r.Text) {
				t.Errorf("%s: %+v", name, r)
			}
		}
		sum := 0
		for _, g := range p.Lock.Attempts() {
			sum += g
		}
		if sum > 100 || p.Lock.Tiers[len(p.Lock.Tiers)-1].Lock != "reset" {
			t.Errorf("%s: lock %v", name, p.Lock)
		}
	}
	for _, name := range []string{"", "none", "../policy", "default.json", "DEFAULT"} {
		if p, err := Builtin(name); !errors.Is(err, ErrPolicy) || p != nil {
			t.Errorf("Builtin(%q) = %v, %v", name, p, err)
		}
	}
	if names := Builtins(); len(names) < 18 || !slices.IsSorted(names) {
		t.Errorf("%q", names)
	}
	if shortest, longest := Default().bounds(); shortest != 8 || longest != 64 {
		t.Errorf("default allows %d to %d", shortest, longest)
	}
}

func hasHan(s string) bool { return regexp.MustCompile(`\p{Han}`).MatchString(s) }

func TestPublic(t *testing.T) {
	t.Parallel()
	for name, p := range mustPolicies {
		seen := map[string]bool{}
		for _, r := range p.Public() {
			if seen[r.ID] || !hasHan(r.Text) {
				t.Errorf("%s: %+v", name, r)
			}
			seen[r.ID] = true
			wire, err := json.Marshal(r)
			var back struct {
				ID, Text string
				Check    map[string]any
			}
			if err != nil || json.Unmarshal(wire, &back) != nil || len(back.Check) != 1 {
				t.Errorf("%s: a check must have one kind: %s, %v", name, wire, err)
			}
		}
		for _, want := range []string{"min-length", "max-length", "common", "id-number", "birthday", "same", "history"} {
			if !seen[want] {
				t.Errorf("%s: no rule %q", name, want)
			}
		}
	}
	p := *Default()
	p.History = 0
	if slices.ContainsFunc(p.Public(), func(r PublicRule) bool { return r.ID == historyRule }) {
		t.Error("history is shown where there is none")
	}
}

// TestTextsGiveNoExamples checks that no text contains a possible password.
func TestTextsGiveNoExamples(t *testing.T) {
	t.Parallel()
	for _, r := range fixedRules {
		if strings.ContainsFunc(r.Text, func(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }) || regexp.MustCompile(`\d{2}`).MatchString(r.Text) {
			t.Errorf("%s: %s", r.ID, r.Text)
		}
		if !validID(r.ID) || r.Source == "" || !r.Check.Server || r.Code != strings.ToUpper(r.Code) {
			t.Errorf("%+v", r.broken())
		}
	}
}

// TestCharsetIsABracketExpression checks that a regular expression with the charset, as
// front ends build it, agrees with the check.
func TestCharsetIsABracketExpression(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"A-Za-z0-9", "0-9", "a", " -~", "a-", "!-/", "A-Za-z0-9_.-", "$*+?(){}|", "a-c-e"} {
		set, err := parseCharset(charset)
		if charset == " -~" { // [ \ ] ^ are inside the range
			if err != nil {
				t.Errorf("%q: %v", charset, err)
			}
		}
		if err != nil {
			if charset != "a-c-e" {
				t.Errorf("%q: %v", charset, err)
			}
			continue
		}
		re := regexp.MustCompile("^[" + charset + "]$")
		for c := range rune(256) {
			if want := re.MatchString(string(c)); inCharset(charset, []rune{c}) != want {
				t.Errorf("%q: %q: want %v", charset, c, want)
			}
		}
		if set[0] {
			t.Errorf("%q allows NUL", charset)
		}
	}
	for _, bad := range []string{"", "^a", `a\d`, "a]b", "[a", "z-a", "密", "a\n", "a-\x7f", "-a", "a--", "\xff"} {
		if _, err := parseCharset(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func ExamplePolicy_Check() {
	broken := Default().Check(NewSecret("woaini520"), Subject{})
	for _, b := range broken {
		fmt.Println(b.Code, b.Message)
	}
	// Output: COMMON 密码过于常见，请换一个
}
