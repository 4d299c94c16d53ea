package passwd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBuiltins(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"default", "classic-6-12", "wuxi"} {
		p := mustBuiltin(t, name)
		if p.Name != name || len(p.InitialRules) == 0 || !p.InitialNeedsProof || p.History == 0 {
			t.Errorf("%s: %+v", name, p)
		}
		for _, r := range p.Rules {
			if r.Source == "" || !hasHan(r.Text) {
				t.Errorf("%s: %+v", name, r)
			}
		}
		sum := 0
		for _, g := range p.Lock.Guesses() {
			sum += g
		}
		if sum > 100 || p.Lock.Rounds[len(p.Lock.Rounds)-1].Lock != "reset" {
			t.Errorf("%s: lock %v", name, p.Lock)
		}
	}
	for _, name := range []string{"", "none", "../policy", "default.json", "DEFAULT"} {
		if p, err := Builtin(name); !errors.Is(err, ErrPolicy) || p != nil {
			t.Errorf("Builtin(%q) = %v, %v", name, p, err)
		}
	}
	if shortest, longest := Default().bounds(); shortest != 8 || longest != 64 {
		t.Errorf("default allows %d to %d", shortest, longest)
	}
}

func hasHan(s string) bool { return regexp.MustCompile(`\p{Han}`).MatchString(s) }

// The default policy weakens nothing; what the others weaken is said.
func TestWarnings(t *testing.T) {
	t.Parallel()
	count := func(p *Policy, word string) (n int) {
		for _, w := range p.Warnings() {
			if strings.Contains(w, word) {
				n++
			}
		}
		return n
	}
	def, classic := Default(), mustBuiltin(t, "classic-6-12")
	if n := len(def.Warnings()); n != 1 || count(def, "GB/T 22239") != 1 {
		t.Errorf("default: %q", def.Warnings())
	}
	if count(classic, "rule ") != 4 || count(classic, "12329") != 1 || count(classic, "GB/T 22239") != 1 {
		t.Errorf("classic: %q", classic.Warnings())
	}
	open, err := ParsePolicy([]byte(withField(t, "initial_without_proof", "no contract yet")))
	if err != nil || open.InitialNeedsProof || count(open, "no contract yet") != 1 {
		t.Errorf("open: %v, %v", open, err)
	}
}

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

// The texts must not contain what a citizen could type as a password.
func TestTextsGiveNoExamples(t *testing.T) {
	t.Parallel()
	for _, r := range always {
		if strings.ContainsFunc(r.Text, func(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }) || regexp.MustCompile(`\d{2}`).MatchString(r.Text) {
			t.Errorf("%s: %s", r.ID, r.Text)
		}
		if !validID(r.ID) || r.Source == "" || !r.Check.Server || r.Code != strings.ToUpper(r.Code) {
			t.Errorf("%+v", r.broken())
		}
	}
}

