package passwd

import (
	"testing"
)

func TestDerive(t *testing.T) {
	t.Parallel()
	x := Subject{IDNumber: "99010119870609285X", AccountNo: "0573918264"}
	d := Subject{IDNumber: "990101198706092851", AccountNo: "57391"}
	for _, test := range []struct {
		rule string
		s    Subject
		want string // "" means none
	}{
		{"id-last6", x, "09285X"}, {"id-last6", d, "092851"}, {"id-last6", Subject{IDNumber: "12345"}, ""}, {"id-last6", Subject{}, ""},
		{"id-last6-x0", x, "092850"}, {"id-last6-x0", d, "092851"},
		{"id-last6-digits", x, "609285"}, {"id-last6-digits", d, "092851"},
		{"id-last4+00", x, "285X00"}, {"id-last4+00", d, "285100"}, {"id-last4+00", Subject{}, ""},
		{"account-last6", x, "918264"}, {"account-last6", d, ""}, {"account-last6", Subject{}, ""},
		{"account-last4+00", x, "826400"}, {"account-last4+00", d, "739100"},
		{"111111", Subject{}, "111111"}, {"000000", x, "000000"},
		{"11111", x, ""}, {"1111111", x, ""}, {"１１１１１１", x, ""}, {"11111x", x, ""}, {"", x, ""}, {"random", x, ""},
		{"id-last6", Subject{IDNumber: "军字第1234567号"}, "234567"}, {"id-last6", Subject{IDNumber: "军1234567"}, "234567"},
		{"id-last4+00", Subject{IDNumber: "军字第1234567号"}, "456700"},
		{"id-last6", Subject{IDNumber: "南字第0123号"}, ""}, {"id-last6", Subject{IDNumber: "E12345678"}, "345678"},
	} {
		got, ok := Derive(test.rule, test.s)
		if ok != (test.want != "") || got.Reveal() != test.want {
			t.Errorf("Derive(%q, %v) = %q, %v, want %q", test.rule, test.s, got.Reveal(), ok, test.want)
		}
	}
	for _, rule := range InitialRules() {
		if _, ok := Derive(rule, x); !ok || !knownInitialRule(rule) {
			t.Errorf("%s", rule)
		}
	}
}

func TestIsInitial(t *testing.T) {
	t.Parallel()
	x := Subject{IDNumber: "99010119870609285X"}
	for typed, want := range map[string]bool{"09285X": true, "09285x": true, "092850": false, "": false, "09285": false, " 09285X": false} {
		if got := IsInitial("id-last6", x, NewSecret(typed)); got != want {
			t.Errorf("%q: %v", typed, got)
		}
	}
	if IsInitial("id-last6", Subject{}, NewSecret("")) || IsInitial("none", x, NewSecret("")) {
		t.Error("nothing is an initial password")
	}
}

// The hint names each way once, and no password that is the same for everybody.
func TestInitialHint(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rules []string
		want  string
	}{
		{nil, ""},
		{[]string{"111111"}, ""},
		{[]string{"id-last6", "id-last6-x0", "111111"}, "从未修改过的初始密码是证件号码的后6位。"},
		{[]string{"id-last4+00", "account-last6"}, "从未修改过的初始密码是证件号码的后4位加00，或个人账号的后6位。"},
	} {
		if got := (&Policy{InitialRules: tc.rules}).InitialHint(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.rules, got, tc.want)
		}
	}
	for _, rule := range InitialRules() {
		if (&Policy{InitialRules: []string{rule}}).InitialHint() == "" {
			t.Errorf("no text for %s", rule)
		}
	}
}
