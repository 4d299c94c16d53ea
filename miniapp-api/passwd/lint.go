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

// A Level says how far a policy is from a demand.
type Level string

// The levels of a Finding.
const (
	LevelMet  Level = "met"
	LevelNote Level = "note" // nothing to mend; an assessor may want to know
	LevelWarn Level = "warn" // weak, or against a recommendation
	LevelFail Level = "fail" // against a requirement
)

// A Finding is what one clause of a standard says of a policy: Text what is met
// or weak and why, Mend what would mend it, in English for operators.
type Finding struct {
	Level    Level
	Standard string // NIST, ASVS or GBT
	Clause   string // "3.1.1.2", "6.2.1", "8.1.4.1 a)"
	Rule     string // ID of the city's rule that is the reason, or ""
	Text     string
	Mend     string // "" when there is nothing to mend
	Declared bool   // the policy says that it is weak here, and why
}

// A Grade sums the findings of one standard up.
type Grade struct {
	Standard                   string
	Grade                      string // "met", "met with weaknesses", "failed as declared", "failed"
	Met, Noted, Warned, Failed int
	Undeclared                 int // of Failed
}

// Lint grades the policy against three standards, clause by clause, as far as a
// policy decides. What only the program decides (transport, storage, sessions)
// is left out. The findings stand in the order of the standards and their clauses.
func (p *Policy) Lint() []Finding {
	s := p.shape()
	all := slices.Concat(s.nist(), s.asvs(), s.gbt())
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(slices.Index(standards, a.Standard)-slices.Index(standards, b.Standard), compareClauses(a.Clause, b.Clause))
	})
	return all
}

// compareClauses puts 6.2.9 before 6.2.10, and a) before b).
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

// Grades sums findings up, one grade for each standard.
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

// Warnings tells an operator, in English and a line each, where the policy
// falls short: what Lint warns of or fails.
func (p *Policy) Warnings() []string {
	var warnings []string
	for _, f := range p.Lint() {
		if f.Level == LevelWarn || f.Level == LevelFail {
			warnings = append(warnings, f.String())
		}
	}
	return warnings
}

// String is the finding on one line.
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

// A shape is what Lint looks at of a policy.
type shape struct {
	*Policy
	shortest, longest       Rule // the rules of length
	composed, narrow, blank *Rule
	classes                 int // required by rules, counted once each
	attempts                int // in a row, before only a reset helps
}

func (p *Policy) shape() shape {
	s := shape{Policy: p, attempts: 0}
	required := map[string]bool{}
	for _, r := range p.Rules {
		switch c := r.Check; {
		case c.MinLength > 0:
			s.shortest = r
		case c.MaxLength > 0:
			s.longest = r
		case c.Require != nil:
			s.composed = &r
			for _, name := range c.Require {
				required[name] = true
			}
		case c.Charset != "":
			s.narrow = &r
		case c.NoSpace:
			s.blank = &r
		}
	}
	s.classes = len(required)
	for _, n := range p.Lock.Attempts() {
		s.attempts += n
	}
	return s
}

// of begins a finding: which rule is the reason, and whether it admits it.
func of(r *Rule) Finding {
	if r == nil {
		return Finding{}
	}
	return Finding{Rule: r.ID, Declared: r.Legacy && r.Reason != ""}
}

// as fills a finding in.
func (f Finding) as(level Level, text, mend string) Finding {
	f.Level, f.Text, f.Mend = level, text, mend
	if f.Declared && level != LevelMet {
		f.Text += " (declared as legacy)"
	}
	return f
}

// at says which clauses the finding is of, one finding each.
func (f Finding) at(standard string, clauses ...string) []Finding {
	var all []Finding
	for _, c := range clauses {
		g := f
		g.Standard, g.Clause = standard, c
		all = append(all, g)
	}
	return all
}
