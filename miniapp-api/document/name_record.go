package document

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// RecordName is Name for the name that a centre's records hold of the holder of a
// document of kind k. It also refuses what Name takes and no document states: such
// a record is a mistake, of a keyboard or of an encoding, and its owner could never
// prove to be that person. Error: ErrName, in most cases with the reason.
func RecordName(s string, k Kind) (string, error) {
	name, err := Name(s)
	if err != nil {
		return "", err
	}
	if reason := misrecorded(name, s, k); reason != "" {
		return "", fmt.Errorf("%w: %s", ErrName, reason)
	}
	return name, nil
}

// misrecorded says what is wrong with a name in normal form; s is how it was written.
func misrecorded(name, s string, k Kind) string {
	first, _ := utf8.DecodeRuneInString(name)
	inHan, inLatin := strings.ContainsFunc(name, han), strings.ContainsFunc(name, latinLetter)
	chinese := k.statesChineseName()
	switch {
	case unicode.IsMark(first):
		return "begins with a combining mark; is the encoding right?"
	case strings.ContainsFunc(name, digit):
		return "it holds a digit"
	case chinese && strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) && !han(r) && !latinLetter(r) }):
		return "neither Chinese characters nor Latin letters; is the encoding right?"
	case inHan && inLatin && (chinese || touching(s)):
		return "Chinese characters and Latin letters are mixed"
	case inHan && chinese && !only(name, func(r rune) bool { return han(r) || r == '·' }):
		return "it holds a sign that no Chinese name has"
	}
	return ""
}

// statesChineseName reports whether the document is made out by a Chinese
// authority to a Chinese citizen, whose name is in Chinese characters, rarely in
// Latin letters, and never in both. "" is not.
func (k Kind) statesChineseName() bool {
	switch k {
	case CitizenCard, ResidencePermit, OfficerCard, SoldierCard, HongKongMacaoPermit, TaiwanPermit, HouseholdRegister:
		return true
	}
	return false
}

func latinLetter(r rune) bool { return unicode.Is(unicode.Latin, r) }

// touching reports whether a Chinese character and a Latin letter stand side by
// side: a record that states a name in both scripts keeps them apart.
func touching(s string) bool {
	wasHan, wasLatin := false, false
	for _, r := range norm.NFC.String(s) {
		r = unify(r)
		isHan, isLatin := han(r), latinLetter(r)
		if wasHan && isLatin || wasLatin && isHan {
			return true
		}
		wasHan, wasLatin = isHan, isLatin
	}
	return false
}
