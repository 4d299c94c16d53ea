package document

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// number returns a citizen number of the unassigned region 990101.
func number(birthday string, sequence int) string {
	s := fmt.Sprintf("990101%s%03d", birthday, sequence)
	return s + CheckDigit(s)
}

// numberX returns a citizen number that ends in X.
func numberX(birthday string) string {
	for i := 0; ; i++ {
		if s := number(birthday, i); strings.HasSuffix(s, "X") {
			return s
		}
	}
}

func TestCheckDigit(t *testing.T) {
	t.Parallel()
	// The examples printed in GB 11643-1999.
	for body, want := range map[string]string{"11010519491231002": "X", "44052418800101001": "4"} {
		if got := CheckDigit(body); got != want {
			t.Errorf("CheckDigit(%s) = %s, want %s", body, got, want)
		}
	}
	// The weights printed there, too.
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringMatching(`[0-9]{17}`).Draw(t, "body")
		sum := 0
		for i, weight := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
			sum += int(body[i]-'0') * weight
		}
		if got := CheckDigit(body); got != "10X98765432"[sum%11:][:1] {
			t.Errorf("CheckDigit(%s) = %s", body, got)
		}
	})
}

func TestSpellingsShareOneKey(t *testing.T) {
	t.Parallel()
	x := numberX("19900307")
	full := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || r == 'X' {
			return r - '!' + '！'
		}
		return r
	}, x)
	lower := strings.ToLower(x)
	between := func(sep string) string { return x[:6] + sep + x[6:14] + sep + x[14:] }
	spellings := []string{
		x, lower, full, strings.ReplaceAll(full, "Ｘ", "ｘ"), full[:9] + x[3:], x[:17] + "Ｘ", x[:17] + "ｘ",
		" " + x, x + " ", x + "\n", x + "\r\n", "\t" + x, between(" "), between("  "), between("\u3000"), between("\u00a0"),
		between("\u2009"), between("\u202f"), strings.Join(strings.Split(x, ""), " "), strings.Join(strings.Split(full, ""), "\u3000"),
		"\u3000" + lower + "\u00a0", x[:6] + x[8:17], " " + x[:6] + " " + x[8:17] + " ",
	}
	if len(spellings) < 20 {
		t.Fatalf("only %d spellings", len(spellings))
	}
	for _, s := range spellings {
		d, err := Parse("01", s)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
			continue
		}
		if want := (Document{"01", CitizenCard, x}); d != want || string(d.Key()) != "01:"+x {
			t.Errorf("Parse(%q) = %v, key %s", s, d, d.Key())
		}
	}
}

func TestUnknownSpellingsAreErrors(t *testing.T) {
	t.Parallel()
	x := numberX("19900307")
	for name, s := range map[string]string{
		"empty":               "",
		"blanks":              " \u3000",
		"zero width space":    x[:6] + "\u200b" + x[6:],
		"zero width joiner":   x[:6] + "\u200d" + x[6:],
		"byte order mark":     "\ufeff" + x,
		"word joiner":         x + "\u2060",
		"right to left":       "\u202e" + x,
		"NUL":                 x + "\x00",
		"invalid UTF-8":       x[:17] + "\xff",
		"Cyrillic Ha":         x[:17] + "\u0425",
		"Greek Chi":           x[:17] + "\u03a7",
		"Roman ten":           x[:17] + "\u2169",
		"multiplication sign": x[:17] + "×",
		"asterisk":            x[:17] + "*",
		"Arabic digits":       strings.ReplaceAll(x, "9", "\u0669"),
		"bold digits":         strings.ReplaceAll(x, "9", "\U0001d7d7"),
		"superscript":         strings.ReplaceAll(x, "1", "¹"),
		"hyphens":             x[:6] + "-" + x[6:14] + "-" + x[14:],
		"letter O":            strings.ReplaceAll(x, "0", "O"),
		"letter l":            strings.ReplaceAll(x, "1", "l"),
		"quote":               "'" + x,
		"17 digits":           x[:17],
		"14 digits":           x[:14],
		"19 digits":           x[:17] + "00",
		"two numbers":         x + x,
		"wrong check digit":   x[:17] + "0",
		"X inside":            x[:16] + "X" + x[17:],
		"15 with X":           x[:6] + x[8:16] + "X",
		"64 KiB":              strings.Repeat(" ", 64<<10) + x,
	} {
		if d, err := Parse("01", s); !errors.Is(err, ErrNumber) || d != (Document{}) {
			t.Errorf("%s: got %v, %v", name, d, err)
		}
	}
}

