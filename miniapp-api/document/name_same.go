package document

import (
	"slices"
	"strings"
)

// SameName reports whether a citizen gave the name on record, for a document of kind k. The
// names must be equal in the form of Name, including every dot, accent and character. An
// invalid name equals none.
//
// The order of names on passports and permanent residents' cards varies: SMITH, ANNA MARIA is
// ANNA MARIA SMITH, and the machine-readable lines have a blank for a hyphen. For these kinds
// two names are the same if their words are equal after moving words from the front to the end.
// MARIA JOSE and JOSE MARIA are then the same name; the document number distinguishes them.
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

// words splits a name in normal form at the separators of machine-readable lines.
func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ,/-", r) })
}

// rotated reports whether moving some words from the front of a to its end yields b.
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
