package passwd

import (
	"slices"
	"strings"
)

// shareLength is how many characters in a row may not be shared with a number
// of the owner. Four, because initial passwords and bank habits are made of the
// last four. Of eight random digits one or two in a hundred are refused for it.
const shareLength = 4

// shares reports whether two strings have shareLength characters in a row in
// common. Both are folded and bare.
func shares(password, number string) bool {
	for i := 0; i+shareLength <= len(number); i++ {
		if strings.Contains(password, number[i:i+shareLength]) {
			return true
		}
	}
	return false
}

func containsID(q question) bool {
	return shares(q.numbers, alphanumericOf(fold(q.IDNumber)))
}

func containsAccount(q question) bool {
	return shares(q.numbers, alphanumericOf(fold(q.AccountNo)))
}

// containsPhone looks at the last eleven digits, leaving out a country code.
func containsPhone(q question) bool {
	digits := digitsOf(fold(q.Phone))
	return shares(q.numbers, digits[max(0, len(digits)-11):])
}

func containsBirthday(q question) bool {
	return slices.ContainsFunc(birthdayForms(q.Subject), func(form string) bool {
		return strings.Contains(q.numbers, form)
	})
}

// birthdayForms returns the ways to write the birthday of s without
// separators: year first, day first, without leading zeros, without the year.
func birthdayForms(s Subject) []string {
	date := birthday(s)
	if date == "" {
		return nil
	}
	y, m, d := date[:4], date[4:6], date[6:]
	m1, d1 := strings.TrimPrefix(m, "0"), strings.TrimPrefix(d, "0")
	return longEnough(shareLength, m+d, d+m+y, d1+m1+y, m1+d1+y, y+m1+d1, y+d+m, y[2:]+m1+d1, d+m+y[2:])
}

// birthday reads YYYYMMDD from a GB 11643 number: a citizen's, or the 2023 form
// of a foreigner's. Other documents state none.
func birthday(s Subject) string {
	if len(s.IDNumber) != 18 || digitsOf(s.IDNumber[:17]) != s.IDNumber[:17] {
		return ""
	}
	return s.IDNumber[6:14]
}
