package passwd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// levelsOf returns the levels of the findings of one clause.
func levelsOf(findings []Finding, standard, clause string) []Level {
	var levels []Level
	for _, f := range findings {
		if f.Standard == standard && f.Clause == clause {
			levels = append(levels, f.Level)
		}
	}
	return levels
}

func mustParse(t testing.TB, in string) *Policy {
	t.Helper()
	p, err := ParsePolicy([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLint checks the level of a clause for policies that differ in what the clause is
// about.
func TestLint(t *testing.T) {
	t.Parallel()
	const why = `,"legacy":true,"reason":"the core takes no more"`
	const shortest, longest = `"min_length":8},"source":"notice"`, `"max_length":64},"source":"notice"`
	bounds := func(least, most string) string {
		s := strings.Replace(minimal, shortest, least, 1)
		return strings.Replace(s, longest, most, 1)
	}
	with := func(key string, value any) string { return withField(t, key, value) }
	for name, test := range map[string]struct {
		in, standard, clause string
		want                 Level
	}{
		"short, NIST":              {bounds(`"min_length":6},"source":"notice"`+why, longest), NIST, "3.1.1.2", LevelFail},
		"short, ASVS":              {bounds(`"min_length":6},"source":"notice"`+why, longest), ASVS, "6.2.1", LevelFail},
		"short, assessed":          {bounds(`"min_length":6},"source":"notice"`+why, longest), GBT, "8.1.4.1 a)", LevelFail},
		"eight":                    {minimal, ASVS, "6.2.1", LevelMet},
		"short maximum, NIST":      {bounds(shortest, `"max_length":12},"source":"notice"`+why), NIST, "3.1.1.2", LevelWarn},
		"short maximum, ASVS":      {bounds(shortest, `"max_length":12},"source":"notice"`+why), ASVS, "6.2.9", LevelFail},
		"short maximum, managers":  {bounds(shortest, `"max_length":12},"source":"notice"`+why), ASVS, "6.2.7", LevelWarn},
		"maximum":                  {minimal, ASVS, "6.2.9", LevelMet},
		"composition, NIST":        {rule(`{"require":["lower","upper","digit"]}`, why), NIST, "3.1.1.2", LevelFail},
		"composition, ASVS":        {rule(`{"require":["lower","upper","digit"]}`, why), ASVS, "6.2.5", LevelFail},
		"composition, assessed":    {rule(`{"require":["lower","upper","digit"]}`, why), GBT, "8.1.4.1 a)", LevelMet},
		"two kinds, assessed":      {rule(`{"require":["letter","digit"]}`, why), GBT, "8.1.4.1 a)", LevelWarn},
		"no composition":           {minimal, ASVS, "6.2.5", LevelMet},
		"no composition, assessed": {minimal, GBT, "8.1.4.1 a)", LevelWarn},
		"charset":                  {rule(`{"charset":"A-Za-z0-9"}`, why), NIST, "3.1.1.2", LevelWarn},
		"digits, assessed":         {rule(`{"charset":"0-9"}`, why), GBT, "8.1.4.1 a)", LevelFail},
		"no blank":                 {rule(`{"no_space":true}`, why), NIST, "3.1.1.2", LevelWarn},
		"a second factor":          {minimal, GBT, "8.1.4.1 d)", LevelMet},
		"no proof":                 {with("initial_without_proof", "no contract yet"), ASVS, "6.4.1", LevelFail},
		"no proof, assessed":       {with("initial_without_proof", "no contract yet"), GBT, "8.1.4.1 d)", LevelFail},
		"derived":                  {minimal, ASVS, "6.4.1", LevelWarn},
		"random":                   {with("initial_rules", []string{}), ASVS, "6.4.1", LevelMet},
		"the same for all":         {with("initial_rules", []string{"111111"}), ASVS, "6.3.2", LevelWarn},
		"not the same for all":     {minimal, ASVS, "6.3.2", LevelMet},
		"lock":                     {minimal, NIST, "3.2.2", LevelMet},
		"lock, ASVS":               {minimal, ASVS, "6.3.1", LevelMet},
		"lock of strangers":        {with("lock", Lock{[]Tier{{5, "reset"}}}), ASVS, "6.1.1", LevelWarn},
		"lock without source":      {minimal, ASVS, "6.1.1", LevelNote},
		"lock with source":         {with("lock_source", "notice"), ASVS, "6.1.1", LevelMet},
		"late lock":                {with("lock", Lock{[]Tier{{20, "1h"}, {5, "reset"}}}), GBT, "8.1.4.1 b)", LevelWarn},
		"words":                    {with("words", []string{"无锡"}), ASVS, "6.1.2", LevelMet},
		"no words":                 {minimal, ASVS, "6.1.2", LevelNote},
		"many attempts at digits":  {strings.Replace(rule(`{"charset":"0-9"}`, why), `"guesses":5,"lock":"15m"`, `"guesses":40,"lock":"15m"`, 1), NIST, "3.2.2", LevelWarn},
	} {
		got := levelsOf(mustParse(t, test.in).Lint(), test.standard, test.clause)
		if !slices.Contains(got, test.want) {
			t.Errorf("%s: %s, %s is %v, want %s", name, test.standard, test.clause, got, test.want)
		}
		if worse := map[Level]Level{LevelMet: LevelFail, LevelWarn: LevelFail, LevelNote: LevelWarn}[test.want]; worse != "" && test.clause != "3.1.1.2" && slices.Contains(got, worse) {
			t.Errorf("%s: %s, %s is %v, too", name, test.standard, test.clause, got)
		}
	}
}

// TestLintOfNoLock grades locks that a file cannot have.
func TestLintOfNoLock(t *testing.T) {
	t.Parallel()
	for name, tiers := range map[string][]Tier{"none": nil, "never reset": {{5, "1h"}}, "too many": {{99, "1h"}, {2, "reset"}}} {
		p := *Default()
		p.Lock = Lock{tiers}
		if got := levelsOf(p.Lint(), NIST, "3.2.2"); !slices.Equal(got, []Level{LevelFail}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestGrades(t *testing.T) {
	t.Parallel()
	grades := func(p *Policy) []string {
		var all []string
		for _, g := range Grades(p.Lint()) {
			all = append(all, g.Standard+": "+g.Grade)
		}
		return all
	}
	undeclared, err := ParseDraft([]byte(rule(`{"charset":"a-z"}`, "")))
	if err != nil {
		t.Fatal(err)
	}
	undeclared.Rules[0].Check = Check{Require: []string{"digit"}}
	for name, test := range map[string]struct {
		p    *Policy
		want []string
	}{
		"default": {Default(), []string{NIST + ": met", ASVS + ": met with weaknesses", GBT + ": met with weaknesses"}},
		"classic": {mustBuiltin(t, "classic-6-12"), []string{NIST + ": failed as declared", ASVS + ": failed as declared", GBT + ": failed as declared"}},
		"wuxi":    {mustBuiltin(t, "wuxi"), []string{NIST + ": failed as declared", ASVS + ": failed as declared", GBT + ": met"}},
		"draft":   {undeclared, []string{NIST + ": failed", ASVS + ": failed", GBT + ": met with weaknesses"}},
	} {
		if diff := cmp.Diff(test.want, grades(test.p)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, g := range Grades(Default().Lint()) {
		n := 0
		for _, f := range Default().Lint() {
			if f.Standard == g.Standard {
				n++
			}
		}
		if g.Met+g.Noted+g.Warned+g.Failed != n || n == 0 {
			t.Errorf("%+v of %d findings", g, n)
		}
	}
}

// TestLintOfCities checks that every finding has a text, that weak ones have a
// correction, and that no city fails a clause without declaring it.
func TestLintOfCities(t *testing.T) {
	t.Parallel()
	for name, p := range mustPolicies {
		findings := p.Lint()
		for _, f := range findings {
			if f.Text == "" || f.Clause == "" || !slices.Contains(standards, f.Standard) || (f.Level == LevelWarn || f.Level == LevelFail) && f.Mend == "" {
				t.Errorf("%s: %+v", name, f)
			}
			if f.Rule != "" && !slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.ID == f.Rule }) {
				t.Errorf("%s: %+v names no rule", name, f)
			}
			if f.Level == LevelFail && !f.Declared {
				t.Errorf("%s: fails undeclared: %s", name, f)
			}
		}
		for _, clause := range []string{"6.1.1", "6.1.2", "6.2.1", "6.2.4", "6.2.5", "6.2.8", "6.2.9", "6.2.10", "6.2.11", "6.2.12", "6.3.1", "6.3.2", "6.3.3", "6.4.1", "6.4.2"} {
			if len(levelsOf(findings, ASVS, clause)) != 1 {
				t.Errorf("%s: ASVS %s: %v", name, clause, levelsOf(findings, ASVS, clause))
			}
		}
	}
}

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
	if count(def, NIST) != 0 || count(def, GBT) != 1 || count(def, "rule ") != 0 {
		t.Errorf("default: %q", def.Warnings())
	}
	if count(classic, NIST+", 3.1.1.2: rule ") != 4 || count(classic, "declared as legacy") != 8 {
		t.Errorf("classic: %d %q", count(classic, "declared as legacy"), classic.Warnings())
	}
	open := mustParse(t, withField(t, "initial_without_proof", "no contract yet"))
	if open.InitialNeedsProof || count(open, "no contract yet") != 3 {
		t.Errorf("open: %q", open.Warnings())
	}
}

func TestLintIsInOrder(t *testing.T) {
	t.Parallel()
	var order []string
	for _, f := range Default().Lint() {
		if place := f.Standard + " " + f.Clause; len(order) == 0 || order[len(order)-1] != place {
			order = append(order, place)
		}
	}
	want := []string{NIST + " 3.1.1.2", NIST + " 3.2.2"}
	for _, clause := range strings.Fields("6.1.1 6.1.2 6.2.1 6.2.4 6.2.5 6.2.7 6.2.8 6.2.9 6.2.10 6.2.11 6.2.12 6.3.1 6.3.2 6.3.3 6.4.1 6.4.2") {
		want = append(want, ASVS+" "+clause)
	}
	for _, letter := range "abcd" {
		want = append(want, fmt.Sprintf("%s 8.1.4.1 %c)", GBT, letter))
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
}

// TestParseDraft checks that a draft may be weak without declaring it, and must be valid
// otherwise.
func TestParseDraft(t *testing.T) {
	t.Parallel()
	weak := rule(`{"charset":"a-z"}`, "")
	if p, err := ParsePolicy([]byte(weak)); err == nil || p != nil {
		t.Errorf("used: %v", p)
	}
	p, err := ParseDraft([]byte(weak))
	if err != nil || !slices.ContainsFunc(p.Lint(), func(f Finding) bool { return f.Rule == "x" && !f.Declared && f.Level == LevelWarn }) {
		t.Errorf("%v, %v", p, err)
	}
	for name, in := range map[string]string{
		"more than weak": strings.Replace(weak, `"history":3`, `"history":99`, 1),
		"no JSON":        "{",
		"two rules":      rule(`{"charset":"a-z"}`, `,"nonsense":1`),
	} {
		if p, err := ParseDraft([]byte(in)); err == nil || p != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if p, err := ParseDraft([]byte(minimal)); err != nil || p.Name != "test" {
		t.Errorf("%v, %v", p, err)
	}
}

func ExamplePolicy_Lint() {
	p, err := Builtin("harbin")
	if err != nil {
		panic(err)
	}
	for _, g := range Grades(p.Lint()) {
		fmt.Printf("%s: %s, %d failed\n", g.Standard, g.Grade, g.Failed)
	}
	// Output:
	// NIST SP 800-63B-4: failed as declared, 1 failed
	// OWASP ASVS 5.0: failed as declared, 2 failed
	// GB/T 22239-2019: failed as declared, 1 failed
}
