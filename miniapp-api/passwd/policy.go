package passwd

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ErrPolicy wraps everything that can be wrong with a policy file.
var ErrPolicy = errors.New("passwd: policy")

// A Policy is what one city asks of passwords, as data. Policies come from
// ParsePolicy, LoadPolicy, Builtin or Default and are not changed afterwards.
type Policy struct {
	Name  string `json:"name"`
	City  string `json:"city"` // Chinese, for operators
	Rules []Rule `json:"rules"`
	// History is how many former passwords may not come back; 0 allows all but
	// the present one.
	History int `json:"history"`
	// Words may not occur in a password, beside those refused everywhere: the
	// city's name, the centre's short name.
	Words []string `json:"words,omitempty"`
	// InitialRules are the city's initial passwords, names that Derive knows.
	InitialRules []string `json:"initial_rules"`
	Lock         Lock     `json:"lock"`
	Spraying     Spraying `json:"spraying"` // what a file leaves out is the default
	// InitialWithoutProof is the reason why an initial password alone may open a
	// link. Empty, as it should be: a second proof is needed.
	InitialWithoutProof string `json:"initial_without_proof,omitempty"`
	// InitialNeedsProof is set unless InitialWithoutProof gives a reason.
	InitialNeedsProof bool `json:"-"`
	// LockSource and InitialSource name the notices that Lock and InitialRules
	// come from, as Rule.Source does for a rule.
	LockSource    string `json:"lock_source,omitempty"`
	InitialSource string `json:"initial_source,omitempty"`
	// Notes are what else the city's notices say, for operators.
	Notes []Remark `json:"notes,omitempty"`
	// Examples must hold, or the file is refused.
	Examples Examples `json:"examples,omitzero"`
}

// A Remark is something a notice says that no field can hold: where the initial
// password must be changed, how the letter X of an ID number is typed.
type Remark struct {
	Text   string `json:"text"`
	Source string `json:"source"`
}

// Examples are invented passwords that the policy takes and refuses from a
// person of whom nothing is known. They show what the rules amount to, and a
// file whose rules say otherwise is not loaded.
type Examples struct {
	Accepted []string `json:"accepted,omitempty"`
	Refused  []string `json:"refused,omitempty"`
}

// A Rule is one demand on a new password. Text is the Chinese sentence the
// citizen reads, before as a hint and after as the reason of a refusal.
type Rule struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Check  Check  `json:"check"`
	Source string `json:"source"` // notice and date, standard and clause
	// Legacy admits that the rule is weaker than NIST SP 800-63B-4 allows, and
	// Reason says why the city keeps it.
	Legacy bool   `json:"legacy,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// A Check is the part of a rule that a front end can run while the citizen
// types. Exactly one field is set.
type Check struct {
	MinLength int `json:"min_length,omitempty"` // code points after NFC
	MaxLength int `json:"max_length,omitempty"` // code points after NFC
	// Require lists classes of which the password needs a character each:
	// "lower", "upper", "letter" and "digit" are ASCII, "symbol" is any other
	// printable ASCII character but the blank.
	Require []string `json:"require,omitempty"`
	// Charset is what the password may consist of, written like the inside of a
	// regular expression's brackets: "A-Za-z0-9". ASCII only, no escapes.
	Charset string `json:"charset,omitempty"`
	NoSpace bool   `json:"no_space,omitempty"`
	// Server marks what only the server can check.
	Server bool `json:"server,omitempty"`
}

// A PublicRule is what a front end is told of a rule.
type PublicRule struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Check Check  `json:"check"`
}

//go:embed policies/*.json
var builtin embed.FS

// Default returns the policy for a centre without rules of its own: 8 to 64
// code points of any printable characters, no composition rule.
func Default() *Policy {
	p, err := Builtin("default")
	if err != nil {
		panic(err)
	}
	return p
}

// Builtins returns the names of the embedded policies, sorted: "default", the
// shape "classic-6-12" and cities, whose notices must be read again before use.
func Builtins() []string {
	entries, err := builtin.ReadDir("policies")
	if err != nil {
		panic(err) // they are embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".json")
	}
	slices.Sort(names)
	return names
}

// Builtin returns the embedded policy that Builtins names. Error: ErrPolicy for
// any other name.
func Builtin(name string) (*Policy, error) {
	data, err := BuiltinFile(name)
	if err != nil {
		return nil, err
	}
	return ParsePolicy(data)
}

// BuiltinFile returns the file of an embedded policy, to be copied and adapted.
// Error: ErrPolicy for a name that Builtins does not return.
func BuiltinFile(name string) ([]byte, error) {
	data, err := builtin.ReadFile("policies/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not a built-in policy", ErrPolicy, name)
	}
	return data, nil
}

// LoadPolicy reads a policy file. Errors: ErrPolicy with everything that is
// wrong in it, or the error of reading it.
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

// Public returns the rules as GET /v1/password shows them: the city's, then
// those that are checked everywhere.
func (p *Policy) Public() []PublicRule {
	var public []PublicRule
	for _, r := range p.Rules {
		public = append(public, PublicRule{r.ID, r.Text, r.Check})
	}
	for _, r := range always {
		public = append(public, PublicRule{r.ID, r.Text, r.Check})
	}
	public = append(public, PublicRule{sameRule, "新密码不能与原密码相同", Check{Server: true}})
	if p.History > 0 {
		text := fmt.Sprintf("新密码不能与最近%d次用过的密码相同", p.History)
		public = append(public, PublicRule{historyRule, text, Check{Server: true}})
	}
	return public
}

// bounds returns the shortest and the longest password allowed, in code points.
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
