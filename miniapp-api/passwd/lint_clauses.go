package passwd

import (
	"fmt"
	"slices"
	"strings"
)

// What the program does whatever a policy says, so that every policy meets it.
var (
	alwaysNIST = []Finding{
		{Clause: "3.1.1.2", Text: "length counts code points after NFC; the whole password is verified, nothing is cut"},
		{Clause: "3.1.1.2", Text: "new passwords are compared with a list of common and expected values, and the reason is told"},
		{Clause: "3.1.1.2", Text: "no periodic change, no hints, no questions: a policy cannot ask for them"},
	}
	alwaysASVS = []Finding{
		{Clause: "6.2.4", Text: "an offline list of more than 100,000 words, and their usual spellings, is refused"},
		{Clause: "6.2.8", Text: "passwords are verified as typed: no trimming, no change of case"},
		{Clause: "6.2.10", Text: "no periodic change: a policy cannot ask for it"},
		{Clause: "6.2.11", Text: "ID number, birthday, phone, account number, name, pinyin and the service's own words are refused"},
		{Clause: "6.4.2", Text: "no hints and no secret questions: a policy cannot ask for them"},
	}
)

func met(standard string, findings []Finding) []Finding {
	all := slices.Clone(findings)
	for i := range all {
		all[i].Standard, all[i].Level = standard, LevelMet
	}
	return all
}

func (s shape) nist() []Finding {
	return slices.Concat(
		s.length().at(NIST, "3.1.1.2"), s.alone().at(NIST, "3.1.1.2"), s.room(LevelWarn).at(NIST, "3.1.1.2"),
		s.composition().at(NIST, "3.1.1.2"), s.characters().at(NIST, "3.1.1.2"),
		met(NIST, alwaysNIST), s.attemptLimit().at(NIST, "3.2.2"))
}

func (s shape) asvs() []Finding {
	return slices.Concat(
		s.design().at(ASVS, "6.1.1"), s.contextList().at(ASVS, "6.1.2"), s.length().at(ASVS, "6.2.1"),
		s.composition().at(ASVS, "6.2.5"), s.managers().at(ASVS, "6.2.7"), s.room(LevelFail).at(ASVS, "6.2.9"),
		met(ASVS, alwaysASVS), s.breached().at(ASVS, "6.2.12"), s.attemptLimit().at(ASVS, "6.3.1"),
		s.defaults().at(ASVS, "6.3.2"), s.alone().at(ASVS, "6.3.3"), s.initial().at(ASVS, "6.4.1"))
}

// gbt is GB/T 22239-2019, 8.1.4.1: a) complexity and change, b) failures and
// time limits, c) secrecy on the way, d) two techniques, one cryptographic.
func (s shape) gbt() []Finding {
	change := Finding{}.as(LevelNote, "no periodic change: NIST SP 800-63B-4 forbids it", "show the assessor the forced change after a leak, a reset or an initial password")
	transit := Finding{}.as(LevelNote, "secrecy on the way is TLS's, in front of the program", "")
	return slices.Concat(
		s.complexity().at(GBT, "8.1.4.1 a)"), change.at(GBT, "8.1.4.1 a)"), s.failures().at(GBT, "8.1.4.1 b)"),
		transit.at(GBT, "8.1.4.1 c)"), s.alone().at(GBT, "8.1.4.1 d)"))
}

func (s shape) length() Finding {
	n, f := s.shortest.Check.MinLength, of(&s.shortest)
	switch {
	case n < nistMin:
		return f.as(LevelFail, fmt.Sprintf("passwords of %d characters are allowed, %d is the least beside another factor", n, nistMin), fmt.Sprintf("set min_length to %d, better %d", nistMin, singleFactorMin))
	case n < singleFactorMin:
		return f.as(LevelMet, fmt.Sprintf("at least %d characters, beside the Alipay identity; %d is advised", n, singleFactorMin), "")
	}
	return f.as(LevelMet, fmt.Sprintf("at least %d characters", n), "")
}

// alone is about whether the password is the only factor. The policy knows no channels; fundpass
// check says which of them take the password alone.
func (s shape) alone() Finding {
	if !s.InitialNeedsProof {
		return Finding{Declared: true}.as(LevelFail, "an initial password opens a link without a second proof (reason given: "+s.InitialWithoutProof+")", "contract a proof of identity and take initial_without_proof out")
	}
	return Finding{}.as(LevelMet, "the password stands beside the Alipay identity, signed cryptographically", "")
}

// room grades the longest password; the standards differ in how strictly.
func (s shape) room(level Level) Finding {
	if n := s.longest.Check.MaxLength; n < nistMax {
		return of(&s.longest).as(level, fmt.Sprintf("passwords of more than %d characters are refused", n), fmt.Sprintf("set max_length to %d or more", nistMax))
	}
	return of(&s.longest).as(LevelMet, fmt.Sprintf("up to %d characters", s.longest.Check.MaxLength), "")
}

