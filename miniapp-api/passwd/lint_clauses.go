package passwd

import (
	"fmt"
	"slices"
	"strings"
)

// Findings that every policy meets, because the program ensures them.
var (
	alwaysNIST = []Finding{
		{Clause: "3.1.1.2", Text: "length counts code points after NFC; the complete password is verified"},
		{Clause: "3.1.1.2", Text: "new passwords are compared with a list of common and expected values, and the citizen reads the reason"},
		{Clause: "3.1.1.2", Text: "no periodic change, no hints, no questions: a policy cannot require them"},
	}
	alwaysASVS = []Finding{
		{Clause: "6.2.4", Text: "an offline list of more than 100,000 words, and their usual spellings, is refused"},
		{Clause: "6.2.8", Text: "passwords are verified as typed: no trimming, no change of case"},
		{Clause: "6.2.10", Text: "no periodic change: a policy cannot require it"},
		{Clause: "6.2.11", Text: "ID number, birthday, phone, account number, name, pinyin and the service's own words are refused"},
		{Clause: "6.4.2", Text: "no hints and no secret questions: a policy cannot require them"},
	}
)

func met(standard string, findings []Finding) []Finding {
	all := slices.Clone(findings)
	for i := range all {
		all[i].Standard, all[i].Level = standard, LevelMet
	}
	return all
}

func (s policySummary) nist() []Finding {
	return slices.Concat(
		s.length().forClauses(NIST, "3.1.1.2"), s.singleFactor().forClauses(NIST, "3.1.1.2"), s.maximumLength(LevelWarn).forClauses(NIST, "3.1.1.2"),
		s.composition().forClauses(NIST, "3.1.1.2"), s.characters().forClauses(NIST, "3.1.1.2"),
		met(NIST, alwaysNIST), s.attemptLimit().forClauses(NIST, "3.2.2"))
}

func (s policySummary) asvs() []Finding {
	return slices.Concat(
		s.lockDesign().forClauses(ASVS, "6.1.1"), s.contextList().forClauses(ASVS, "6.1.2"), s.length().forClauses(ASVS, "6.2.1"),
		s.composition().forClauses(ASVS, "6.2.5"), s.passwordManagers().forClauses(ASVS, "6.2.7"), s.maximumLength(LevelFail).forClauses(ASVS, "6.2.9"),
		met(ASVS, alwaysASVS), s.breached().forClauses(ASVS, "6.2.12"), s.attemptLimit().forClauses(ASVS, "6.3.1"),
		s.sharedInitial().forClauses(ASVS, "6.3.2"), s.singleFactor().forClauses(ASVS, "6.3.3"), s.initial().forClauses(ASVS, "6.4.1"))
}

// gbt grades GB/T 22239-2019, 8.1.4.1: a) complexity and change, b) failures and
// timeouts, c) confidentiality in transit, d) two techniques, one of them cryptographic.
func (s policySummary) gbt() []Finding {
	change := Finding{}.withLevel(LevelNote, "no periodic change: NIST SP 800-63B-4 forbids it", "show the assessor the forced change after a leak, a reset or an initial password")
	transit := Finding{}.withLevel(LevelNote, "TLS in front of the program protects passwords in transit", "")
	return slices.Concat(
		s.complexity().forClauses(GBT, "8.1.4.1 a)"), change.forClauses(GBT, "8.1.4.1 a)"), s.failures().forClauses(GBT, "8.1.4.1 b)"),
		transit.forClauses(GBT, "8.1.4.1 c)"), s.singleFactor().forClauses(GBT, "8.1.4.1 d)"))
}

func (s policySummary) length() Finding {
	n, f := s.shortest.Check.MinLength, findingFor(&s.shortest)
	switch {
	case n < nistMin:
		return f.withLevel(LevelFail, fmt.Sprintf("passwords of %d characters are allowed, %d is the least beside another factor", n, nistMin), fmt.Sprintf("set min_length to %d, better %d", nistMin, singleFactorMin))
	case n < singleFactorMin:
		return f.withLevel(LevelMet, fmt.Sprintf("at least %d characters, beside the Alipay identity; %d is advised", n, singleFactorMin), "")
	}
	return f.withLevel(LevelMet, fmt.Sprintf("at least %d characters", n), "")
}

// singleFactor grades whether the password is the only factor. A policy knows no channels; fundpass
// check names those that take the password alone.
func (s policySummary) singleFactor() Finding {
	if !s.InitialNeedsProof {
		return Finding{Declared: true}.withLevel(LevelFail, "an initial password opens a link without a second proof (reason given: "+s.InitialWithoutProof+")", "sign a contract for a proof of identity and remove initial_without_proof")
	}
	return Finding{}.withLevel(LevelMet, "the password is used with the Alipay identity, which is signed cryptographically", "")
}

// maximumLength grades the longest password, at the level that the standard requires.
func (s policySummary) maximumLength(level Level) Finding {
	if n := s.longest.Check.MaxLength; n < nistMax {
		return findingFor(&s.longest).withLevel(level, fmt.Sprintf("passwords of more than %d characters are refused", n), fmt.Sprintf("set max_length to %d or more", nistMax))
	}
	return findingFor(&s.longest).withLevel(LevelMet, fmt.Sprintf("up to %d characters", s.longest.Check.MaxLength), "")
}

