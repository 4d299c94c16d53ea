package document

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// RecordName is Name for a name in a centre's records, for the holder of a document of kind k.
// It also rejects names that no such document states: they are typing or encoding errors, and
// their owners could never prove their identity. Its error wraps ErrName, in most cases with
// the reason.
func RecordName(s string, k Kind) (string, error) {
	name, err := Name(s)
	if err != nil {
		return "", err
	}
	if reason := recordProblem(name, s, k); reason != "" {
		return "", fmt.Errorf("%w: %s", ErrName, reason)
	}
	return name, nil
}

// recordProblem returns what is wrong with a name in normal form, or "". s is the name as
// written.
func recordProblem(name, s string, k Kind) string {
	first, _ := utf8.DecodeRuneInString(name)
	inHan, inLatin := strings.ContainsFunc(name, han), strings.ContainsFunc(name, latinLetter)
	chinese := k.statesChineseName()
	switch {
	case unicode.IsMark(first):
		return "begins with a combining mark; is the encoding right?"
	case strings.ContainsFunc(name, digit):
		return "contains a digit"
	case chinese && strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) && !han(r) && !latinLetter(r) }):
		return "neither Chinese characters nor Latin letters; is the encoding right?"
	case inHan && inLatin && (chinese || hasAdjacentScripts(s)):
		return "Chinese characters and Latin letters are mixed"
	case inHan && chinese && !only(name, func(r rune) bool { return han(r) || r == '·' }):
		return "contains a sign that no Chinese name has"
	}
	return ""
}

// statesChineseName reports whether Chinese authorities issue the document to Chinese citizens,
// whose names are in Chinese characters, rarely in Latin letters, and never in both. It is
// false for "".
func (k Kind) statesChineseName() bool {
	switch k {
	case CitizenCard, ResidencePermit, OfficerCard, SoldierCard, HongKongMacaoPermit, TaiwanPermit, HouseholdRegister:
		return true
	}
	return false
}

func latinLetter(r rune) bool { return unicode.Is(unicode.Latin, r) }

// hasAdjacentScripts reports whether a Chinese character is next to a Latin letter. Records that state a
// name in both scripts separate them.
func hasAdjacentScripts(s string) bool {
	wasHan, wasLatin := false, false
	for _, r := range norm.NFC.String(s) {
		r = foldRune(r)
		isHan, isLatin := han(r), latinLetter(r)
		if wasHan && isLatin || wasLatin && isHan {
			return true
		}
		wasHan, wasLatin = isHan, isLatin
	}
	return false
}
