package document

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Variants of records and keyboards are the same name.
func TestSameName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		story, record, given string
		kind                 Kind
	}{
		{"the same", "张三", "张三", CitizenCard},
		{"blank inside", "张　三", "张三", CitizenCard},
		{"blanks of a fixed-width file", "张三      ", "张三", CitizenCard},
		{"bullet for the dot", "阿依古丽•买买提", "阿依古丽·买买提", CitizenCard},
		{"full stop for the dot", "阿依古丽·买买提", "阿依古丽.买买提", CitizenCard},
		{"ideographic stop for the dot", "阿依古丽·买买提", "阿依古丽。买买提", CitizenCard},
		{"blanks round the dot", "阿依古丽 · 买买提", "阿依古丽·买买提", CitizenCard},
		{"private character of GBK", "王\ue863", "王䶮", CitizenCard},
		{"the centre's own character", "王\ue001", "王\ue001", CitizenCard},
		{"outside the BMP", "\U00020bb7田一", "\U00020bb7田一", CitizenCard},
		{"compatibility ideograph", "\uf955小明", "凌小明", CitizenCard},
		{"full-width Latin", "ＪＡＮＥ　ＤＯＥ", "Jane Doe", PassportBook},
		{"decomposed accent", "JOSÉ", "jose\u0301", PassportBook},
		{"surname last", "LINDQVIST ANNA", "Anna Lindqvist", PassportBook},
		{"comma after the surname", "LINDQVIST, ANNA", "Anna Lindqvist", PassportBook},
		{"comma without a blank", "LINDQVIST,ANNA", "ANNA LINDQVIST", PassportBook},
		{"slash of a ticket", "LINDQVIST/ANNA", "Lindqvist Anna", PassportBook},
		{"two given names", "SMITH ANNA MARIA", "Anna Maria Smith", PassportBook},
		{"surname of two words", "VAN DYCK PETER", "Peter van Dyck", PassportBook},
		{"hyphen as the reader sees it", "DUPONT ANNE MARIE", "Anne-Marie Dupont", PassportBook},
		{"card of a permanent resident", "SMITH JOHN", "John Smith", PermanentCard},
	} {
		if !SameName(c.record, c.given, c.kind) || !SameName(c.given, c.record, c.kind) {
			t.Errorf("%s: %q and %q differ", c.story, c.record, c.given)
		}
	}
}

// Similar names of other people, and invalid names, are not the same.
func TestOtherName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		story, record, given string
		kind                 Kind
	}{
		{"another person", "张三", "李四", CitizenCard},
		{"homophone", "张三", "章三", CitizenCard},
		{"traditional", "张三", "張三", CitizenCard},
		{"part of it", "欧阳娜娜", "欧阳娜", CitizenCard},
		{"given name first", "张三", "三张", CitizenCard},
		{"missing dot", "阿依古丽·买买提", "阿依古丽买买提", CitizenCard},
		{"dot elsewhere", "阿依古丽·买买提", "阿依·古丽买买提", CitizenCard},
		{"parts exchanged", "阿依古丽·买买提", "买买提·阿依古丽", CitizenCard},
		{"parts exchanged on a passport", "阿依古丽·买买提", "买买提·阿依古丽", PassportBook},
		{"hyphen in a Chinese name", "阿依-古丽", "阿依古丽", PassportBook},
		{"parts exchanged at a hyphen", "阿依-古丽", "古丽-阿依", PassportBook},
		{"look-alike outside the BMP", "\U00020bb7田一", "吉田一", CitizenCard},
		{"two private characters", "王\ue001", "王\ue002", CitizenCard},
		{"question mark for a rare character", "王䶮", "王?", CitizenCard},
		{"pinyin of it", "张三", "ZHANG SAN", PassportBook},
		{"zero-width space", "张三", "张\u200b三", CitizenCard},
		{"zero-width space on record", "张\u200b三", "张\u200b三", CitizenCard},
		{"order on an ID card", "ANNA LINDQVIST", "LINDQVIST ANNA", CitizenCard},
		{"hyphen on an ID card", "ANNE-MARIE", "ANNE MARIE", CitizenCard},
		{"joined words", "ANNE MARIE DUPONT", "ANNEMARIE DUPONT", PassportBook},
		{"missing word", "ANNA MARIA SMITH", "ANNA SMITH", PassportBook},
		{"initial", "ANNA MARIA SMITH", "ANNA M. SMITH", PassportBook},
		{"given names exchanged", "SMITH ANNA MARIA", "SMITH MARIA ANNA", PassportBook},
		{"read backwards", "SMITH ANNA MARIA", "MARIA ANNA SMITH", PassportBook},
		{"word twice", "ANNA ANNA SMITH", "ANNA SMITH SMITH", PassportBook},
		{"no accent", "JOSÉ NÚÑEZ", "JOSE NUNEZ", PassportBook},
		{"no apostrophe", "O'BRIEN SEAN", "OBRIEN SEAN", PassportBook},
		{"Cyrillic look-alike", "ANNA", "АNNА", PassportBook},
		{"nothing on record", "", "张三", CitizenCard},
		{"nothing at all", "", "", CitizenCard},
		{"blanks", " ", " ", PassportBook},
		{"signs", ",", "-", PassportBook},
		{"digits", "12345", "12345", CitizenCard},
	} {
		if SameName(c.record, c.given, c.kind) || SameName(c.given, c.record, c.kind) {
			t.Errorf("%s: %q and %q are one", c.story, c.record, c.given)
		}
	}
}