func TestCitizen(t *testing.T) {
	t.Parallel()
	region := func(code string) string {
		s := code + "0101" + "19900307" + "123"
		return s + CheckDigit(s)
	}
	for _, test := range []struct {
		name, number, birthday string
		ok                     bool
	}{
		{"ordinary", number("19900307", 12), "19900307", true},
		{"leap day", number("20000229", 1), "20000229", true},
		{"no leap day", number("19000229", 1), "", false},
		{"month 13", number("19901301", 1), "", false},
		{"day 0", number("19900300", 1), "", false},
		{"april 31", number("19900431", 1), "", false},
		{"18th century", number("17900307", 1), "", false},
		{"22nd century", number("21000307", 1), "", false},
		{"Hong Kong resident", region("81"), "19900307", true},
		{"Macao resident", region("82"), "19900307", true},
		{"Taiwan resident", region("83"), "19900307", true},
		{"no region", region("00"), "", false},
		{"region 16", region("16"), "", false},
		{"foreigner's number", region("91"), "", false},
		{"15 digits", "990101" + "900307" + "123", "19900307", true},
		{"15 digits, no such day", "990101" + "900230" + "123", "", false},
	} {
		d, err := Parse("01", test.number)
		if (err == nil) != test.ok || d.Birthday() != test.birthday {
			t.Errorf("%s: %v, birthday %q, %v", test.name, d, d.Birthday(), err)
		}
	}
}

func TestOtherTypes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		idType, in, want string // want "" means ErrNumber
	}{
		{"02", "军字第1234567号", "军字第1234567号"},
		{"02", " 南字第 ０１２３４５６７ 号 ", "南字第01234567号"},
		{"02", "12345678", "12345678"},
		{"02", "字第123456", "字第123456"},
		{"02", "军1234567", "军字第1234567号"},
		{"02", "军字第号", ""},
		{"02", "军字第123\u200b4567号", ""},
		{"02", "army<1234567>", ""},
		{"03", "e12345678", "E12345678"},
		{"03", "Ｅ１２３４５６７８", "E12345678"},
		{"03", "PA 1234567", "PA1234567"},
		{"03", "1234", ""},
		{"03", "ABCDEFG", ""},
		{"03", "E1234567８９０１２３４５６７８９０", ""},
		{"03", "护照1234567", ""},
		{"04", "abc123456789012", "ABC123456789012"},
		{"04", "AB1123456789012", ""},
		{"04", "ABC12345678901", ""},
		{"20", "h12345678", "H12345678"},
		{"20", "M1234567801", "M1234567801"},
		{"20", "H1234567", ""},
		{"20", "H123456789", ""},
		{"20", "C12345678", ""},
		{"20", "", ""},
		{"99", "A123456（7）", "A123456(7)"},
		{"99", "台 01234567", "台01234567"},
		{"99", "12", ""},
		{"99", "无", ""},
		{"99", "A123456;7", ""},
		{"99", "A123\u200d456", ""},
	} {
		d, err := Parse(test.idType, test.in)
		if test.want == "" {
			if !errors.Is(err, ErrNumber) {
				t.Errorf("Parse(%s, %q) = %v, %v, want ErrNumber", test.idType, test.in, d, err)
			}
			continue
		}
		if err != nil || d.Type != test.idType || d.Number != test.want || d.Birthday() != "" {
			t.Errorf("Parse(%s, %q) = %v, %v", test.idType, test.in, d, err)
		}
	}
}

func TestPermanentResident2023(t *testing.T) {
	t.Parallel()
	body := "9" + "11" + "156" + "19900307" + "123"
	s := body + CheckDigit(body)
	d, err := Parse("04", strings.ToLower(s))
	if err != nil || d.Number != s || d.Birthday() != "19900307" {
		t.Errorf("Parse = %v, birthday %q, %v", d, d.Birthday(), err)
	}
	wrong := body + string("0123456789X"[(strings.IndexByte("0123456789X", s[17])+1)%11])
	if _, err := Parse("04", wrong); !errors.Is(err, ErrNumber) {
		t.Errorf("wrong check digit: %v", err)
	}
	if _, err := Parse("04", number("19900307", 1)); err != nil {
		t.Errorf("begins with 9: %v", err)
	}
	citizens := "1" + body[1:]
	if _, err := Parse("04", citizens+CheckDigit(citizens)); !errors.Is(err, ErrNumber) {
		t.Errorf("not a foreigner's number: %v", err)
	}
}

func TestType(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "1", "05", "001", "01 ", "０１", "身份证"} {
		if d, err := Parse(code, number("19900307", 1)); !errors.Is(err, ErrType) || d != (Document{}) {
			t.Errorf("type %q: %v, %v", code, d, err)
		}
	}
	seen := map[string]bool{}
	for _, ty := range Types() {
		if seen[ty.Code] || len(ty.Code) != 2 || ty.Name == "" {
			t.Errorf("type %v", ty)
		}
		seen[ty.Code] = true
	}
	Types()[0].Code = "77"
	if _, err := Parse("01", number("19900307", 1)); err != nil {
		t.Error("Types returns the table itself, not a copy")
	}
}

