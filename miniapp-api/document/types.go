package document

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ZJLX codes. 01 to 04 and 99 are JGJ/T 320; 20 is met at centres.
const (
	Citizen           = "01"
	Military          = "02"
	Passport          = "03"
	PermanentResident = "04"
	HongKongMacao     = "20"
	Other             = "99"
)

// A Type is one kind of identity document.
type Type struct {
	Code string `json:"code"` // ZJLX
	Name string `json:"name"` // Chinese, ready to show

	normal func(cleaned string) (number string, ok bool)
	holder func(number string) string // nil: the whole number names the holder
}

// types is the code list as data; a centre's own code is one more line.
var types = []Type{
	{Citizen, "居民身份证", citizen, nil},
	{Military, "军官证", military, militaryHolder},
	{Passport, "护照", passport, nil},
	{PermanentResident, "外国人永久居留身份证", permanentResident, nil},
	{HongKongMacao, "港澳居民来往内地通行证", hongKongMacao, hongKongMacaoHolder},
	{Other, "其他证件", other, nil},
}

// Types returns the known document types in the order to show them.
func Types() []Type { return append([]Type(nil), types...) }

func typeOf(code string) (Type, bool) {
	for _, t := range types {
		if t.Code == code {
			return t, true
		}
	}
	return Type{}, false
}

// regions are the first two digits of a citizen number, GB/T 2260. 81, 82 and
// 83 are residence permits of Hong Kong, Macao and Taiwan residents, which are
// GB 11643 numbers too. 99 belongs to nobody: demo and tests make their people
// there, so that they can never be a real person.
const regions = " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 99 "

// citizen checks a GB 11643 number, 18 characters or its 15-digit predecessor
// (region, YYMMDD of the 20th century, sequence), and returns 18.
func citizen(s string) (string, bool) {
	if len(s) == 15 && digits(s) {
		s = s[:6] + "19" + s[6:]
		s += string(checkDigit(s))
	}
	if !checked(s) || !strings.Contains(regions, " "+s[:2]+" ") || !plausibleDate(s[6:14]) {
		return "", false
	}
	return s, true
}

// permanentResident checks both cards in use: three letters and twelve digits,
// and since December 2023 a GB 11643 number that begins with 9.
func permanentResident(s string) (string, bool) {
	if len(s) == 15 {
		return s, only(s[:3], letter) && digits(s[3:])
	}
	return s, checked(s) && s[0] == '9'
}

// hongKongMacao checks a home return permit: H or M, eight digits for life
// and, on cards before 2013, two that count the reissues.
func hongKongMacao(s string) (string, bool) {
	ok := (len(s) == 9 || len(s) == 11) && (s[0] == 'H' || s[0] == 'M') && digits(s[1:])
	return s, ok
}

func hongKongMacaoHolder(number string) string { return number[:min(len(number), 9)] }

// passport is loose: every country has its own form, ICAO 9303 allows letters
// and digits only.
func passport(s string) (string, bool) {
	return s, 5 <= len(s) && len(s) <= 17 && only(s, alphanumeric) && count(s, digit) >= 3
}

// military is loose: an issuing body in Chinese characters and a number, as in
// 军字第1234567号.
func military(s string) (string, bool) {
	n := utf8.RuneCountInString(s)
	ok := only(s, func(r rune) bool { return alphanumeric(r) || unicode.Is(unicode.Han, r) })
	return s, ok && 6 <= n && n <= 18 && count(s, digit) >= 4
}

// militaryHolder leaves out the characters that carry nothing, because people do too.
func militaryHolder(number string) string {
	return strings.NewReplacer("字", "", "第", "", "号", "").Replace(number)
}

func other(s string) (string, bool) {
	n := utf8.RuneCountInString(s)
	ok := only(s, func(r rune) bool {
		return alphanumeric(r) || unicode.Is(unicode.Han, r) || strings.ContainsRune("-/()", r)
	})
	return s, ok && 4 <= n && n <= 30 && count(s, digit) >= 3
}

// checked reports whether s has the form and the check digit of GB 11643.
func checked(s string) bool {
	return len(s) == 18 && digits(s[:17]) && s[17] == checkDigit(s)
}

// checkDigit computes the 18th character of GB 11643 (ISO 7064 MOD 11-2) from
// the first 17 digits.
func checkDigit(s string) byte {
	sum := 0
	for i, w := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	return "10X98765432"[sum%11]
}

// plausibleDate accepts real calendar days of 1900 to 2099. It knows no today:
// this package has no clock.
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
