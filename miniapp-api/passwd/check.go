package passwd

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Broken is a rule that a password breaks. Message is the text of the rule; it contains
// neither the password nor data of its owner.
type Broken struct {
	Rule    string `json:"rule"`
	Code    string `json:"code"` // stable, upper snake case
	Message string `json:"message"`
}

// Check returns the rules that a new password of s breaks, the city's first, or nil. It
// does not check earlier passwords, which the store knows. A password that is too long to
// examine, or is not UTF-8, breaks only that rule.
func (p *Policy) Check(candidate Secret, s Subject) []Broken {
	raw := candidate.Reveal()
	if _, longest := p.bounds(); len(raw) > longest*maxBytes/hardMax {
		return p.tooLong()
	}
	if !utf8.ValidString(raw) {
		return []Broken{fixedRules[0].broken()}
	}
	forms := newNormalForms(candidate)
	var broken []Broken
	for _, r := range p.Rules {
		broken = append(broken, r.check(forms)...)
	}
	for _, r := range fixedRules {
		if r.refuses(checkInput{forms, s, p}) {
			broken = append(broken, r.broken())
		}
	}
	return broken
}

func (p *Policy) tooLong() []Broken {
	for _, r := range p.Rules {
		if r.Check.MaxLength > 0 {
			return []Broken{{r.ID, "TOO_LONG", r.Text}}
		}
	}
	return []Broken{{"max-length", "TOO_LONG", "密码太长"}}
}

// normalForms are the forms of a candidate that the rules need.
type normalForms struct {
	candidate Secret
	runes     []rune // NFC
	folded    string // NFKC, lower case
	bare      string // the letters and digits of folded
	numbers   string // bare without 年月日, so that the digits of a date are adjacent
}

func newNormalForms(candidate Secret) normalForms {
	l := normalForms{candidate: candidate, runes: []rune(candidate.Normalised())}
	l.folded = fold(string(l.runes))
	l.bare = bare(l.folded)
	l.numbers = strings.NewReplacer("年", "", "月", "", "日", "").Replace(l.bare)
	return l
}

// fold makes strings that look alike equal: it removes differences of width,
// compatibility forms and case.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

// bare removes the separators that people use in dates and numbers.
func bare(s string) string {
	return keep(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

func keep(s string, ok func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if ok(r) {
			return r
		}
		return -1
	}, s)
}

func digitsOf(s string) string { return keep(s, isDigit) }

func alphanumericOf(s string) string {
	return keep(s, func(r rune) bool { return isDigit(r) || isLower(r) })
}

// check returns what the candidate breaks of a city's rule.
func (r Rule) check(l normalForms) []Broken {
	broken := func(code string, is bool) []Broken {
		if !is {
			return nil
		}
		return []Broken{{r.ID, code, r.Text}}
	}
	switch c := r.Check; {
	case c.MinLength > 0:
		return broken("TOO_SHORT", len(l.runes) < c.MinLength)
	case c.MaxLength > 0:
		return broken("TOO_LONG", len(l.runes) > c.MaxLength)
	case c.Charset != "":
		return broken("BAD_CHARACTER", !inCharset(c.Charset, l.runes))
	case c.NoSpace:
		return broken("HAS_SPACE", slices.ContainsFunc(l.runes, unicode.IsSpace))
	}
	var missing []Broken
	for _, name := range r.Check.Require {
		if c, _ := classOf(name); !slices.ContainsFunc(l.runes, c.has) {
			missing = append(missing, Broken{r.ID, c.code, c.message})
		}
	}
	return missing
}

// A class is a kind of character that a rule may require.
type class struct {
	name, code, message string
	has                 func(rune) bool
}

var classes = []class{
	{"lower", "MISSING_LOWER", "密码需要包含小写字母", isLower},
	{"upper", "MISSING_UPPER", "密码需要包含大写字母", isUpper},
	{"letter", "MISSING_LETTER", "密码需要包含字母", func(r rune) bool { return isLower(r) || isUpper(r) }},
	{"digit", "MISSING_DIGIT", "密码需要包含数字", isDigit},
	{"symbol", "MISSING_SYMBOL", "密码需要包含特殊符号", isSymbol},
}

func classOf(name string) (class, bool) {
	i := slices.IndexFunc(classes, func(c class) bool { return c.name == name })
	if i < 0 {
		return class{}, false
	}
	return classes[i], true
}

func isLower(r rune) bool { return 'a' <= r && r <= 'z' }
func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }
func isDigit(r rune) bool { return '0' <= r && r <= '9' }
func isSymbol(r rune) bool {
	return '!' <= r && r <= '~' && !isLower(r) && !isUpper(r) && !isDigit(r)
}

// parseCharset parses the inside of a bracket expression. It refuses characters that need
// an escape there, so that front ends can use the text unchanged.
func parseCharset(s string) (set [128]bool, err error) {
	if s == "" {
		return set, errors.New("charset: empty")
	}
	for i := 0; i < len(s); i++ {
		from := s[i]
		to := from
		if i+2 < len(s) && s[i+1] == '-' {
			to = s[i+2]
			i += 2
		}
		literal := from != '-' || to == from && i == len(s)-1
		if from < ' ' || to > '~' || from > to || !literal || strings.ContainsAny(string([]byte{from, to}), `\[]^`) {
			return set, errors.New(`charset: printable ASCII and ranges are allowed, no \ [ ] ^, a hyphen only at the end`)
		}
		for c := from; c <= to; c++ {
			set[c] = true
		}
	}
	return set, nil
}

func inCharset(charset string, runes []rune) bool {
	set, err := parseCharset(charset)
	return err == nil && !slices.ContainsFunc(runes, func(r rune) bool { return r >= 128 || !set[r] })
}