// For an ID card two names are the same if and only if their normal forms are equal.
func TestSameNameIsEquality(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawName(t), drawName(t)
		if rapid.Bool().Draw(t, "alike") {
			b = strings.NewReplacer("·", "•", "张", "张 ", "a", "A").Replace(a)
		}
		x, errA := Name(a)
		y, errB := Name(b)
		if want := errA == nil && errB == nil && x == y; SameName(a, b, CitizenCard) != want {
			t.Fatalf("%+q and %+q: want %v", a, b, want)
		}
	})
}

// One letter changed, removed or added is another name for every kind.
func TestOneRuneOfSubstance(t *testing.T) {
	t.Parallel()
	scripts := []*rapid.Generator[rune]{rapid.RuneFrom(nil, unicode.Han), rapid.RuneFrom([]rune("ABCDEFXYZabcxyzÉÑ"))}
	rapid.Check(t, func(t *rapid.T) {
		from := scripts[rapid.IntRange(0, 1).Draw(t, "script")]
		name := rapid.SliceOfN(from, 2, 6).Draw(t, "name")
		if name[0] < 0x2000 {
			name = append(name, ' ', 'Q', 'Q')
		}
		changed := slices.Clone(name)
		i := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
		if changed[i] == ' ' {
			return
		}
		r := from.Draw(t, "to")
		switch rapid.SampledFrom([]string{"change", "lose", "add"}).Draw(t, "how") {
		case "change":
			if a, _ := Name(string(changed[i])); a != "" {
				if b, _ := Name(string(r)); a == b {
					return
				}
			}
			changed[i] = r
		case "lose":
			changed = slices.Delete(changed, i, i+1)
		case "add":
			changed = slices.Insert(changed, i, r)
		}
		for kind := range kinds {
			if SameName(string(name), string(changed), kind) {
				t.Fatalf("%q and %q are one as %s", string(name), string(changed), kind)
			}
		}
	})
}

// On passports the same name has the same letters in any order of words and signs, and the
// relation is symmetric.
func TestPassportNameKeepsLetters(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[A-C]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(word, 1, 4).Draw(t, "a")
		b := rapid.SliceOfN(word, 1, 4).Draw(t, "b")
		turn := rapid.IntRange(0, len(a)).Draw(t, "turn")
		turned := append(slices.Clone(a[turn:]), a[:turn]...)
		separator := rapid.SampledFrom([]string{" ", ", ", "-", "/"}).Draw(t, "separator")
		if !SameName(strings.Join(a, " "), strings.Join(turned, separator), PassportBook) {
			t.Fatalf("%q turned by %d with %q is another name", a, turn, separator)
		}
		x, y := strings.Join(a, " "), strings.Join(b, " ")
		same := SameName(x, y, PassportBook)
		if same != SameName(y, x, PassportBook) {
			t.Fatalf("%q and %q: one way only", x, y)
		}
		slices.Sort(a)
		slices.Sort(b)
		if same && !slices.Equal(a, b) {
			t.Fatalf("%q and %q are one", x, y)
		}
	})
}

// The private-use characters of GBK are mapped to distinct characters, none of which is
// private-use.
func TestPrivateCharactersOfGBK(t *testing.T) {
	t.Parallel()
	if len(gbkPrivate) != 80 {
		t.Fatalf("%d characters", len(gbkPrivate))
	}
	seen := map[string]bool{}
	for i, r := range gbkPrivate {
		private := string(gbkPrivateFirst + rune(i))
		if !SameName("王"+private, "王"+string(r), CitizenCard) {
			t.Errorf("%U is not %c", gbkPrivateFirst+i, r)
		}
		form, err := Name("王" + private)
		if err != nil || seen[form] || strings.ContainsFunc(form, func(r rune) bool { return unicode.Is(unicode.Co, r) }) {
			t.Errorf("%U: %+q, %v", gbkPrivateFirst+i, form, err)
		}
		seen[form] = true
	}
}

func FuzzSameName(f *testing.F) {
	f.Add("阿依古丽·买买提", "阿依古丽•买买提", "citizen")
	f.Add("SMITH, ANNA-MARIA", "anna maria smith", "passport")
	f.Fuzz(func(t *testing.T, record, given, kind string) {
		same := SameName(record, given, Kind(kind))
		if same != SameName(given, record, Kind(kind)) {
			t.Fatalf("%+q and %+q: one way only", record, given)
		}
		x, errX := Name(record)
		y, errY := Name(given)
		if same && (errX != nil || errY != nil || utf8.RuneCountInString(letters(x)) != utf8.RuneCountInString(letters(y))) {
			t.Fatalf("%+q and %+q are the same name", record, given)
		}
		if errX == nil && !SameName(record, x, Kind(kind)) {
			t.Fatalf("%+q is not its normal form", record)
		}
	})
}

// letters removes what the machine-readable lines do not print.
func letters(s string) string {
	return strings.NewReplacer(" ", "", ",", "", "-", "", "/", "").Replace(s)
}
