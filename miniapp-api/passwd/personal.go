package passwd

import (
	"slices"
	"strings"
)

// shareLength is how many characters in a row a password may not share with a number of
// the owner. It is four, because initial passwords and bank PINs use the last four. It
// refuses one or two in a hundred passwords of eight random digits.
const shareLength = 4

// shares reports whether two strings have shareLength characters in a row in common. Both
// must be folded and bare.
func shares(password, number string) bool {
	for i := 0; i+shareLength <= len(number); i++ {
		if strings.Contains(password, number[i:i+shareLength]) {
			return true
		}
	}
	return false
}

func containsID(q checkInput) bool {
	return shares(q.numbers, alphanumericOf(fold(q.IDNumber)))
}

func containsAccount(q checkInput) bool {
	return shares(q.numbers, alphanumericOf(fold(q.AccountNo)))
}

// containsPhone uses the last eleven digits, without a country code.
func containsPhone(q checkInput) bool {
	digits := digitsOf(fold(q.Phone))
	return shares(q.numbers, digits[max(0, len(digits)-11):])
}

func containsBirthday(q checkInput) bool {
	return slices.ContainsFunc(birthdayForms(q.Subject), func(form string) bool {
		return strings.Contains(q.numbers, form)
	})
}

// birthdayForms returns the ways to write the birthday of s without separators: year
// first, day first, without leading zeros, without the year.
func birthdayForms(s Subject) []string {
	date := birthday(s)
	if date == "" {
		return nil
	}
	y, m, d := date[:4], date[4:6], date[6:]
	m1, d1 := strings.TrimPrefix(m, "0"), strings.TrimPrefix(d, "0")
	return longEnough(shareLength, m+d, d+m+y, d1+m1+y, m1+d1+y, y+m1+d1, y+d+m, y[2:]+m1+d1, d+m+y[2:])
}

// birthday returns the YYYYMMDD in a GB 11643 number, a citizen's or the 2023 form of a
// foreigner's. Other documents contain none.
func birthday(s Subject) string {
	if len(s.IDNumber) != 18 || digitsOf(s.IDNumber[:17]) != s.IDNumber[:17] {
		return ""
	}
	return s.IDNumber[6:14]
}
