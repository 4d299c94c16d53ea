package document

import (
	"strings"
	"unicode"
)

// Mobile returns the one form in which mobile numbers are compared: half width, without
// blanks, hyphens and China's prefix, which records and Alipay write or leave out at
// will. A mobile number there has 11 digits. It takes any string and says nothing of
// whether it is a number.
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
