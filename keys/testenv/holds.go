package testenv

import (
	"regexp"
	"strings"
)

var digits = regexp.MustCompile(`^[0-9]{1,8}$`)

// Holds reports whether text shows secret. A secret of up to eight digits counts only as
// a number of its own: digits of a time or of an amount may be the same by chance.
func Holds(text, secret string) bool {
	if !digits.MatchString(secret) {
		return strings.Contains(text, secret)
	}
	return regexp.MustCompile(`(^|[^0-9.])` + secret + `($|[^0-9])`).MatchString(text)
}
