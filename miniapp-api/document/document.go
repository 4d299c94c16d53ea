// Package document reads the names and document numbers citizens and fund
// centres write, and brings every spelling of one of them to one form. It is
// pure: no clock, no network, no database.
//
// Two spellings of one number must meet, or a guess counter could be dodged by
// writing x for X; two different people must never meet. Where a spelling is
// not known to be harmless it is therefore an error.
package document

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of this package. None of them carries the value that was refused.
var (
	ErrType   = errors.New("document: unknown document type")
	ErrNumber = errors.New("document: not a number of this document type")
	ErrName   = errors.New("document: not a name")
)

// maxNumberBytes bounds the work on what a caller sends, before any look at it.
const maxNumberBytes = 256

// A Document is an identity document in its normal form: half width, upper
// case, no blanks, a 15-digit citizen number as its 18-digit successor.
type Document struct {
	Type   string // ZJLX code of JGJ/T 320, see Types
	Number string // ZJHM
}

// Parse reads a document number as a citizen or a centre writes it. Blanks are
// dropped, full-width characters folded, letters raised; anything else that
// does not belong to the type, invisible characters above all, is refused.
// Errors: ErrType, ErrNumber.
func Parse(idType, number string) (Document, error) {
	t, ok := typeOf(idType)
	if !ok {
		return Document{}, ErrType
	}
	cleaned, ok := clean(number)
	if !ok {
		return Document{}, ErrNumber
	}
	n, ok := t.normal(cleaned)
	if !ok {
		return Document{}, ErrNumber
	}
	return Document{Type: t.Code, Number: n}, nil
}

// Birthday returns the YYYYMMDD that the number itself states, or "" for the
// document types that state none.
func (d Document) Birthday() string {
	if (d.Type == Citizen || d.Type == PermanentResident) && len(d.Number) == 18 && plausibleDate(d.Number[6:14]) {
		return d.Number[6:14]
	}
	return ""
}

// Key returns the bytes that stand for the holder in a blind index: equal for
// all spellings and reissues of one document, different for different people.
func (d Document) Key() []byte {
	number := d.Number
	if t, ok := typeOf(d.Type); ok && t.holder != nil {
		number = t.holder(number)
	}
	return []byte(d.Type + ":" + number)
}

// clean drops blanks, folds full-width ASCII and raises letters.
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

// halfWidth folds the full-width forms U+FF01 to U+FF5E that Chinese keyboards
// produce to the ASCII characters they show.
func halfWidth(r rune) rune {
	if '！' <= r && r <= '～' {
		return r - '！' + '!'
	}
	return r
}