func TestKeyIsTheHolder(t *testing.T) {
	t.Parallel()
	same := [][2]Document{
		{{"20", HongKongMacaoPermit, "H1234567800"}, {"20", HongKongMacaoPermit, "H1234567801"}},
		{{"20", HongKongMacaoPermit, "H1234567800"}, {"20", HongKongMacaoPermit, "H12345678"}},
		{{"02", OfficerCard, "南字第01234567号"}, {"02", OfficerCard, "南01234567"}},
	}
	for _, pair := range same {
		if !bytes.Equal(pair[0].Key(), pair[1].Key()) {
			t.Errorf("%v and %v differ", pair[0], pair[1])
		}
	}
	different := [][2]Document{
		{{"20", HongKongMacaoPermit, "H12345678"}, {"20", HongKongMacaoPermit, "M12345678"}},
		{{"20", HongKongMacaoPermit, "H12345678"}, {"20", HongKongMacaoPermit, "H12345679"}},
		{{"02", OfficerCard, "南字第01234567号"}, {"02", OfficerCard, "北字第01234567号"}},
		{{"03", PassportBook, "E12345678"}, {"99", OtherPaper, "E12345678"}},
		{{"03", PassportBook, "E1234567"}, {"03", PassportBook, "E12345678"}},
		{{"03", PassportBook, "EO1234567"}, {"03", PassportBook, "E01234567"}},
	}
	for _, pair := range different {
		if bytes.Equal(pair[0].Key(), pair[1].Key()) {
			t.Errorf("%v and %v share a key", pair[0], pair[1])
		}
	}
}

func TestDifferentPeopleStayDifferent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		birthday := rapid.SampledFrom([]string{"19900307", "19900308", "20000229"})
		a, b := number(birthday.Draw(t, "a"), rapid.IntRange(0, 999).Draw(t, "i")), number(birthday.Draw(t, "b"), rapid.IntRange(0, 999).Draw(t, "j"))
		x, err1 := Parse("01", a)
		y, err2 := Parse("01", b)
		if err1 != nil || err2 != nil || (a == b) != bytes.Equal(x.Key(), y.Key()) {
			t.Fatalf("%v %v: %v %v", x, y, err1, err2)
		}
	})
}

// The check digit detects one changed digit and two swapped neighbours.
func TestTypingErrorsAreSeen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(number("19900307", rapid.IntRange(0, 999).Draw(t, "n")))
		i := rapid.IntRange(0, 16).Draw(t, "at")
		if rapid.Bool().Draw(t, "swap") && i < 16 {
			s[i], s[i+1] = s[i+1], s[i]
			if s[i] == s[i+1] {
				return
			}
		} else {
			s[i] = '0' + (s[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		}
		if _, err := Parse("01", string(s)); err == nil {
			t.Fatalf("accepted %s", s)
		}
	})
}

func FuzzParse(f *testing.F) {
	list := centre(f)
	for _, p := range people(f) {
		f.Add(p.code, p.number)
	}
	for _, ty := range list.Types() {
		f.Add(ty.Code, numberX("19900307"))
		f.Add(ty.Code, "E1234567")
		f.Add(ty.Code, "军字第1234567号")
	}
	f.Fuzz(func(t *testing.T, idType, s string) {
		d, err := list.Parse(idType, s)
		if err != nil {
			if d != (Document{}) || (utf8.RuneCountInString(s) > 3 && strings.Contains(err.Error(), s)) {
				t.Fatalf("error with %v: %v", d, err)
			}
			return
		}
		again, err := list.Parse(d.Type, d.Number)
		if err != nil || again != d {
			t.Fatalf("Parse(%q) = %v, then %v, %v", s, d, again, err)
		}
		if key := string(d.Key()); key != string(again.Key()) || !strings.Contains(key, ":") || strings.HasPrefix(key, ":") {
			t.Fatalf("Parse(%q): key %s, then %s", s, key, again.Key())
		}
		if n := utf8.RuneCountInString(d.Number); strings.Count(MaskNumber(d.Number), "*") < n-2 || len(d.Number) > 3*30 {
			t.Fatalf("Parse(%q) = %v", s, d)
		}
		if b := d.Birthday(); b != "" && !plausibleDate(b) {
			t.Fatalf("birthday %q", b)
		}
	})
}

// An account number with blanks or in full width is normalised.
func TestAccountNo(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"880000000001": "880000000001", " 8800 0000 0001\u3000": "880000000001", "８８０００００００００１": "880000000001",
		"aB12": "aB12", "88-1": "88-1", "": "", "88\u200b1": "88\u200b1",
	} {
		if got := AccountNo(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
