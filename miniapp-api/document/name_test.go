package document

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"plain", "张三", "张三"},
		{"outer blanks", "  张三\u3000", "张三"},
		{"inner blank", "张 三", "张三"},
		{"ideographic blank", "张\u3000三", "张三"},
		{"no-break space", "张\u00a0三", "张三"},
		{"compound surname", "欧阳娜娜", "欧阳娜娜"},
		{"middle dot", "阿依古丽·买买提", "阿依古丽·买买提"},
		{"bullet", "阿依古丽•买买提", "阿依古丽·买买提"},
		{"hyphenation point", "阿依古丽‧买买提", "阿依古丽·买买提"},
		{"full-width stop", "阿依古丽．买买提", "阿依古丽·买买提"},
		{"katakana dot", "阿依古丽・买买提", "阿依古丽·买买提"},
		{"half-width katakana dot", "阿依古丽\uff65买买提", "阿依古丽·买买提"},
		{"ano teleia", "阿依古丽\u0387买买提", "阿依古丽·买买提"},
		{"bullet operator", "阿依古丽∙买买提", "阿依古丽·买买提"},
		{"full stop", "阿依古丽.买买提", "阿依古丽·买买提"},
		{"blanks round the dot", "阿依古丽 · 买买提", "阿依古丽·买买提"},
		{"two dots apart", "阿·依古丽·买买提", "阿·依古丽·买买提"},
		{"extension B", "𠮷田", "𠮷田"},
		{"extension I, newer than the tables", "王\U0002ebf0", "王\U0002ebf0"},
		{"extension G", "王\U00030000", "王\U00030000"},
		{"private use of GBK systems", "王\ue863", "王䶮"},
		{"the same, encoded", "王䶮", "王䶮"},
		{"first and last of them", "\ue815\ue864", "\u2e81\u9fbb"},
		{"beside them", "王\ue814\ue865", "王\ue814\ue865"},
		{"a centre's own character", "王\ue000", "王\ue000"},
		{"a private character of plane 15", "王\U000f0001", "王\U000f0001"},
		{"Kangxi radical", "\u2f00\u2f3a\u2fd5", "一彡龠"},
		{"black circle", "阿依古丽●买买提", "阿依古丽·买买提"},
		{"word separator", "阿依古丽\u2e31买买提", "阿依古丽·买买提"},
		{"ideographic full stop", "阿依古丽。买买提", "阿依古丽·买买提"},
		{"half-width ideographic stop", "阿依古丽\uff61买买提", "阿依古丽·买买提"},
		{"latin initial, full-width stop", "J．F． Kennedy", "J.F. KENNEDY"},
		{"modifier apostrophe", "O\u02bcBrien", "O'BRIEN"},
		{"en dash", "Anne–Marie", "ANNE-MARIE"},
		{"compatibility ideograph", "\uf955小明", "凌小明"},
		{"ideographic zero", "李〇", "李〇"},
		{"white circle for it", "李\u25cb", "李〇"},
		{"large circle for it", "李\u25ef", "李〇"},
		{"a digit for it is another name", "李0", "李0"},
		{"sharp s", "Strauß", "STRAUß"},
		{"capital sharp s", "STRAU\u1e9e", "STRAUß"},
		{"latin", "Zhang San", "ZHANG SAN"},
		{"latin, many blanks", "  zhang \u3000 san ", "ZHANG SAN"},
		{"latin full width", "Ｚｈａｎｇ　Ｓａｎ", "ZHANG SAN"},
		{"latin initial", "John F. Kennedy", "JOHN F. KENNEDY"},
		{"latin dot", "Li • Na", "LI·NA"},
		{"latin accent, composed", "José", "JOSÉ"},
		{"latin accent, decomposed", "Jose\u0301", "JOSÉ"},
		{"full-width accent", "Jos\uff45\u0301", "JOSÉ"},
		{"apostrophe", "O’Brien", "O'BRIEN"},
		{"hyphen", "Anne‐Marie", "ANNE-MARIE"},
		{"mixed", "李 john", "李JOHN"},
		{"with a digit", "张三2", "张三2"},
		{"Hangul", "김철수", "김철수"},
		{"Mongolian letters", "ᠪᠠᠲᠤ", "ᠪᠠᠲᠤ"},
	} {
		got, err := Name(test.in)
		if err != nil || got != test.want {
			t.Errorf("%s: Name(%q) = %q, %v, want %q", test.name, test.in, got, err, test.want)
		}
	}
}

