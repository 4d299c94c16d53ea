package document

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxNameRunes is the length of XINGMING in JGJ/T 320, VARCHAR(120).
const maxNameRunes = 120

// dots are the characters used in place of the middle dot of 阿依古丽·买买提.
const dots = "\u00b7\u2022\u2027\u2219\u22c5\u25cf\u2e31\u2e33\u30fb\uff65\ua78f\u02d9" +
	"\u1427\u16eb\u2218\u25aa\u25e6\u26ab\u2981\u2b24\u2e30\u318d\ufe45\U00010101"

// stops become a middle dot in a Chinese name, where they have no other meaning, and a full
// stop in other names: J. F. SMITH.
const stops = "\uff0e\ufe52\u2024\u3002\uff61\u06d4"

// hyphens become a hyphen, or a middle dot in a Chinese name.
const hyphens = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"

// chineseSigns removes blanks from a Chinese name and replaces its separators by the middle
// dot. No two names differ only in these.
var chineseSigns = strings.NewReplacer(" ", "", ".", "·", "--", "·", "-", "·", "_", "·", ",", "·", "、", "·", "*", "·")

// closeDots removes the blanks around a middle dot.
var closeDots = strings.NewReplacer(" · ", "·", " ·", "·", "· ", "·")

// Name returns a name in the form in which names are compared: NFC, half width, and one kind of
// middle dot. A Chinese name has no blanks; any other name has single blanks and upper case, as
// in passports.
//
// Name folds only characters that look the same. It does not use NFKC, which would turn ① into
// 1 and ㈱ into 株. It keeps rare characters, including those outside the BMP and the private
// ones of a centre; GBK's private characters become their Unicode successors. It does not add a
// missing dot, since two names may differ in it. It rejects invisible characters, which make
// names differ that look the same. Its error is ErrName.
func Name(s string) (string, error) {
	if len(s) > 8*maxNameRunes || !utf8.ValidString(s) || strings.ContainsFunc(s, isControl) {
		return "", ErrName
	}
	s = strings.Map(foldRune, norm.NFC.String(s))
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

// foldRune folds one character to the form used in names.
func foldRune(r rune) rune {
	switch {
	case '\u4e00' <= r && r <= '\u9fff': // fast path for most characters
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
	case r == '\u25cb' || r == '\u25ef': // circles typed in place of 〇
		return '〇'
	case r == '\u1e9e': // upper-case ß, which ToUpper does not produce
		return 'ß'
	case '\u2f00' <= r && r <= '\u2fd5': // Kangxi radicals, copied from PDF files
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
	return letterOfName(r) || unicode.IsMark(r) && !isInvisible(r) || digit(r) || strings.ContainsRune(" ·'-.,/", r)
}

func letterOfName(r rune) bool {
	return han(r) || unicode.IsLetter(r) && !isInvisible(r)
}

// han reports whether r is a Chinese character. It includes all of planes 2 and 3, which are
// reserved for ideographs, because names contain newer characters than Go's tables, and
// private-use characters, which GBK systems used before Unicode had a character.
func han(r rune) bool {
	return unicode.Is(unicode.Han, r) || 0x20000 <= r && r <= 0x3FFFD && r&0xFFFE != 0xFFFE || unicode.Is(unicode.Co, r)
}

// isControl reports whether r is a control character, a line end or a zero-width character.
func isControl(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// isInvisible reports whether r is a letter or mark without a glyph: a filler, joiner or
// variation selector.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