func (s policySummary) composition() Finding {
	if s.compositionRule != nil {
		return findingFor(s.compositionRule).withLevel(LevelFail, "requires "+strings.Join(s.compositionRule.Check.Require, ", ")+": composition rules are forbidden", "remove the rule; length and the refused words replace it")
	}
	return Finding{}.withLevel(LevelMet, "no composition rule", "")
}

func (s policySummary) characters() Finding {
	for _, r := range []*Rule{s.charsetRule, s.spaceRule} {
		if r != nil {
			return findingFor(r).withLevel(LevelWarn, "refuses printable characters", "accept all of ASCII, the blank and Unicode")
		}
	}
	return Finding{}.withLevel(LevelMet, "every printable character is accepted", "")
}

// passwordManagers grades whether passwords that password managers generate are accepted.
func (s policySummary) passwordManagers() Finding {
	if s.charsetRule != nil || s.longest.Check.MaxLength < 16 {
		return Finding{}.withLevel(LevelWarn, "passwords made by a manager are refused: they have symbols or 16 and more characters", "widen charset and max_length")
	}
	return Finding{}.withLevel(LevelMet, "passwords made by a manager are accepted; the page must allow pasting", "")
}

func (s policySummary) attemptLimit() Finding {
	if s.attempts == 0 || s.attempts > maxAttempts || s.Lock.Tiers[len(s.Lock.Tiers)-1].Lock != "reset" {
		return Finding{}.withLevel(LevelFail, "the number of attempts is unlimited", fmt.Sprintf("end with a round that locks until reset, after %d attempts at most", maxAttempts))
	}
	if n := s.shortest.Check.MinLength; s.charsetRule != nil && s.charsetRule.Check.Charset == "0-9" && s.attempts > 20 {
		return Finding{}.withLevel(LevelWarn, fmt.Sprintf("%d attempts at %d digits", s.attempts, n), "allow 20 at most")
	}
	return Finding{}.withLevel(LevelMet, fmt.Sprintf("%d attempts in a row, then only a proven reset", s.attempts), "")
}

func (s policySummary) lockDesign() Finding {
	if len(s.Lock.Tiers) == 1 {
		return Finding{}.withLevel(LevelWarn, "the first round already locks until reset: a stranger can make citizens go to the counter", "put rounds with a duration before it")
	}
	if s.LockSource == "" {
		return Finding{}.withLevel(LevelNote, "the lock is documented without its source", `name the notice in "lock_source"`)
	}
	return Finding{}.withLevel(LevelMet, "the lock is documented with its source; the owner's attempts are counted separately from strangers'", "")
}

func (s policySummary) contextList() Finding {
	if len(s.Words) == 0 {
		return Finding{}.withLevel(LevelNote, "no words of the city beside those refused everywhere", `put the city's name and the centre's short names in "words"`)
	}
	return Finding{}.withLevel(LevelMet, fmt.Sprintf("%d words of the city beside those refused everywhere", len(s.Words)), "")
}

func (s policySummary) breached() Finding {
	return Finding{}.withLevel(LevelNote, "no set of leaked passwords is queried: the list is generated by rules and works offline", "")
}

// sharedInitial grades initial passwords that are the same for everybody.
func (s policySummary) sharedInitial() Finding {
	for _, rule := range s.InitialRules {
		if constant(rule) {
			return s.initialFinding("one initial password is the same for everybody")
		}
	}
	return Finding{}.withLevel(LevelMet, "no initial password is the same for everybody", "")
}

func (s policySummary) initial() Finding {
	if len(s.InitialRules) == 0 {
		return Finding{}.withLevel(LevelMet, "no initial password can be derived", "")
	}
	return s.initialFinding("initial passwords can be derived (" + strings.Join(s.InitialRules, ", ") + ")")
}

// initialFinding grades a weak initial password by what a link requires in addition.
func (s policySummary) initialFinding(what string) Finding {
	const mend = "hand out random initial passwords that expire"
	if !s.InitialNeedsProof {
		return Finding{Declared: true}.withLevel(LevelFail, what+" and are sufficient for a link", mend)
	}
	return Finding{}.withLevel(LevelWarn, what+"; they require a second proof and must be changed at once", mend)
}

// complexity grades what assessors require: 8 characters of three kinds.
func (s policySummary) complexity() Finding {
	const assessed = 3
	n := s.shortest.Check.MinLength
	switch {
	case n < nistMin:
		return findingFor(&s.shortest).withLevel(LevelFail, fmt.Sprintf("%d characters are not complex", n), fmt.Sprintf("set min_length to %d", nistMin))
	case s.charsetRule != nil && s.charsetRule.Check.Charset == "0-9":
		return findingFor(s.charsetRule).withLevel(LevelFail, "digits alone are not complex", "widen charset")
	case s.classes < assessed:
		return findingFor(s.compositionRule).withLevel(LevelWarn, fmt.Sprintf("%d kinds of characters are required, an assessor may require %d", s.classes, assessed), "show the length and the refused words, or declare a composition rule")
	}
	return findingFor(s.compositionRule).withLevel(LevelMet, fmt.Sprintf("%d characters of %d kinds", n, s.classes), "")
}

func (s policySummary) failures() Finding {
	const prompt = 10
	if len(s.Lock.Tiers) == 0 || s.Lock.Tiers[0].Attempts > prompt {
		return Finding{}.withLevel(LevelWarn, fmt.Sprintf("the first lock comes after more than %d failures", prompt), "lock after 3 to 5")
	}
	return Finding{}.withLevel(LevelMet, fmt.Sprintf("the first lock comes after %d failures", s.Lock.Tiers[0].Attempts), "")
}
