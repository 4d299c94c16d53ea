package passwd

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds for finding a name in a password.
const (
	// longName is the length from which a romanised name is refused anywhere. Shorter names
	// (lina, wuyi) occur in ordinary words (carolina), so they must be a whole run of letters.
	longName = 6
	// Initials, a surname alone or a single given syllable are refused only if they are all the
	// letters of the password, except extraLetters from minLettersForExtra on, and if there are at
	// most maxOthers other characters, such as a date. So wxm with 19870609 is refused, and a long
	// passphrase is not refused for one or two letters.
	extraLetters       = 1
	minLettersForExtra = 3
	maxOthers          = 10
)

func containsName(q checkInput) bool {
	for _, form := range nameForms(q.Name) {
		if strings.Contains(q.bare, form) {
			return true
		}
	}
	names := romanised(q.Name)
	if len(names) == 0 {
		return false
	}
	l := newLetters(q.folded)
	return slices.ContainsFunc(names, l.has)
}

// nameForms returns the written forms of a name that a password may not contain: the
// complete name, a Chinese given name of two or more characters, and each longer part of
// any other name.
func nameForms(name string) []string {
	folded := fold(name)
	whole := bare(folded)
	if !strings.ContainsFunc(whole, isHan) {
		return longEnough(shareLength, strings.FieldsFunc(folded, notLetter)...)
	}
	forms := []string{whole}
	for _, n := range surnameLengths(whole) {
		forms = append(forms, string([]rune(whole)[n:]))
	}
	return longEnough(2, forms...)
}

// A syllable is the possible spellings of one character of a name, or of one part of a
// name in Latin letters.
type syllable []string

func (s syllable) begins(text string) bool {
	return slices.ContainsFunc(s, func(spelling string) bool { return strings.HasPrefix(text, spelling) })
}

// A romanisedName is a sequence of syllables. A weak one is refused only if it is all the
// letters of the password.
type romanisedName struct {
	syllables []syllable
	weak      bool
}

// romanised returns the usual romanisations of a name: in full, given name first, the
// given name or the surname alone, initials, and mixtures such as wangxm and xiaomingw,
// with every reading of every character.
func romanised(name string) []romanisedName {
	folded := fold(name)
	if !strings.ContainsFunc(folded, isHan) {
		return latin(folded)
	}
	var names []romanisedName
	if parts := strings.FieldsFunc(folded, notLetter); len(parts) > 1 { // 阿依古丽·买买提
		for _, part := range parts {
			names = append(names, romanisedName{syllables: readings(part)})
		}
	}
	whole := readings(bare(folded))
	for _, n := range surnameLengths(bare(folded)) {
		names = append(names, arrangements(whole[:n], whole[n:])...)
	}
	return names
}

func arrangements(surname, given []syllable) []romanisedName {
	s, g := initials(surname), initials(given)
	names := []romanisedName{
		{slices.Concat(surname, given), false},
		{slices.Concat(given, surname), false},
		{surname, true},
		{slices.Concat(s, g), true},
		{slices.Concat(g, s), true},
		{slices.Concat(surname, g), true},
		{slices.Concat(g, surname), true},
		{slices.Concat(given, s), true},
		{slices.Concat(s, given), true},
	}
	return append(names, romanisedName{given, len(given) == 1})
}

// latin returns the forms of a name in Latin letters: the parts in both orders, and
// initials. nameForms has the longer single parts.
func latin(folded string) []romanisedName {
	var parts []syllable
	for _, part := range strings.FieldsFunc(withoutMarks(folded), notLetter) {
		parts = append(parts, syllable{part})
	}
	if len(parts) == 0 {
		return nil
	}
	backwards := slices.Clone(parts)
	slices.Reverse(backwards)
	names := []romanisedName{{parts, false}, {backwards, false}}
	for _, part := range parts {
		names = append(names, romanisedName{[]syllable{part}, utf8.RuneCountInString(part[0]) < shareLength})
	}
	return append(names, romanisedName{initials(parts), true}, romanisedName{initials(backwards), true})
}

func initials(syllables []syllable) []syllable {
	first := make([]syllable, len(syllables))
	for i, s := range syllables {
		for _, spelling := range s {
			_, n := utf8.DecodeRuneInString(spelling)
			if initial := spelling[:n]; !slices.Contains(first[i], initial) {
				first[i] = append(first[i], initial)
			}
		}
	}
	return first
}

// letters are the letters of a password without marks, and the ends of the runs of
// letters.
type letters struct {
	text   string
	edges  map[int]bool
	others int // characters that are not letters
}

func newLetters(folded string) letters {
	l := letters{edges: map[int]bool{0: true}}
	var b strings.Builder
	for _, r := range withoutMarks(folded) {
		if unicode.IsLetter(r) {
			b.WriteRune(r)
			continue
		}
		l.others++
		l.edges[b.Len()] = true
	}
	l.text = b.String()
	l.edges[len(l.text)] = true
	return l
}

// withoutMarks removes tone marks and accents: wáng becomes wang, josé becomes jose.
func withoutMarks(s string) string {
	return keep(norm.NFD.String(s), func(r rune) bool { return !unicode.Is(unicode.Mn, r) })
}

func (l letters) has(n romanisedName) bool {
	for at := range len(l.text) {
		if len(n.syllables) == 0 || !n.syllables[0].begins(l.text[at:]) {
			continue // the usual case, without allocation
		}
		for _, end := range endPositions(l.text, at, n.syllables) {
			whole := l.others <= maxOthers && len(l.text)-(end-at) <= allowedExtra(end-at)
			inside := end-at >= longName || end-at >= shareLength && l.edges[at] && l.edges[end]
			if whole || inside && !n.weak {
				return true
			}
		}
	}
	return false
}

func allowedExtra(length int) int {
	if length < minLettersForExtra {
		return 0
	}
	return extraLetters
}

// endPositions returns the sorted positions at which a name that begins at a position of
// the text may end. It advances by syllable over the set of positions reached, so that
// the number of combinations of readings does not matter.
func endPositions(text string, at int, syllables []syllable) []int {
	places := []int{at}
	for _, s := range syllables {
		var next []int
		for _, place := range places {
			for _, spelling := range s {
				if strings.HasPrefix(text[place:], spelling) {
					next = append(next, place+len(spelling))
				}
			}
		}
		slices.Sort(next)
		if places = slices.Compact(next); len(places) == 0 {
			return nil
		}
	}
	if places[len(places)-1] == at { // a name without letters
		return nil
	}
	return places
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

func longEnough(least int, forms ...string) []string {
	return slices.DeleteFunc(forms, func(form string) bool { return utf8.RuneCountInString(form) < least })
}
