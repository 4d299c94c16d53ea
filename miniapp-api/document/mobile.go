package document

import (
	"strings"
	"unicode"
)

// Mobile returns a mobile number in the form in which numbers are compared: half width, without
// blanks, hyphens, plus signs and the prefix 86 of an 11-digit number. It accepts any string
// and does not validate it.
func Mobile(number string) string {
	number = strings.Map(func(r rune) rune {
		if r = halfWidth(r); unicode.IsSpace(r) || r == '-' || r == '+' {
			return -1
		}
		return r
	}, number)
	for _, prefix := range []string{"86", "0086"} {
		if rest, ok := strings.CutPrefix(number, prefix); ok && len(rest) == 11 {
			return rest
		}
	}
	return number
}
