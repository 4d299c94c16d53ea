package passwd

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// common reports whether s is one of the words that passwords are commonly made
// of. A password is common when it is a word of the list, also with a few
// characters before or behind, doubled, or with look-alike digits for letters;
// with these the list stands for many millions of spellings. It serves the
// top-3000 list of OWASP ASVS 5.0, 6.2.4, without a query to anybody outside.
func common(s string) bool { return words().has(s) }

// lookAlikes are the digits and symbols that stand for letters. 1 is read both ways.
var lookAlikes = []*strings.Replacer{
	strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t"),
	strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "l", "!", "l", "0", "o", "$", "s", "5", "s", "7", "t"),
}

// What an attacker tries with every word: up to four digits and two symbols. A
// word of one or two letters is itself no more than an affix.
const (
	shortDigits  = 4
	shortSymbols = 2
	shortWord    = 3 // bytes: three letters, or one Chinese character
)

func isCommon(q question) bool {
	s := q.folded
	if n := len(s) / 2; n > 0 && s[:n] == s[n:] {
		s = s[:n]
	}
	return common(s) || common(q.folded) || isDate(s) || commonWord(s)
}

// commonWord looks for a word of the list between two affixes.
func commonWord(s string) bool {
	word, affix := core(s)
	if (common(word) || len(word) < shortWord) && weakAffix(affix, word) {
		return true
	}
	for _, r := range lookAlikes {
		if common(r.Replace(s)) {
			return true
		}
		body := strings.TrimRightFunc(s, notLetter)
		if common(r.Replace(body)) && weakAffix(s[len(body):], body) {
			return true
		}
	}
	return false
}

// core splits s into the letters in the middle and what stands round them.
func core(s string) (word, affix string) {
	word = strings.TrimFunc(s, notLetter)
	before, behind, _ := strings.Cut(s, word)
	return word, before + behind
}

// weakAffix reports whether digits and symbols round a word leave it guessable:
// few of them, or one of the favourite numbers, or a date.
func weakAffix(affix, word string) bool {
	digits := digitsOf(affix)
	if utf8.RuneCountInString(affix)-len(digits) > shortSymbols {
		return false
	}
	few := len(digits) <= shortDigits && len(word) >= shortWord
	return few || common(digits) || isDate(digits)
}

// isDate reports a day written YYYYMMDD or YYMMDD, or a month YYYYMM: a
// birthday, if not the owner's.
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
