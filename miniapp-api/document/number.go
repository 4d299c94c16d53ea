package document

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// regions are the valid first two digits of a citizen number (GB/T 2260). 81, 82 and 83 are
// residence permits of Hong Kong, Macao and Taiwan residents, which have GB 11643 numbers, too.
// 99 is not assigned: the people of demo and tests have it, so they are never real.
const regions = " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 99 "

// citizen checks a GB 11643 number, of 18 characters or in its 15-digit form (region, YYMMDD of
// the 20th century, sequence), and returns it with 18.
func citizen(s string) (string, Reason) {
	if len(s) == 15 && digits(s) {
		s = s[:6] + "19" + s[6:]
		s += CheckDigit(s)
	}
	return s, gb11643(s, func(region string) bool { return strings.Contains(regions, " "+region+" ") })
}

// residencePermit checks a permit of Hong Kong, Macao and Taiwan residents, which always has 18
// characters.
func residencePermit(s string) (string, Reason) {
	return s, gb11643(s, isResidence)
}

// household accepts the citizen number only, because the register's own number identifies a
// family.
func household(s string) (string, Reason) {
	return s, gb11643(s, func(region string) bool {
		return strings.Contains(regions, " "+region+" ") && !isResidence(region)
	})
}

// gb11643 checks 18 characters: form, region, birthday, check digit.
func gb11643(s string, region func(string) bool) Reason {
	switch {
	case !only(s, func(r rune) bool { return digit(r) || r == 'X' }):
		return WrongCharacters
	case len(s) != 18:
		return WrongLength
	case !digits(s[:17]):
		return WrongCharacters
	case !region(s[:2]):
		return WrongRegion
	case !plausibleDate(s[6:14]):
		return WrongDate
	case s[17:] != CheckDigit(s[:17]):
		return WrongCheck
	}
	return ""
}

// permanentResident accepts both cards in use: three letters of the country and twelve digits,
// and since December 2023 a GB 11643 number that begins with 9. The structure of the twelve
// digits is not published, so they are not checked.
func permanentResident(s string) (string, Reason) {
	switch {
	case !only(s, alphanumeric):
		return "", WrongCharacters
	case len(s) != 15 && len(s) != 18:
		return "", WrongLength
	case len(s) == 15 && (!only(s[:3], letter) || !digits(s[3:])):
		return "", WrongForm
	case len(s) == 15:
		return s, ""
	case s[0] != '9':
		return "", WrongForm
	}
	return s, gb11643(s, func(string) bool { return true })
}

// hongKongMacao checks a home return permit: H or M, eight digits that never change and, on
// cards before 2013, two that count the reissues.
func hongKongMacao(s string) (string, Reason) {
	switch {
	case !only(s, alphanumeric):
		return "", WrongCharacters
	case len(s) != 9 && len(s) != 11:
		return "", WrongLength
	case s[0] != 'H' && s[0] != 'M' || !digits(s[1:]):
		return "", WrongForm
	}
	return s, ""
}

func hongKongMacaoHolder(number string) string { return number[:min(len(number), 9)] }

// taiwanNumber matches eight digits that never change; on booklets from 1992 two digits that
// count the issues follow and, until 2006 or 2008, the issuing office in brackets. Source: the
// announcement of the exit-entry administration of 2008-09-11 on 一人一号，终身不变.
var taiwanNumber = regexp.MustCompile(`^([0-9]{8})([0-9]{2})?$|^([0-9]{10})\(?([A-Z0-9])\)?$`)

// taiwan checks a mainland travel permit and removes the brackets.
func taiwan(s string) (string, Reason) {
	plain := strings.NewReplacer("(", "", ")", "").Replace(s)
	switch n := len(plain); {
	case !only(plain, alphanumeric):
		return "", WrongCharacters
	case n != 8 && n != 10 && n != 11:
		return "", WrongLength
	case !taiwanNumber.MatchString(s) || strings.Count(s, "(") != strings.Count(s, ")"):
		return "", WrongForm
	}
	return plain, ""
}

func taiwanHolder(number string) string { return number[:min(len(number), 8)] }

// passport checks little, because every country has its own form (China's begin with E, G, D, S
// or P) and ICAO 9303 only requires letters and digits.
func passport(s string) (string, Reason) {
	switch {
	case !only(s, alphanumeric):
		return "", WrongCharacters
	case len(s) < 5 || len(s) > 17:
		return "", WrongLength
	case count(s, digit) < 3:
		return "", WrongForm
	}
	return s, ""
}

// militaryNumber matches the variants of 军字第1234567号.
var militaryNumber = regexp.MustCompile(`^(\p{Han}{1,6}?)字?第?([0-9]{4,12})号?$`)

// military accepts an issuing body in Chinese characters followed by a number. It returns a
// recognised variant in the printed form.
func military(s string) (string, Reason) {
	n := utf8.RuneCountInString(s)
	switch {
	case !only(s, func(r rune) bool { return alphanumeric(r) || unicode.Is(unicode.Han, r) }):
		return "", WrongCharacters
	case n < 6 || n > 18:
		return "", WrongLength
	case count(s, digit) < 4:
		return "", WrongForm
	}
	m := militaryNumber.FindStringSubmatch(s)
	if m == nil || strings.ContainsAny(m[1], "字第号") {
		return s, ""
	}
	return m[1] + "字第" + m[2] + "号", ""
}

// militaryHolder removes the characters that people leave out.
func militaryHolder(number string) string {
	return strings.NewReplacer("字", "", "第", "", "号", "").Replace(number)
}

func other(s string) (string, Reason) {
	n := utf8.RuneCountInString(s)
	switch {
	case !only(s, func(r rune) bool {
		return alphanumeric(r) || unicode.Is(unicode.Han, r) || strings.ContainsRune("-/()", r)
	}):
		return "", WrongCharacters
	case n < 4 || n > 30:
		return "", WrongLength
	case count(s, digit) < 3:
		return "", WrongForm
	}
	return s, ""
}

// CheckDigit returns the last character of a citizen number (GB 11643, ISO 7064 MOD 11-2) for
// the 17 digits before it.
func CheckDigit(digits string) string {
	sum := 0
	for i := range len(digits) {
		sum = 2 * (sum + int(digits[i]-'0'))
	}
	return "10X98765432"[sum%11:][:1]
}

// plausibleDate accepts the calendar days of the years 1900 to 2099. ParseOn also compares with
// the current date.
func plausibleDate(s string) bool {
	t, err := time.Parse("20060102", s)
	return err == nil && 1900 <= t.Year() && t.Year() <= 2099
}

func digit(r rune) bool        { return '0' <= r && r <= '9' }
func letter(r rune) bool       { return 'A' <= r && r <= 'Z' }
func alphanumeric(r rune) bool { return digit(r) || letter(r) }

func digits(s string) bool { return only(s, digit) }

func only(s string, ok func(rune) bool) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

func count(s string, is func(rune) bool) (n int) {
	for _, r := range s {
		if is(r) {
			n++
		}
	}
	return n
}
