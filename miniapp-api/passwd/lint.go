package passwd

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The standards that Lint grades a policy against.
const (
	NIST = "NIST SP 800-63B-4"
	ASVS = "OWASP ASVS 5.0"
	GBT  = "GB/T 22239-2019" // 等保2.0, level 3
)

// A Level says how well a policy meets a clause.
type Level string

// The levels of a Finding.
const (
	LevelMet  Level = "met"
	LevelNote Level = "note" // nothing to correct; information for an assessor
	LevelWarn Level = "warn" // weak, or against a recommendation
	LevelFail Level = "fail" // against a requirement
)

// A Finding is the result of one clause of a standard for a policy. Text says what is met
// or weak and why, and Mend how to correct it, in English for operators.
type Finding struct {
	Level    Level
	Standard string // NIST, ASVS or GBT
	Clause   string // "3.1.1.2", "6.2.1", "8.1.4.1 a)"
	Rule     string // ID of the city's rule that causes it, or ""
	Text     string
	Mend     string // how to correct it, or ""
	Declared bool   // the policy declares the weakness with a reason
}

// A Grade summarizes the findings of one standard.
type Grade struct {
	Standard                   string
	Grade                      string // "met", "met with weaknesses", "failed as declared", "failed"
	Met, Noted, Warned, Failed int
	Undeclared                 int // of Failed
}

// Lint grades the policy against the clauses of three standards that a policy can decide.
// It omits what only the program decides, such as transport, storage and sessions. The
// findings are sorted by standard and clause.
func (p *Policy) Lint() []Finding {
	s := p.summary()
	all := slices.Concat(s.nist(), s.asvs(), s.gbt())
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(slices.Index(standards, a.Standard)-slices.Index(standards, b.Standard), compareClauses(a.Clause, b.Clause))
	})
	return all
}

// compareClauses sorts 6.2.9 before 6.2.10, and a) before b).
func compareClauses(a, b string) int {
	numbers := func(s string) (all []int) {
		for n := range strings.FieldsFuncSeq(s, func(r rune) bool { return !isDigit(r) }) {
			i, _ := strconv.Atoi(n) // digits, and few
			all = append(all, i)
		}
		return all
	}
	return cmp.Or(slices.Compare(numbers(a), numbers(b)), strings.Compare(a, b))
}

var standards = []string{NIST, ASVS, GBT}

// Grades summarizes findings, with one grade for each standard.
func Grades(findings []Finding) []Grade {
	var grades []Grade
	for _, standard := range standards {
		g := Grade{Standard: standard}
		for _, f := range findings {
			if f.Standard == standard {
				g.count(f)
			}
		}
		switch {
		case g.Undeclared > 0:
			g.Grade = "failed"
		case g.Failed > 0:
			g.Grade = "failed as declared"
		case g.Warned > 0:
			g.Grade = "met with weaknesses"
		default:
			g.Grade = "met"
		}
		grades = append(grades, g)
	}
	return grades
}

func (g *Grade) count(f Finding) {
	switch f.Level {
	case LevelMet:
		g.Met++
	case LevelNote:
		g.Noted++
	case LevelWarn:
		g.Warned++
	case LevelFail:
		g.Failed++
		if !f.Declared {
			g.Undeclared++
		}
	}
}

// Warnings returns the weaknesses of the policy for operators, one line of English each:
// the findings of the levels warn and fail.
func (p *Policy) Warnings() []string {
	var warnings []string
	for _, f := range p.Lint() {
		if f.Level == LevelWarn || f.Level == LevelFail {
			warnings = append(warnings, f.String())
		}
	}
	return warnings
}

// String returns the finding on one line.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: ", f.Standard, f.Clause)
	if f.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", f.Rule)
	}
	b.WriteString(f.Text)
	if f.Mend != "" {
		b.WriteString("; " + f.Mend)
	}
	return b.String()
}

// A policySummary is the part of a policy that Lint grades.
type policySummary struct {
	*Policy
	shortest, longest                       Rule // the rules of length
	compositionRule, charsetRule, spaceRule *Rule
	classes                                 int // required by rules, counted once each
	attempts                                int // in a row, before only a reset helps
}

func (p *Policy) summary() policySummary {
	s := policySummary{Policy: p, attempts: 0}
	required := map[string]bool{}
	for _, r := range p.Rules {
		switch c := r.Check; {
		case c.MinLength > 0:
			s.shortest = r
		case c.MaxLength > 0:
			s.longest = r
		case c.Require != nil:
			s.compositionRule = &r
			for _, name := range c.Require {
				required[name] = true
			}
		case c.Charset != "":
			s.charsetRule = &r
		case c.NoSpace:
			s.spaceRule = &r
		}
	}
	s.classes = len(required)
	for _, n := range p.Lock.Attempts() {
		s.attempts += n
	}
	return s
}

// findingFor begins a finding about a rule, which may declare it.
func findingFor(r *Rule) Finding {
	if r == nil {
		return Finding{}
	}
	return Finding{Rule: r.ID, Declared: r.Legacy && r.Reason != ""}
}

// withLevel sets the level and the texts of a finding.
func (f Finding) withLevel(level Level, text, mend string) Finding {
	f.Level, f.Text, f.Mend = level, text, mend
	if f.Declared && level != LevelMet {
		f.Text += " (declared as legacy)"
	}
	return f
}

// forClauses returns the finding once for each clause.
func (f Finding) forClauses(standard string, clauses ...string) []Finding {
	var all []Finding
	for _, c := range clauses {
		g := f
		g.Standard, g.Clause = standard, c
		all = append(all, g)
	}
	return all
}