func (s shape) composition() Finding {
	if s.composed != nil {
		return of(s.composed).as(LevelFail, "requires "+strings.Join(s.composed.Check.Require, ", ")+": composition rules are forbidden", "take the rule out; length and the refused words do its work")
	}
	return Finding{}.as(LevelMet, "no composition rule", "")
}

func (s shape) characters() Finding {
	for _, r := range []*Rule{s.narrow, s.blank} {
		if r != nil {
			return of(r).as(LevelWarn, "refuses printable characters", "accept all of ASCII, the blank and Unicode")
		}
	}
	return Finding{}.as(LevelMet, "every printable character is accepted", "")
}

// managers is about the passwords that password managers make.
func (s shape) managers() Finding {
	if s.narrow != nil || s.longest.Check.MaxLength < 16 {
		return Finding{}.as(LevelWarn, "passwords made by a manager are refused: they have symbols or 16 and more characters", "widen charset and max_length")
	}
	return Finding{}.as(LevelMet, "passwords made by a manager are accepted; the page must allow pasting", "")
}

func (s shape) attemptLimit() Finding {
	if s.attempts == 0 || s.attempts > maxAttempts || s.Lock.Tiers[len(s.Lock.Tiers)-1].Lock != "reset" {
		return Finding{}.as(LevelFail, "guessing never ends", fmt.Sprintf("end with a round that locks until reset, after %d attempts at most", maxAttempts))
	}
	if n := s.shortest.Check.MinLength; s.narrow != nil && s.narrow.Check.Charset == "0-9" && s.attempts > 20 {
		return Finding{}.as(LevelWarn, fmt.Sprintf("%d attempts at %d digits", s.attempts, n), "allow 20 at most")
	}
	return Finding{}.as(LevelMet, fmt.Sprintf("%d attempts in a row, then only a proven reset", s.attempts), "")
}

func (s shape) design() Finding {
	if len(s.Lock.Tiers) == 1 {
		return Finding{}.as(LevelWarn, "the first round already locks until reset: a stranger may bring everybody to the counter", "put rounds with a time before it")
	}
	if s.LockSource == "" {
		return Finding{}.as(LevelNote, "the lock is written down, without where it comes from", `name the notice in "lock_source"`)
	}
	return Finding{}.as(LevelMet, "the lock is written down with its source; the owner's attempts are counted apart from strangers'", "")
}

func (s shape) contextList() Finding {
	if len(s.Words) == 0 {
		return Finding{}.as(LevelNote, "no words of the city beside those refused everywhere", `put the city's name and the centre's short names in "words"`)
	}
	return Finding{}.as(LevelMet, fmt.Sprintf("%d words of the city beside those refused everywhere", len(s.Words)), "")
}

func (s shape) breached() Finding {
	return Finding{}.as(LevelNote, "no set of leaked passwords is asked: the list is made by rules and works offline", "")
}

// defaults are initial passwords that are the same for everybody.
func (s shape) defaults() Finding {
	for _, rule := range s.InitialRules {
		if constant(rule) {
			return s.initialFinding("one initial password is the same for everybody")
		}
	}
	return Finding{}.as(LevelMet, "no initial password is the same for everybody", "")
}

func (s shape) initial() Finding {
	if len(s.InitialRules) == 0 {
		return Finding{}.as(LevelMet, "no initial password can be derived", "")
	}
	return s.initialFinding("initial passwords can be derived (" + strings.Join(s.InitialRules, ", ") + ")")
}

// initialFinding grades a weak initial password by what else a link needs.
func (s shape) initialFinding(what string) Finding {
	const mend = "hand out random initial passwords that expire"
	if !s.InitialNeedsProof {
		return Finding{Declared: true}.as(LevelFail, what+" and open a link alone", mend)
	}
	return Finding{}.as(LevelWarn, what+"; they count only beside a second proof and must be changed at once", mend)
}

// complexity is what assessors ask: 8 characters of three kinds.
func (s shape) complexity() Finding {
	const assessed = 3
	n := s.shortest.Check.MinLength
	switch {
	case n < nistMin:
		return of(&s.shortest).as(LevelFail, fmt.Sprintf("%d characters are no complexity", n), fmt.Sprintf("set min_length to %d", nistMin))
	case s.narrow != nil && s.narrow.Check.Charset == "0-9":
		return of(s.narrow).as(LevelFail, "digits alone are no complexity", "widen charset")
	case s.classes < assessed:
		return of(s.composed).as(LevelWarn, fmt.Sprintf("%d kinds of characters are required, an assessor may ask for %d", s.classes, assessed), "show the length and the refused words, or declare a composition rule")
	}
	return of(s.composed).as(LevelMet, fmt.Sprintf("%d characters of %d kinds", n, s.classes), "")
}

func (s shape) failures() Finding {
	const prompt = 10
	if len(s.Lock.Tiers) == 0 || s.Lock.Tiers[0].Attempts > prompt {
		return Finding{}.as(LevelWarn, fmt.Sprintf("the first lock comes after more than %d failures", prompt), "lock after 3 to 5")
	}
	return Finding{}.as(LevelMet, fmt.Sprintf("the first lock comes after %d failures", s.Lock.Tiers[0].Attempts), "")
}
