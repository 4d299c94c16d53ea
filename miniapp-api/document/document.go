// Package document parses names and document numbers as citizens and fund centres write them
// and normalises their spellings. It uses no clock, network or database.
//
// All spellings of one number must normalise to the same form; otherwise x instead of X would
// evade a lockout counter. Numbers of two people must never normalise to the same form. A
// spelling that is not known to be harmless is therefore an error.
package document

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The errors of this package. None contains the rejected value.
var (
	ErrType   = errors.New("document: unknown document type")
	ErrNumber = errors.New("document: not a number of this document type")
	ErrName   = errors.New("document: not a name")
)

// maxNumberBytes bounds the input before it is processed.
const maxNumberBytes = 256

// A Document is an identity document in normal form: half width, upper case, no blanks, and a
// 15-digit citizen number as its 18-digit successor.
type Document struct {
	Type   string // the centre's code (ZJLX)
	Kind   Kind   // the meaning of the code, but ResidencePermit for a permit filed as an ID card
	Number string // the number (ZJHM)
}

// Birthday returns the date in the number as YYYYMMDD, or "" for a document type whose numbers
// contain none.
func (d Document) Birthday() string {
	switch d.Kind {
	case CitizenCard, ResidencePermit, HouseholdRegister, PermanentCard:
		if len(d.Number) == 18 {
			return d.Number[6:14]
		}
	}
	return ""
}

// Key returns the bytes that identify the holder in a blind index.
//
// Keys are equal for all spellings and reissues of one document, and for all of a centre's
// codes of one kind. A citizen number yields "01:" and its 18 characters, whether an ID card, a
// residence permit or a household register states it. Kinds with separate number series never
// share a key, and neither do two codes of OtherPaper, whose meaning is unknown. Two documents
// of one person have different keys, and two people share one if two countries issued the same
// passport number.
//
// The key of a valid number must not change in a later release, because databases store digests
// of it.
func (d Document) Key() []byte {
	r, number := kinds[d.Kind], d.Number
	if r.holder != nil {
		number = r.holder(number)
	}
	prefix := r.prefix
	if d.Kind == OtherPaper && d.Type != Other {
		prefix += "." + d.Type
	}
	return []byte(prefix + ":" + number)
}

// Certdoc returns the ZJLX code of JGJ/T 320 for which Alipay's certdoc compares the document,
// whatever the centre's own code is, or "" if it does not compare this kind.
func (d Document) Certdoc() string { return kinds[d.Kind].certdoc }

// clean removes blanks, folds full-width ASCII and converts letters to upper case. It returns
// false for text that is too long or invalid UTF-8.
func clean(s string) (string, bool) {
	if len(s) > maxNumberBytes || !utf8.ValidString(s) {
		return "", false
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		if r = halfWidth(r); 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, s), true
}

// AccountNo returns an account number in the form of rosters: half width, without blanks. It
// accepts any string and does not change letters' case.
func AccountNo(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return halfWidth(r)
	}, s)
}

// halfWidth folds the full-width forms U+FF01 to U+FF5E, which Chinese keyboards produce, to
// ASCII.
func halfWidth(r rune) rune {
	if '！' <= r && r <= '～' {
		return r - '！' + '!'
	}
	return r
}