func TestNameRefused(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"empty": "", "blank": " \u3000 ", "dot": "·", "digits": "123",
		"leading dot": "·买买提", "trailing dot": "买买提·", "double dot": "阿··买", "spaced double dot": "阿· ·买",
		"line feed": "张\n三", "tab": "张\t三", "NUL": "张\x00三", "next line": "张\u0085三", "escape": "\x1b[31m张三",
		"line separator": "张\u2028三", "zero width space": "张\u200b三", "joiner": "张\u200d三", "BOM": "\ufeff张三",
		"right to left": "张\u202e三", "soft hyphen": "张\u00ad三", "variation selector": "张\ufe00三",
		"ideographic variation": "葛\U000e0100飾", "hangul filler": "张\u3164三", "grapheme joiner": "张\u034f三",
		"tag": "张\U000e0041三", "noncharacter": "张\ufffe三", "plane 2 noncharacter": "张\U0002ffff三",
		"replacement": "张\ufffd三", "invalid UTF-8": "张\xff三", "question mark": "张?", "angle": "<b>张三</b>",
		"quote": "张三\"", "too long": strings.Repeat("张", 121), "64 KiB": strings.Repeat("张", 22000), "emoji": "张三😀",
		"circled": "①张三",
	} {
		if got, err := Name(s); !errors.Is(err, ErrName) || got != "" {
			t.Errorf("%s: Name(%q) = %q, %v", name, s, got, err)
		}
	}
}

func TestDifferentNamesStayDifferent(t *testing.T) {
	t.Parallel()
	names := []string{
		"张三", "张叁", "張三", "张三三", "三张", "章三", "阿依·古丽", "阿依古丽", "阿·依古丽", "吉田", "𠮷田",
		"ZHANG SAN", "ZHANGSAN", "ZHANG·SAN", "ZHANG-SAN", "JOSE", "JOSÉ", "O'BRIEN", "OBRIEN", "О'BRIEN", "李〇", "李零",
	}
	seen := map[string]string{}
	for _, n := range names {
		got, err := Name(n)
		if err != nil {
			t.Errorf("Name(%q): %v", n, err)
		}
		if before, ok := seen[got]; ok {
			t.Errorf("%q and %q are both %q", before, n, got)
		}
		seen[got] = n
	}
}

// drawName draws characters of names and attacks.
func drawName(t *rapid.T) string {
	return string(rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]rune("张三阿依·•‧．・. 　abcÉ'’-\u0301\u200b\u00a0\uff41\uf955ßıİǆ")),
		rapid.RuneFrom(nil, unicode.Han, unicode.Latin, unicode.Mn),
		rapid.Rune(),
	), 0, 12).Draw(t, "name"))
}

func TestNameProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { checkName(t, drawName(t)) })
}

func FuzzName(f *testing.F) {
	f.Add("阿依古丽·买买提")
	f.Add("Jose\u0301 ǆ")
	f.Fuzz(func(t *testing.T, s string) { checkName(t, s) })
}

func checkName(t rapid.TB, s string) {
	got, err := Name(s)
	if err != nil {
		return
	}
	again, err := Name(got)
	if err != nil || again != got {
		t.Fatalf("Name(%q) = %q, then %q, %v", s, got, again, err)
	}
	if !norm.NFC.IsNormalString(got) || strings.ContainsFunc(got, unicode.IsControl) || strings.TrimSpace(got) != got {
		t.Fatalf("Name(%q) = %q", s, got)
	}
	if spaced, err := Name(" " + strings.ReplaceAll(got, " ", "\u3000 ") + " "); err != nil || spaced != got {
		t.Fatalf("with blanks: %q, %v, want %q", spaced, err, got)
	}
}

func TestMasks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mask     func(string) string
		in, want string
	}{
		{MaskName, "张三", "*三"},
		{MaskName, "欧阳娜娜", "***娜"},
		{MaskName, "王𠮷", "*𠮷"},
		{MaskName, "张", "*"},
		{MaskName, "", ""},
		{MaskName, "ZHANG SAN", "********N"},
		{MaskNumber, "990101199003071232", "9****************2"},
		{MaskNumber, "99010119900307123X", "9****************X"},
		{MaskNumber, "军字第1234567号", "军*********号"},
		{MaskNumber, "123", "***"},
		{MaskPhone, "13800001278", "138******78"},
		{MaskPhone, "12329", "*****"},
		{MaskAccount, "0001234567", "********67"},
		{MaskAccount, "123", "***"},
		{MaskAccount, "12\xff4", "****"},
	} {
		if got := test.mask(test.in); got != test.want {
			t.Errorf("mask(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestMasksHide(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		for _, mask := range []func(string) string{MaskName, MaskNumber, MaskPhone, MaskAccount} {
			got := mask(s)
			n := utf8.RuneCountInString(s)
			if utf8.RuneCountInString(got) != n || 2*strings.Count(got, "*") < n {
				t.Fatalf("mask(%q) = %q", s, got)
			}
		}
	})
}
