package passwd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

const (
	maxPolicyBytes  = 64 << 10
	maxHistory      = 24
	hardMin         = 6   // the shortest that any known centre accepts
	hardMax         = 256 // four code points of four bytes each fill maxBytes
	nistMin         = 8   // NIST SP 800-63B-4, 3.1.1.2, with another factor
	nistMax         = 64  // length that must be allowed
	singleFactorMin = 15  // without another factor
)

// ParsePolicy parses a policy. It refuses unknown, repeated and wrongly capitalised keys,
// and data after the policy. A rule weaker than NIST SP 800-63B-4 allows must have
// "legacy": true and a reason. It reports all problems at once, wrapped in ErrPolicy.
func ParsePolicy(data []byte) (*Policy, error) {
	if len(data) > maxPolicyBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrPolicy, maxPolicyBytes)
	}
	p := Policy{Spraying: defaultSpraying}
	if err := json.Unmarshal(data, &p, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	p.InitialNeedsProof = strings.TrimSpace(p.InitialWithoutProof) == ""
	if problems := p.problems(); len(problems) > 0 {
		return nil, &faultyPolicy{&p, problems}
	}
	return &p, nil
}

// errUndeclared is the problem of a weak rule that does not declare it.
var errUndeclared = errors.New(`to keep it, set "legacy": true and a "reason"`)

// A faultyPolicy is the error for a policy that can be parsed but must not be used.
type faultyPolicy struct {
	policy   *Policy
	problems []error
}

func (f *faultyPolicy) Error() string {
	return fmt.Sprintf("%v %q: %v", ErrPolicy, f.policy.Name, errors.Join(f.problems...))
}

func (f *faultyPolicy) Unwrap() []error { return append([]error{ErrPolicy}, f.problems...) }

// ParseDraft parses a policy for Lint. Unlike ParsePolicy it accepts weak rules that do
// not declare it; such a policy must not be used.
func ParseDraft(data []byte) (*Policy, error) {
	p, err := ParsePolicy(data)
	var f *faultyPolicy
	if errors.As(err, &f) && !slices.ContainsFunc(f.problems, func(err error) bool { return !errors.Is(err, errUndeclared) }) {
		return f.policy, nil
	}
	return p, err
}

// problems returns all problems at once, so that whoever writes a policy mends it in one round.
func (p *Policy) problems() []error {
	var problems []error
	add := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if !validID(p.Name) {
		add(errors.New(`"name" must be small letters, digits and hyphens`))
	}
	if p.History < 0 || p.History > maxHistory {
		add(fmt.Errorf(`"history" must be 0 to %d`, maxHistory))
	}
	seen := map[string]bool{sameRule: true, historyRule: true}
	for _, r := range fixedRules {
		seen[r.ID] = true
	}
	for i, r := range p.Rules {
		if err := r.problem(seen); err != nil {
			add(fmt.Errorf("rule %d (%q): %w", i+1, r.ID, err))
		}
		seen[r.ID] = true
	}
	problems = append(problems, p.paperProblems()...)
	add(p.boundsProblem())
	add(p.namesProblem())
	add(p.Lock.check())
	add(p.Spraying.check())
	return problems
}

// problem refuses a weak rule without a reason, which auditors ask for. It also refuses a reason
// on a rule that is not weak, so that the list of exceptions contains nothing else.
func (r Rule) problem(seen map[string]bool) error {
	switch {
	case !validID(r.ID):
		return errors.New(`"id" must be small letters, digits and hyphens`)
	case seen[r.ID]:
		return errors.New(`"id" is taken`)
	case !sentence(r.Text):
		return errors.New(`"text" is missing or too long`)
	case !sentence(r.Source):
		return errors.New(`"source" is missing: name the notice and its date, or the standard`)
	}
	if err := r.Check.problem(); err != nil {
		return err
	}
	weak := weakness(r.Check)
	if weak != "" && (!r.Legacy || !sentence(r.Reason)) {
		return fmt.Errorf("%s: %w", weak, errUndeclared)
	}
	if weak == "" && (r.Legacy || r.Reason != "") {
		return errors.New(`"legacy" and "reason" are set on a rule that is not weak`)
	}
	return nil
}

