package passwd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"fundpass/keys/testenv"
)

// TestNoDerivedPasswordPasses checks that no initial password of any rule, no form of a
// birthday and no part of the person's numbers is accepted, in five thousand cases.
func TestNoDerivedPasswordPasses(t *testing.T) {
	t.Parallel()
	cases := 0
	refused := func(password string, s Subject, code string) {
		cases++
		for _, policy := range []string{"default", "classic-6-12", "wuxi"} {
			if got := codes(mustPolicies[policy].Check(NewSecret(password), s)); !slices.Contains(got, code) {
				t.Errorf("%s: %q of %v: %v, want %s", policy, password, s, got, code)
			}
		}
	}
	for day := range 100 {
		date := time.Date(1950+day/2, time.Month(1+day%12), 1+day%28, 0, 0, 0, 0, time.UTC)
		s := Subject{IDType: "01", IDNumber: idNumber(date.Format("20060102"), day), Phone: fmt.Sprintf("139%08d", 10203040+day*7919), AccountNo: fmt.Sprintf("73%08d", day*104729)}
		for _, rule := range append(InitialRules(), "111111") {
			if initial, ok := Derive(rule, s); ok {
				refused(initial.Reveal(), s, "DERIVED")
				refused(strings.ToLower(initial.Reveal()), s, "DERIVED")
			}
		}
		for _, layout := range []string{"20060102", "060102", "0102", "2006-01-02", "2006/1/2", "2006.1.2", "2006年1月2日", "02012006", "01022006", "2006 01 02"} {
			refused("mx"+date.Format(layout)+"kv", s, "CONTAINS_BIRTHDAY")
		}
		for i := 0; i+4 <= 18; i++ {
			refused("mx"+s.IDNumber[i:i+4]+"kv", s, "CONTAINS_ID")
		}
		for i := 0; i+4 <= 11; i++ {
			refused("mx"+s.Phone[i:i+4]+"kv", s, "CONTAINS_PHONE")
		}
		for i := 0; i+4 <= 10; i++ {
			refused("mx"+s.AccountNo[i:i+4]+"kv", s, "CONTAINS_ACCOUNT")
		}
	}
	if cases < 5000 {
		t.Errorf("only %d cases", cases)
	}
}

var mustPolicies = func() map[string]*Policy {
	m := map[string]*Policy{}
	for _, name := range Builtins() {
		p, err := Builtin(name)
		if err != nil {
			panic(err)
		}
		m[name] = p
	}
	return m
}()

func TestOverLongIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{"ascii": "x", "chinese": "密", "marks": "\u0301", "expanding": "\ufdfa", "jamo": "\u1100\u1161", "invalid": "\xff"} {
		long := NewSecret(strings.Repeat(unit, 64<<10/len(unit)))
		bounded(t, name, func() {
			if diff := cmp.Diff([]string{"TOO_LONG"}, codes(Default().Check(long, wang()))); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
}

// checkLimit distinguishes a check of bounded time from one whose time grows with its
// input. It is not a requirement on speed.
const checkLimit = 50 * time.Millisecond

// bounded checks that one of several calls takes less than checkLimit. A busy machine
// delays some of them; a check whose time grows with the input always takes longer.
func bounded(t *testing.T, what string, check func()) {
	t.Helper()
	testenv.Eventually(t, what+" is checked in bounded time", func() bool {
		start := time.Now()
		check()
		return time.Since(start) <= checkLimit
	})
}

// TestLongestCheckIsBounded checks the time for the longest password that is checked
// against all rules.
func TestLongestCheckIsBounded(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{"ascii": "k7", "chinese": "密", "marks": "\u0301", "expanding": "\ufdfa", "jamo": "\u1100\u1161"} {
		s := NewSecret(strings.Repeat(unit, 1024/len(unit)))
		bounded(t, name, func() { Default().Check(s, wang()) })
	}
}

// drawPassword draws passwords as people and attackers type them.
func drawPassword(t *rapid.T) string {
	s := wang()
	return strings.Join(rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{s.IDNumber, s.IDNumber[12:], s.Phone, s.AccountNo, s.Name, "1987", "0609", "密码", "password", "qwer", "1234", "aaaa", "e\u0301", "\u0301", "\x00", "\xff", "\u200b", " ", "-", "年"}),
		rapid.String(), rapid.StringN(0, 3, 12), rapid.StringMatching(`[ -~]{0,8}`),
	), 0, 6).Draw(t, "parts"), "")
}

func TestCheckProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := mustPolicies[rapid.SampledFrom(Builtins()).Draw(t, "policy")]
		checkProperties(t, p, drawPassword(t))
	})
}

// TestCheckIgnoresNormalForm checks that a password breaks the same rules in every normal
// form. Passwords whose length alone is checked are skipped.
func TestCheckIgnoresNormalForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := mustPolicies[rapid.SampledFrom(Builtins()).Draw(t, "policy")]
		_, longest := p.bounds()
		runes := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]rune("wxmáéüǎàéñç각한글ắ제xiaoming0609王小明kvpq-7 ")), rapid.Rune()), 0, longest).Draw(t, "runes")
		composed := norm.NFC.String(string(runes))
		s := wang()
		got, want := p.Check(NewSecret(norm.NFD.String(composed)), s), p.Check(NewSecret(composed), s)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", composed, diff)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("Korb-7-Lampe")
	f.Add("1987年6月9日王小明")
	f.Add("\xff\x00\u0301")
	f.Fuzz(func(t *testing.T, password string) {
		for _, p := range mustPolicies {
			checkProperties(t, p, password)
		}
	})
}

func checkProperties(t rapid.TB, p *Policy, password string) {
	s := wang()
	broken := p.Check(NewSecret(password), s)
	known := map[string]string{}
	for _, r := range p.Public() {
		known[r.ID] = r.Text
	}
	for i, b := range broken {
		text := fmt.Sprint(b)
		for _, private := range []string{password, s.IDNumber, s.Phone, s.AccountNo, s.Name} {
			if utf8.RuneCountInString(private) > 2 && strings.Contains(text, private) {
				t.Fatalf("%q is in a message: %s", private, text)
			}
		}
		if _, ok := known[b.Rule]; !ok || b.Code != strings.ToUpper(b.Code) || b.Message == "" {
			t.Fatalf("not a known rule: %+v", b)
		}
		if slices.Contains(broken[:i], b) {
			t.Fatalf("twice: %+v", b)
		}
	}
	if again := p.Check(NewSecret(NewSecret(password).Normalised()), s); len(password) < 900 && !cmp.Equal(broken, again) {
		t.Fatalf("%q: %v, normalised: %v", password, broken, again)
	}
	if len(broken) == 0 && !NewSecret(password).usable() {
		t.Fatalf("%q is allowed and cannot be hashed", password)
	}
	longer := codes(p.Check(NewSecret(password+"k"), s))
	if got := codes(broken); !slices.Contains(got, "TOO_SHORT") && slices.Contains(longer, "TOO_SHORT") ||
		slices.Contains(got, "TOO_LONG") && !slices.Contains(longer, "TOO_LONG") {
		t.Fatalf("%q: %v, longer: %v", password, got, longer)
	}
}
