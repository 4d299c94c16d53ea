package document

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxNameRunes is XINGMING of JGJ/T 320, VARCHAR(120).
const maxNameRunes = 120

// dots are the characters met in the place of the middle dot of 阿依古丽·买买提.
const dots = "\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65\uff0e\ufe52\u2024\u02d9"

// Name returns the one form in which names are compared: NFC, one kind of
// middle dot, half width. A Chinese name has no blanks; any other has single
// ones and capitals, as passports print it. Rare characters are kept, also
// those outside the BMP and the private ones older systems used. Invisible
// characters are refused, because they make two equal-looking names differ.
// Error: ErrName.
func Name(s string) (string, error) {
	if len(s) > 8*maxNameRunes || !utf8.ValidString(s) || strings.ContainsFunc(s, controls) {
		return "", ErrName
	}
	s = strings.Map(unify, norm.NFC.String(s))
	if strings.ContainsFunc(s, han) {
		s = strings.ReplaceAll(strings.ReplaceAll(s, " ", ""), ".", "·")
	}
	s = strings.Join(strings.Fields(s), " ")
	s = strings.NewReplacer(" · ", "·", " ·", "·", "· ", "·").Replace(s)
	s = norm.NFC.String(strings.ToUpper(s))
	if !wellFormed(s) {
		return "", ErrName
	}
	return s, nil
}

// unify folds one character to the form names keep.
func unify(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case strings.ContainsRune(dots, r):
		return '·'
	case strings.ContainsRune("\u2018\u2019\uff07", r):
		return '\''
	case strings.ContainsRune("\u2010\u2011\uff0d", r):
		return '-'
	}
	return halfWidth(r)
}

func wellFormed(s string) bool {
	return utf8.RuneCountInString(s) <= maxNameRunes && strings.ContainsFunc(s, letterOfName) && only(s, ofName) &&
		!strings.HasPrefix(s, "·") && !strings.HasSuffix(s, "·") && !strings.Contains(s, "··")
}

func ofName(r rune) bool {
	return letterOfName(r) || unicode.IsMark(r) && !invisible(r) || digit(r) || strings.ContainsRune(" ·'-.,/", r)
}

func letterOfName(r rune) bool {
	return han(r) || unicode.IsLetter(r) && !invisible(r)
}

// han also takes all of planes 2 and 3, which are set aside for ideographs:
// newer ones than this program's tables occur in names. Private use characters
// are what GBK systems wrote where Unicode had none yet.
func han(r rune) bool {
	return unicode.Is(unicode.Han, r) || 0x20000 <= r && r <= 0x3FFFD && r&0xFFFE != 0xFFFE || unicode.Is(unicode.Co, r)
}

// controls reports what only steers the display, line ends and zero-width
// characters among it.
func controls(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// invisible reports the letters and marks that show nothing: fillers, joiners
// and variation selectors.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