// weakness describes how a check falls short of NIST SP 800-63B-4, 3.1.1.2, or returns
// "".
func weakness(c Check) string {
	switch {
	case c.MinLength > 0 && c.MinLength < nistMin:
		return fmt.Sprintf("min_length %d is under %d (NIST SP 800-63B-4, 3.1.1.2)", c.MinLength, nistMin)
	case c.MaxLength > 0 && c.MaxLength < nistMax:
		return fmt.Sprintf("max_length %d is under %d (NIST SP 800-63B-4, 3.1.1.2)", c.MaxLength, nistMax)
	case c.Require != nil:
		return "require is a composition rule (NIST SP 800-63B-4, 3.1.1.2 forbids them)"
	case c.Charset != "":
		return "charset refuses characters (NIST SP 800-63B-4, 3.1.1.2 requires all printable ones)"
	case c.NoSpace:
		return "no_space refuses the blank (NIST SP 800-63B-4, 3.1.1.2 requires it)"
	}
	return ""
}

func (c Check) problem() error {
	kinds := 0
	for _, set := range []bool{c.MinLength != 0, c.MaxLength != 0, c.Require != nil, c.Charset != "", c.NoSpace, c.Server} {
		if set {
			kinds++
		}
	}
	switch {
	case c.Server:
		return errors.New(`"server" checks are built in and cannot be added by a file; see "words"`)
	case kinds != 1:
		return errors.New(`"check" must have exactly one kind`)
	case c.MinLength != 0 && (c.MinLength < hardMin || c.MinLength > hardMax):
		return fmt.Errorf("min_length must be %d to %d", hardMin, hardMax)
	case c.MaxLength != 0 && (c.MaxLength < hardMin || c.MaxLength > hardMax):
		return fmt.Errorf("max_length must be %d to %d", hardMin, hardMax)
	case c.Require != nil:
		return requireProblem(c.Require)
	case c.Charset != "":
		_, err := parseCharset(c.Charset)
		return err
	}
	return nil
}

func requireProblem(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		if _, ok := classOf(name); !ok || seen[name] {
			return fmt.Errorf("require: %q is unknown or repeated", name)
		}
		seen[name] = true
	}
	if len(seen) == 0 {
		return errors.New("require: empty list")
	}
	return nil
}

// boundsProblem checks that there are exactly one minimum and one maximum length, in
// order.
func (p *Policy) boundsProblem() error {
	mins, maxs := 0, 0
	for _, r := range p.Rules {
		if r.Check.MinLength != 0 {
			mins++
		}
		if r.Check.MaxLength != 0 {
			maxs++
		}
	}
	shortest, longest := p.bounds()
	if mins != 1 || maxs != 1 || shortest > longest {
		return errors.New("rules: one min_length and one max_length are needed, min_length not above max_length")
	}
	return nil
}

// namesProblem checks the names of initial rules and the forbidden words. A word of one letter
// would refuse nearly every password.
func (p *Policy) namesProblem() error {
	for _, rule := range p.InitialRules {
		if !knownInitialRule(rule) {
			return fmt.Errorf("initial_rules: %q is neither six digits nor one of %s", rule, strings.Join(InitialRules(), ", "))
		}
	}
	for _, w := range p.Words {
		if n := utf8.RuneCountInString(bare(fold(w))); n < 2 {
			return fmt.Errorf("words: %q is too short to be refused everywhere", w)
		}
	}
	return nil
}

// paperProblems checks the sources, notes and examples. Errors name examples by position,
// so that no message contains one.
func (p *Policy) paperProblems() []error {
	var problems []error
	for name, source := range map[string]string{"lock_source": p.LockSource, "initial_source": p.InitialSource} {
		if source != "" && !sentence(source) {
			problems = append(problems, fmt.Errorf("%q is too long", name))
		}
	}
	for i, n := range p.Notes {
		if !sentence(n.Text) || !sentence(n.Source) {
			problems = append(problems, fmt.Errorf("notes: %d needs a text and a source, not too long", i+1))
		}
	}
	for i, e := range p.Examples.Accepted {
		if broken := p.Check(NewSecret(e), Subject{}); len(broken) > 0 {
			problems = append(problems, fmt.Errorf("examples: accepted %d breaks rule %q", i+1, broken[0].Rule))
		}
	}
	for i, e := range p.Examples.Refused {
		if len(p.Check(NewSecret(e), Subject{})) == 0 {
			problems = append(problems, fmt.Errorf("examples: refused %d breaks no rule", i+1))
		}
	}
	return problems
}

func validID(s string) bool {
	return s != "" && len(s) <= 40 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-')
	})
}

func sentence(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= 200
}