// A front end builds a regular expression of charset; both must agree.
func TestCharsetIsABracketExpression(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"A-Za-z0-9", "0-9", "a", " -~", "a-", "!-/", "A-Za-z0-9_.-", "$*+?(){}|", "a-c-e"} {
		set, err := parseCharset(charset)
		if charset == " -~" { // holds [ \ ] ^ inside a range, which is fine
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

const minimal = `{"name":"test","city":"","rules":[
{"id":"min","text":"至少8位","check":{"min_length":8},"source":"notice"},
{"id":"max","text":"最多64位","check":{"max_length":64},"source":"notice"}],
"history":3,"initial_rules":["id-last6"],"lock":{"rounds":[{"guesses":5,"lock":"15m"},{"guesses":5,"lock":"reset"}]}}`

// withField sets a field of the minimal policy.
func withField(t testing.TB, key string, value any) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(minimal), &m); err != nil {
		t.Fatal(err)
	}
	m[key] = value
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// withRule adds a rule to the minimal policy.
func withRule(rule string) string {
	return strings.Replace(minimal, `"rules":[`, `"rules":[`+rule+`,`, 1)
}

func rule(check, more string) string {
	return withRule(`{"id":"x","text":"规则","check":` + check + `,"source":"notice"` + more + `}`)
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	const why = `,"legacy":true,"reason":"the core takes no more"`
	for name, in := range map[string]string{
		"minimal":      minimal,
		"require":      rule(`{"require":["lower","upper","digit","symbol"]}`, why),
		"charset":      rule(`{"charset":"A-Za-z0-9"}`, why),
		"no space":     rule(`{"no_space":true}`, why),
		"short":        strings.Replace(minimal, `"min_length":8},"source":"notice"`, `"min_length":6},"source":"notice"`+why, 1),
		"short max":    strings.Replace(minimal, `"max_length":64},"source":"notice"`, `"max_length":12},"source":"notice"`+why, 1),
		"no initial":   withField(t, "initial_rules", []string{}),
		"six digits":   withField(t, "initial_rules", []string{"888888", "000000"}),
		"words":        withField(t, "words", []string{"无锡", "wx"}),
		"blanks round": " \n" + minimal + "\n",
		"longest lock": strings.Replace(minimal, "15m", "168h", 1),
		"Guangzhou":    withField(t, "lock", Lock{[]Round{{3, "midnight"}, {3, "midnight"}, {3, "midnight"}, {1, "reset"}}}),
		"channel":      withField(t, "channels", []Channel{{"12329", "热线只能按数字键", "0-9"}}),
	} {
		if p, err := ParsePolicy([]byte(in)); err != nil || p == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	const why = `,"legacy":true,"reason":"the core takes no more"`
	swap := func(from, to string) string {
		if !strings.Contains(minimal, from) {
			t.Fatalf("%q is not in the policy", from)
		}
		return strings.Replace(minimal, from, to, 1)
	}
	for name, test := range map[string]struct{ in, want string }{
		"empty":                  {"", "EOF"},
		"null":                   {"null", "name"},
		"array":                  {"[]", "array"},
		"two values":             {minimal + "{}", "follows"},
		"not UTF-8":              {swap("notice", "\xff"), "UTF-8"},
		"huge":                   {minimal + strings.Repeat(" ", 64<<10), "longer"},
		"unknown key":            {swap(`"history":3`, `"history":3,"max_age":90`), "max_age"},
		"unknown check":          {rule(`{"min_entropy":3}`, ""), "min_entropy"},
		"key twice":              {swap(`"history":3`, `"history":3,"history":0`), "history"},
		"key twice, deep":        {rule(`{"no_space":true,"no_space":true}`, why), "no_space"},
		"wrong case":             {swap(`"history":3`, `"History":3`), "History"},
		"wrong case, deep":       {rule(`{"No_Space":true}`, why), "No_Space"},
		"wrong type":             {swap(`"history":3`, `"history":"3"`), "history"},
		"no name":                {swap(`"test"`, `""`), "name"},
		"odd name":               {swap(`"test"`, `"Test 1"`), "name"},
		"history":                {swap(`"history":3`, `"history":25`), "history"},
		"negative history":       {swap(`"history":3`, `"history":-1`), "history"},
		"no min":                 {swap(`{"min_length":8}`, `{"max_length":64}`), "min_length"},
		"two mins":               {rule(`{"min_length":9}`, ""), "min_length"},
		"min over max":           {swap(`{"min_length":8}`, `{"min_length":65}`), "min_length"},
		"min far too short":      {swap(`{"min_length":8},"source":"notice"`, `{"min_length":5},"source":"notice"`+why), "min_length"},
		"max far too long":       {swap(`{"max_length":64}`, `{"max_length":257}`), "max_length"},
		"negative":               {swap(`{"min_length":8}`, `{"min_length":-8}`), "min_length"},
		"weak min":               {swap(`{"min_length":8}`, `{"min_length":6}`), "legacy"},
		"weak max":               {swap(`{"max_length":64}`, `{"max_length":12}`), "legacy"},
		"composition":            {rule(`{"require":["digit"]}`, ""), "legacy"},
		"charset":                {rule(`{"charset":"a-z"}`, ""), "legacy"},
		"no space":               {rule(`{"no_space":true}`, ""), "legacy"},
		"legacy, no reason":      {rule(`{"no_space":true}`, `,"legacy":true`), "reason"},
		"legacy, blank reason":   {rule(`{"no_space":true}`, `,"legacy":true,"reason":" "`), "reason"},
		"reason, not legacy":     {rule(`{"no_space":true}`, `,"reason":"so"`), "legacy"},
		"legacy without need":    {swap(`{"min_length":8},"source":"notice"`, `{"min_length":8},"source":"notice"`+why), "weakens nothing"},
		"no check":               {rule(`{}`, ""), "exactly one"},
		"two kinds":              {rule(`{"no_space":true,"charset":"a-z"}`, why), "exactly one"},
		"server check":           {rule(`{"server":true}`, ""), "server"},
		"bad charset":            {rule(`{"charset":"^a"}`, why), "charset"},
		"unknown class":          {rule(`{"require":["emoji"]}`, why), "emoji"},
		"class twice":            {rule(`{"require":["digit","digit"]}`, why), "digit"},
		"no class":               {rule(`{"require":[]}`, why), "require"},
		"id taken":               {withRule(`{"id":"min","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "taken"},
		"id of a fixed rule":     {withRule(`{"id":"common","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "taken"},
		"id of history":          {withRule(`{"id":"history","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "taken"},
		"odd id":                 {withRule(`{"id":"X y","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "id"},
		"no text":                {withRule(`{"id":"x","text":" ","check":{"no_space":true},"source":"n"` + why + `}`), "text"},
		"no source":              {withRule(`{"id":"x","text":"规则","check":{"no_space":true},"source":""` + why + `}`), "source"},
		"unknown initial":        {swap(`"id-last6"`, `"id-last7"`), "id-last7"},
		"five digits":            {swap(`"id-last6"`, `"11111"`), "11111"},
		"short word":             {withField(t, "words", []string{"a"}), "words"},
		"word of symbols":        {withField(t, "words", []string{"--"}), "words"},
		"no rounds":              {withField(t, "lock", Lock{}), "rounds"},
		"never reset":            {withField(t, "lock", Lock{[]Round{{5, "15m"}}}), "reset"},
		"reset too early":        {withField(t, "lock", Lock{[]Round{{5, "reset"}, {5, "reset"}}}), "reset"},
		"no guess":               {withField(t, "lock", Lock{[]Round{{0, "15m"}, {5, "reset"}}}), "guesses"},
		"too many guesses":       {withField(t, "lock", Lock{[]Round{{60, "15m"}, {41, "reset"}}}), "100"},
		"overflow":               {swap(`"guesses":5`, `"guesses":9223372036854775807`), "guesses"},
		"odd lock":               {swap(`"15m"`, `"soon"`), "lock"},
		"no lock":                {swap(`"15m"`, `""`), "lock"},
		"short lock":             {swap(`"15m"`, `"59s"`), "lock"},
		"negative lock":          {swap(`"15m"`, `"-15m"`), "lock"},
		"endless lock":           {swap(`"15m"`, `"169h"`), "lock"},
		"channel without a text": {withField(t, "channels", []Channel{{"12329", "", "0-9"}}), "channels"},
		"channel charset":        {withField(t, "channels", []Channel{{"12329", "热线", "9-0"}}), "charset"},
	} {
		p, err := ParsePolicy([]byte(test.in))
		if !errors.Is(err, ErrPolicy) || p != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	in := strings.NewReplacer(`"min_length":8`, `"min_length":6`, `"max_length":64`, `"max_length":12`, `"id-last6"`, `"dice"`, `"15m"`, `"1s"`, `"history":3`, `"history":99`).Replace(minimal)
	_, err := ParsePolicy([]byte(in))
	for _, want := range []string{"min_length 6", "max_length 12", "dice", "round 1", "history"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing: %v", want, err)
		}
	}
}

func TestLoadPolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	for path, text := range map[string]string{good: minimal, bad: "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := LoadPolicy(good); err != nil || p.Name != "test" {
		t.Errorf("good: %v", err)
	}
	if _, err := LoadPolicy(bad); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "bad.json") {
		t.Errorf("bad: %v", err)
	}
	if _, err := LoadPolicy(filepath.Join(dir, "none.json")); !errors.Is(err, ErrPolicy) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, name := range []string{"default", "classic-6-12", "wuxi"} {
		data, _ := builtin.ReadFile("policies/" + name + ".json")
		f.Add(string(data))
	}
	f.Add(minimal)
	f.Add(strings.Repeat("[", 10000))
	f.Fuzz(func(t *testing.T, in string) {
		p, err := ParsePolicy([]byte(in))
		if err != nil {
			if p != nil || !errors.Is(err, ErrPolicy) {
				t.Fatalf("%v with %v", err, p)
			}
			return
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePolicy(out)
		if err != nil || !cmp.Equal(p, again) {
			t.Fatalf("%s: %v", out, err)
		}
		p.Check(NewSecret("Korb-7-Lampe"), wang())
		p.Warnings()
		if len(p.Lock.Until(time.Now())) != len(p.Lock.Guesses()) || len(p.Public()) < len(always) {
			t.Fatal("lengths differ")
		}
	})
}

func TestLock(t *testing.T) {
	t.Parallel()
	l := Lock{[]Round{{5, "15m"}, {3, "1h"}, {2, "midnight"}, {1, "reset"}, {1, "nonsense"}}}
	if diff := cmp.Diff([]int{5, 3, 2, 1, 1}, l.Guesses()); diff != "" {
		t.Error(diff)
	}
	at := func(s string) time.Time {
		tm, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return tm.UTC()
	}
	for now, midnight := range map[string]string{
		"2027-03-01T11:00:00+08:00": "2027-03-02T00:00:00+08:00",
		"2027-03-01T23:59:59+08:00": "2027-03-02T00:00:00+08:00",
		"2027-03-02T00:00:00+08:00": "2027-03-03T00:00:00+08:00",
		"2027-03-01T15:59:59Z":      "2027-03-02T00:00:00+08:00",
		"2027-03-01T16:00:00Z":      "2027-03-03T00:00:00+08:00",
		"2027-12-31T20:00:00+08:00": "2028-01-01T00:00:00+08:00",
		"2028-02-28T20:00:00+08:00": "2028-02-29T00:00:00+08:00",
		"2027-03-01T08:00:00-11:00": "2027-03-03T00:00:00+08:00",
		"1988-07-01T12:00:00.5Z":    "1988-07-02T00:00:00+08:00", // no summer time
	} {
		n := at(now)
		want := []time.Time{n.Add(15 * time.Minute), n.Add(time.Hour), at(midnight), never, never}
		if diff := cmp.Diff(want, l.Until(n)); diff != "" {
			t.Errorf("%s: %s", now, diff)
		}
	}
	if never.Year() != 9999 {
		t.Error(never)
	}
}

func TestLockProperties(t *testing.T) {
	t.Parallel()
	l := Lock{[]Round{{1, "15m"}, {1, "midnight"}, {1, "reset"}}}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns"))
		for i, until := range l.Until(now) {
			if !until.After(now) || until.Location() != time.UTC {
				t.Fatalf("round %d: %v at %v", i, until, now)
			}
		}
		if d := l.Until(now)[1].Sub(now); d > 24*time.Hour {
			t.Fatalf("midnight is %v away", d)
		}
	})
}

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

func TestCommonList(t *testing.T) {
	t.Parallel()
	if len(common) < 2000 {
		t.Errorf("only %d words", len(common))
	}
	seen := map[string]bool{}
	for line := range strings.Lines(commonText) {
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
}

// The list stands for the spellings that attackers try: count some.
func TestCommonSpellings(t *testing.T) {
	t.Parallel()
	n, missed := 0, 0
	refused := func(s string) {
		n++
		if !isCommon(question{look: newLook(NewSecret(s))}) {
			missed++
			t.Logf("passes: %q", s)
		}
	}
	words := 0
	for w := range common {
		if strings.ContainsFunc(w, notLetter) || len(w) < 5 {
			continue
		}
		if words++; words > 200 {
			break
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

func ExamplePolicy_Check() {
	broken := Default().Check(NewSecret("woaini520"), Subject{})
	for _, b := range broken {
		fmt.Println(b.Code, b.Message)
	}
	// Output: COMMON 密码过于常见，请换一个
}
