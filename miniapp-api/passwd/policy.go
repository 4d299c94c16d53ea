package passwd

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ErrPolicy wraps every error in a policy file.
var ErrPolicy = errors.New("passwd: policy")

// A Policy is the password rules of one city. ParsePolicy, LoadPolicy, Builtin and
// Default return policies, which must not be modified.
type Policy struct {
	Name  string `json:"name"`
	City  string `json:"city"` // Chinese, for operators
	Rules []Rule `json:"rules"`
	// History is the number of earlier passwords that cannot be reused; 0 allows all but the
	// current one.
	History int `json:"history"`
	// Words may not occur in a password, in addition to those refused under every policy: the
	// city's name, the centre's short name.
	Words []string `json:"words,omitempty"`
	// InitialRules are the rules of the city's initial passwords, which Derive knows.
	InitialRules []string `json:"initial_rules"`
	Lock         Lock     `json:"lock"`
	Spraying     Spraying `json:"spraying"` // missing fields have their defaults
	// InitialWithoutProof is the reason why an initial password alone is sufficient for a link. It
	// should be empty: then a second proof is required.
	InitialWithoutProof string `json:"initial_without_proof,omitempty"`
	// InitialNeedsProof is set unless InitialWithoutProof gives a reason.
	InitialNeedsProof bool `json:"-"`
	// LockSource and InitialSource name the notices of Lock and InitialRules, as Rule.Source does
	// for a rule.
	LockSource    string `json:"lock_source,omitempty"`
	InitialSource string `json:"initial_source,omitempty"`
	// Notes are other statements of the city's notices, for operators.
	Notes []Remark `json:"notes,omitempty"`
	// Examples must match the rules, or the file is refused.
	Examples Examples `json:"examples,omitzero"`
}

// A Remark is a statement of a notice for which there is no field, such as where the
// initial password must be changed.
type Remark struct {
	Text   string `json:"text"`
	Source string `json:"source"`
}

// Examples are invented passwords that the policy accepts or refuses for a person without
// data. They illustrate the rules; a file whose rules contradict them is refused.
type Examples struct {
	Accepted []string `json:"accepted,omitempty"`
	Refused  []string `json:"refused,omitempty"`
}

// A Rule is one requirement on a new password. Text is the Chinese sentence that citizens
// read, as a hint and as the reason of a refusal.
type Rule struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Check  Check  `json:"check"`
	Source string `json:"source"` // notice and date, standard and clause
	// Legacy declares that the rule is weaker than NIST SP 800-63B-4 allows, and Reason says why
	// the city keeps it.
	Legacy bool   `json:"legacy,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// A Check is the part of a rule that a front end can check while the citizen types.
// Exactly one field is set.
type Check struct {
	MinLength int `json:"min_length,omitempty"` // code points after NFC
	MaxLength int `json:"max_length,omitempty"` // code points after NFC
	// Require lists classes, of each of which the password needs a character:
	// "lower", "upper", "letter" and "digit" are ASCII, "symbol" is any other
	// printable ASCII character but the blank.
	Require []string `json:"require,omitempty"`
	// Charset is the set of allowed characters, written like the inside of a
	// regular expression's brackets: "A-Za-z0-9". ASCII only, no escapes.
	Charset string `json:"charset,omitempty"`
	NoSpace bool   `json:"no_space,omitempty"`
	// Server marks rules that only the server can check.
	Server bool `json:"server,omitempty"`
}

// A PublicRule is the part of a rule that front ends get.
type PublicRule struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Check Check  `json:"check"`
}

//go:embed policies/*.json
var builtin embed.FS

// Default returns the policy for a centre without rules of its own: 8 to 64 printable
// characters, without a composition rule.
func Default() *Policy {
	p, err := Builtin("default")
	if err != nil {
		panic(err)
	}
	return p
}

// Builtins returns the sorted names of the embedded policies: "default", "classic-6-12"
// and cities, whose notices must be checked again before use.
func Builtins() []string {
	entries, err := builtin.ReadDir("policies")
	if err != nil {
		panic(err) // the files are embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".json")
	}
	slices.Sort(names)
	return names
}

// Builtin returns the embedded policy with that name, or ErrPolicy if there is none.
func Builtin(name string) (*Policy, error) {
	data, err := BuiltinFile(name)
	if err != nil {
		return nil, err
	}
	return ParsePolicy(data)
}

// BuiltinFile returns the file of an embedded policy as a template, or ErrPolicy if there
// is none.
func BuiltinFile(name string) ([]byte, error) {
	data, err := builtin.ReadFile("policies/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not a built-in policy", ErrPolicy, name)
	}
	return data, nil
}

// LoadPolicy reads a policy file. It returns ErrPolicy with all problems, or the error of
// reading the file.
func LoadPolicy(path string) (*Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	p, err := ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Public returns the rules for GET /v1/password: the city's, then the fixed ones.
func (p *Policy) Public() []PublicRule {
	var public []PublicRule
	for _, r := range p.Rules {
		public = append(public, PublicRule{r.ID, r.Text, r.Check})
	}
	for _, r := range fixedRules {
		public = append(public, PublicRule{r.ID, r.Text, r.Check})
	}
	public = append(public, PublicRule{sameRule, "新密码不能与原密码相同", Check{Server: true}})
	if p.History > 0 {
		text := fmt.Sprintf("新密码不能与最近%d次用过的密码相同", p.History)
		public = append(public, PublicRule{historyRule, text, Check{Server: true}})
	}
	return public
}

// bounds returns the minimum and maximum length of a password in code points.
func (p *Policy) bounds() (shortest, longest int) {
	shortest, longest = 0, hardMax
	for _, r := range p.Rules {
		shortest = max(shortest, r.Check.MinLength)
		if r.Check.MaxLength > 0 {
			longest = r.Check.MaxLength
		}
	}
	return shortest, longest
}
