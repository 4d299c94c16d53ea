package testenv

import (
	"regexp"
	"strings"
)

var digits = regexp.MustCompile(`^[0-9]{1,8}$`)

// Holds reports whether text contains secret. A secret of up to 8 digits must be a separate
// number in text, because the digits of a time or an amount may contain it by chance.
func Holds(text, secret string) bool {
	if !digits.MatchString(secret) {
		return strings.Contains(text, secret)
	}
	return regexp.MustCompile(`(^|[^0-9.])` + secret + `($|[^0-9])`).MatchString(text)
}
