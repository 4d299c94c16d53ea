package passwd

import (
	"slices"
	"strings"
)

// A Subject is the owner of a password, in the normal form of package document. Fields
// that the centre does not know are empty.
type Subject struct {
	IDType    string // ZJLX
	IDNumber  string // ZJHM
	Name      string // XINGMING
	Phone     string // SJHM
	AccountNo string // GRZH
}

// derivations are the rules by which centres make initial passwords, by the name that is
// stored instead of a hash. Source: the help texts of the named cities.
var derivations = map[string]func(Subject) (string, bool){
	"id-last6":           func(s Subject) (string, bool) { return tail(s.IDNumber, 6) },             // Anyang: X unchanged
	"id-last6-x0":        func(s Subject) (string, bool) { return tail(xAsZero(s.IDNumber), 6) },    // Shenzhen: X as 0
	"id-last6-digits":    func(s Subject) (string, bool) { return tail(withoutX(s.IDNumber), 6) },   // X skipped, six digits before it
	"id-last4+00":        func(s Subject) (string, bool) { return tailAnd00(s.IDNumber) },           // Beijing
	"id-last4-digits+00": func(s Subject) (string, bool) { return tailAnd00(withoutX(s.IDNumber)) }, // Beijing, X skipped
	"account-last6":      func(s Subject) (string, bool) { return tail(s.AccountNo, 6) },            // Guiyang, Qingdao
	"account-last4+00":   func(s Subject) (string, bool) { return tailAnd00(s.AccountNo) },          // Chongqing, Nanjing
}

// Derive returns the initial password that a rule gives a person. A rule of six digits,
// such as 111111, is the same password for everybody (Ningbo, Zhengzhou). It returns
// false for an unknown rule and if data that the rule needs are missing.
func Derive(rule string, s Subject) (Secret, bool) {
	if constant(rule) {
		return NewSecret(rule), true
	}
	derive, ok := derivations[rule]
	if !ok {
		return Secret{}, false
	}
	v, ok := derive(s)
	if !ok {
		return Secret{}, false
	}
	return NewSecret(v), true
}

// IsInitial reports whether typed is the initial password that rule gives s. A final X
// may be in either case, because phone keyboards start with lower case.
func IsInitial(rule string, s Subject, typed Secret) bool {
	initial, ok := Derive(rule, s)
	return ok && initial.Equal(NewSecret(strings.ToUpper(typed.Normalised())))
}

// initialTexts are what citizens read of a derivation. How the letter X counts is left out,
// because notices differ and all ways are accepted.
var initialTexts = map[string]string{
	"id-last6":           "证件号码的后6位",
	"id-last6-x0":        "证件号码的后6位",
	"id-last6-digits":    "证件号码的后6位数字",
	"id-last4+00":        "证件号码的后4位加00",
	"id-last4-digits+00": "证件号码的后4位数字加00",
	"account-last6":      "个人账号的后6位",
	"account-last4+00":   "个人账号的后4位加00",
}

// InitialHint tells citizens in Chinese how the city makes initial passwords, or is "". It
// never names a password that is the same for everybody.
func (p *Policy) InitialHint() string {
	var ways []string
	for _, rule := range p.InitialRules {
		if text := initialTexts[rule]; text != "" && !slices.Contains(ways, text) {
			ways = append(ways, text)
		}
	}
	if len(ways) == 0 {
		return ""
	}
	return "从未修改过的初始密码是" + strings.Join(ways, "，或") + "。"
}

// InitialRules returns the sorted names of the rules that Derive knows, besides six
// digits.
func InitialRules() []string {
	names := make([]string, 0, len(derivations))
	for name := range derivations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func knownInitialRule(rule string) bool {
	_, ok := derivations[rule]
	return ok || constant(rule)
}

func constant(rule string) bool { return len(rule) == 6 && digitsOf(rule) == rule }

func xAsZero(s string) string  { return strings.ReplaceAll(strings.ToUpper(s), "X", "0") }
func withoutX(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "X", "") }

// tail returns the last n characters of a number if they are ASCII letters and digits. It
// ignores the 号 at the end of an officer's number, which only some centres store.
func tail(s string, n int) (string, bool) {
	s = strings.TrimSuffix(s, "号")
	if len(s) < n {
		return "", false
	}
	last := strings.ToUpper(s[len(s)-n:])
	return last, alphanumericOf(strings.ToLower(last)) == strings.ToLower(last)
}

func tailAnd00(s string) (string, bool) {
	last, ok := tail(s, 4)
	return last + "00", ok
}
