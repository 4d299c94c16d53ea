// Package document reads the names and document numbers citizens and fund
// centres write, and brings every spelling of one of them to one form. It is
// pure: no clock, no network, no database.
//
// Two spellings of one number must meet, or a lockout counter could be dodged by
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
	Type   string // the centre's code, ZJLX
	Kind   Kind   // what that code means; a residence permit filed as an ID card is a ResidencePermit
	Number string // ZJHM
}

// Birthday returns the YYYYMMDD that the number itself states, or "" for the
// document types that state none.
func (d Document) Birthday() string {
	switch d.Kind {
	case CitizenCard, ResidencePermit, HouseholdRegister, PermanentCard:
		if len(d.Number) == 18 {
			return d.Number[6:14]
		}
	}
	return ""
}

// Key returns the bytes that stand for the holder in a blind index.
//
// It is equal for all spellings and reissues of one document, and for one kind
// under several of a centre's codes. A citizen number gives "01:" and its 18
// characters, whatever the code and whether an ID card, a residence permit or a
// household register states it: they are one series. Kinds that are not one
// series never meet; neither do two codes of OtherPaper, nobody knows what they
// are. What it cannot promise is one person for two documents, nor two people
// for one passport number that two countries gave out.
//
// No release changes the key of a number that an earlier one took: databases
// hold digests of it.
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

// Certdoc returns the ZJLX code of JGJ/T 320 under which Alipay's certdoc
// compares the document, whatever the centre's own code is; "" where it
// compares none: then the counter, or face verification, has to do.
func (d Document) Certdoc() string { return kinds[d.Kind].certdoc }

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

// AccountNo returns an account number as rosters have it: half width, without blanks. It
// takes any string; letters stay as they are.
func AccountNo(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return halfWidth(r)
	}, s)
}

// halfWidth folds the full-width forms U+FF01 to U+FF5E that Chinese keyboards
// produce to the ASCII characters they show.
func halfWidth(r rune) rune {
	if '！' <= r && r <= '～' {
		return r - '！' + '!'
	}
	return r
}
