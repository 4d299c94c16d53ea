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
const dots = "\u00b7\u2022\u2027\u2219\u22c5\u25cf\u2e31\u2e33\u30fb\uff65\ua78f\u02d9" +
	"\u1427\u16eb\u2218\u25aa\u25e6\u26ab\u2981\u2b24\u2e30\u318d\ufe45\U00010101"

// stops become a middle dot in a Chinese name, where they have no other use,
// and stay a full stop in others: J. F. SMITH.
const stops = "\uff0e\ufe52\u2024\u3002\uff61\u06d4"

// hyphens are the dashes that become a hyphen, and in a Chinese name a middle dot.
const hyphens = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"

// chineseSigns is for a name with Chinese characters: it has no blanks, and one
// separator, whatever a system or a keyboard wrote there. No two names differ in that.
var chineseSigns = strings.NewReplacer(" ", "", ".", "·", "--", "·", "-", "·", "_", "·", ",", "·", "、", "·", "*", "·")

// closeDots takes the blanks from around a middle dot.
var closeDots = strings.NewReplacer(" · ", "·", " ·", "·", "· ", "·")

// Name returns the one form in which names are compared: NFC, one kind of
// middle dot, half width. A Chinese name has no blanks; any other has single
// ones and capitals, as passports print it.
//
// Characters are folded only where all of them show the same thing. It is not
// NFKC: that would make ① a 1 and ㈱ a 株. Rare characters are kept, also those
// outside the BMP and the private ones centres made for themselves; the
// private ones of GBK, which have characters of their own now, become those.
// A missing dot stays missing: nobody knows which of two names without it is
// meant. Invisible characters are refused, because they make two equal-looking
// names differ. Error: ErrName.
func Name(s string) (string, error) {
	if len(s) > 8*maxNameRunes || !utf8.ValidString(s) || strings.ContainsFunc(s, controls) {
		return "", ErrName
	}
	s = strings.Map(unify, norm.NFC.String(s))
	if strings.ContainsFunc(s, han) {
		s = chineseSigns.Replace(s)
	}
	s = strings.Join(strings.Fields(s), " ")
	s = closeDots.Replace(s)
	s = norm.NFC.String(strings.ToUpper(s))
	if !wellFormed(s) {
		return "", ErrName
	}
	return s, nil
}

// unify folds one character to the form names keep.
func unify(r rune) rune {
	switch {
	case '\u4e00' <= r && r <= '\u9fff': // nearly every character of nearly every name
		return r
	case unicode.IsSpace(r):
		return ' '
	case strings.ContainsRune(dots, r):
		return '·'
	case strings.ContainsRune(stops, r):
		return '.'
	case strings.ContainsRune("\u2018\u2019\u02bc\uff07", r):
		return '\''
	case strings.ContainsRune(hyphens, r):
		return '-'
	case r == '\u25cb' || r == '\u25ef': // circles, where an input method or a code page has no 〇
		return '〇'
	case r == '\u1e9e': // the capital of ß, which capitals are not made with
		return 'ß'
	case '\u2f00' <= r && r <= '\u2fd5': // Kangxi radicals, as copied from PDF files
		radical, _ := utf8.DecodeRuneInString(norm.NFKC.String(string(r)))
		return radical
	case gbkPrivateFirst <= r && int(r-gbkPrivateFirst) < len(gbkPrivate):
		return gbkPrivate[r-gbkPrivateFirst]
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
