package passwd

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// isCommonWord reports whether s is in the list of words that passwords are commonly made
// of. A password is common if it is such a word, also with a few characters before or
// after, doubled, or with look-alike digits for letters, so that the list covers many
// millions of spellings. It replaces the top-3000 list of OWASP ASVS 5.0, 6.2.4, without
// a query to another service.
func isCommonWord(s string) bool { return words().has(s) }

// lookAlikes replace the digits and symbols that stand for letters. 1 and ! may stand for
// i or l.
var lookAlikes = []*strings.Replacer{
	strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t"),
	strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "l", "!", "l", "0", "o", "$", "s", "5", "s", "7", "t"),
}

// Attackers add up to four digits and two symbols to every word. A word of one or two letters
// counts as part of the affix.
const (
	shortDigits  = 4
	shortSymbols = 2
	shortWord    = 3 // bytes: three letters, or one Chinese character
)

func isCommon(q checkInput) bool {
	s := q.folded
	if n := len(s) / 2; n > 0 && s[:n] == s[n:] {
		s = s[:n]
	}
	return isCommonWord(s) || isCommonWord(q.folded) || isDate(s) || hasCommonWord(s)
}

// hasCommonWord reports whether s is a common word between affixes.
func hasCommonWord(s string) bool {
	word, affix := core(s)
	if (isCommonWord(word) || len(word) < shortWord) && weakAffix(affix, word) {
		return true
	}
	for _, r := range lookAlikes {
		if isCommonWord(r.Replace(s)) {
			return true
		}
		body := strings.TrimRightFunc(s, notLetter)
		if isCommonWord(r.Replace(body)) && weakAffix(s[len(body):], body) {
			return true
		}
	}
	return false
}

// core splits s into the part from the first to the last letter, and what surrounds it.
func core(s string) (word, affix string) {
	word = strings.TrimFunc(s, notLetter)
	before, behind, _ := strings.Cut(s, word)
	return word, before + behind
}

// weakAffix reports whether the digits and symbols around a word leave it guessable: they
// are few, or a common number, or a date.
func weakAffix(affix, word string) bool {
	digits := digitsOf(affix)
	if utf8.RuneCountInString(affix)-len(digits) > shortSymbols {
		return false
	}
	few := len(digits) <= shortDigits && len(word) >= shortWord
	return few || isCommonWord(digits) || isDate(digits)
}

// isDate reports whether s is a day written YYYYMMDD or YYMMDD, or a month written
// YYYYMM. It may be the birthday of a relative.
func isDate(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsDigit(r) }) {
		return false
	}
	for _, layout := range []string{"20060102", "060102", "200601"} {
		t, err := time.Parse(layout, s)
		if err == nil && 1900 <= t.Year() && t.Year() < 2100 {
			return true
		}
	}
	return false
}
