package document

import (
	"slices"
	"strings"
)

// SameName reports whether a citizen gave the name on record, for a document of
// kind k. The names are equal in the form of Name, and nothing less: no dot, no
// accent and no character may be missing. What is no name is nobody's.
//
// On passports and permanent residents' cards a name has no order that people
// keep: SMITH, ANNA MARIA is ANNA MARIA SMITH, and the machine-readable lines
// show a blank for a hyphen. There both are one name if the words are the same
// and stand in the same order once the surname is moved from one end to the
// other. MARIA JOSE and JOSE MARIA cannot be told apart then; the document's
// number does.
func SameName(record, given string, k Kind) bool {
	a, err := Name(record)
	if err != nil {
		return false
	}
	b, err := Name(given)
	if err != nil {
		return false
	}
	if a == b {
		return true
	}
	foreign := k == PassportBook || k == PermanentCard
	return foreign && latin(a) && latin(b) && rotated(words(a), words(b))
}

func latin(name string) bool { return !strings.ContainsFunc(name, han) }

// words splits a name in normal form as the machine-readable lines do.
func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ,/-", r) })
}

// rotated reports whether b is a with some words moved from its front to its end.
func rotated(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if slices.Equal(a[i:], b[:len(a)-i]) && slices.Equal(a[:i], b[len(a)-i:]) {
			return true
		}
	}
	return false
}
