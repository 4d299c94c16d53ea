package document

import (
	"encoding/csv"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fundpass/keys/calendar"
)

// A portrait is one line of testdata/people.csv: an invented person, what they or a clerk
// typed, and the expected result. Lines of one person have one key.
type portrait struct {
	line                     int
	person, name, nameForm   string
	code, number, numberForm string
	mask, reason, story      string
	namePasses, numberPasses bool
}

// people reads the table; \u escapes represent invisible characters.
func people(t testing.TB) []portrait {
	t.Helper()
	f, err := os.Open("testdata/people.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []portrait
	for i, l := range lines[1:] {
		for j := range l[:6] {
			if l[j], err = strconv.Unquote(`"` + l[j] + `"`); err != nil {
				t.Fatalf("line %d: %v", i+2, err)
			}
		}
		all = append(all, portrait{i + 2, l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7], l[8], l[2] != "", l[7] == ""})
	}
	return all
}

// centre returns a centre's list with every kind.
func centre(t testing.TB) *List {
	t.Helper()
	l, err := LoadList("testdata/centre.json")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// someDay is the date on which the table is evaluated.
var someDay = time.Date(2026, 3, 1, 0, 0, 0, 0, calendar.Beijing)

func TestPeople(t *testing.T) {
	t.Parallel()
	list, all := centre(t), people(t)
	if len(all) < 120 {
		t.Fatalf("%d people", len(all))
	}
	reasons := map[Reason]bool{}
	for _, p := range all {
		if name, err := Name(p.name); name != p.nameForm || (err == nil) != p.namePasses {
			t.Errorf("line %d, %s: Name = %+q, %v, want %+q", p.line, p.story, name, err, p.nameForm)
		}
		d, err := list.ParseOn(someDay, p.code, p.number)
		if !p.numberPasses {
			reasons[Reason(p.reason)] = true
			var number *NumberError
			if !errors.Is(err, ErrNumber) || !errors.As(err, &number) || string(number.Reason) != p.reason ||
				!strings.HasSuffix(err.Error(), p.reason) || d != (Document{}) {
				t.Errorf("line %d, %s: %v, %v, want %s", p.line, p.story, d, err, p.reason)
			}
			continue
		}
		if err != nil || d.Number != p.numberForm || d.Type != p.code {
			t.Errorf("line %d, %s: %v, %v, want %s", p.line, p.story, d, err, p.numberForm)
		}
		if got := MaskNumber(d.Number); got != p.mask {
			t.Errorf("line %d, %s: mask %s, want %s", p.line, p.story, got, p.mask)
		}
		if again, err := list.Parse(d.Type, d.Number); err != nil || again != d {
			t.Errorf("line %d, %s: parsed again it is %v, %v", p.line, p.story, again, err)
		}
	}
	for _, r := range []Reason{NoNumber, WrongCharacters, WrongLength, WrongForm, WrongRegion, WrongDate, WrongCheck} {
		if !reasons[r] {
			t.Errorf("no person in the table is rejected for %s", r)
		}
	}
}

// A person has one key for every spelling and code; two people never share one.
func TestPeopleKeys(t *testing.T) {
	t.Parallel()
	list := centre(t)
	keyOf, personOf := map[string]string{}, map[string]string{}
	for _, p := range people(t) {
		if !p.numberPasses {
			continue
		}
		d, err := list.Parse(p.code, p.number)
		if err != nil {
			t.Fatal(err)
		}
		key := string(d.Key())
		if before, ok := keyOf[p.person]; ok && before != key {
			t.Errorf("line %d, %s: key %s, before %s", p.line, p.story, key, before)
		}
		if before, ok := personOf[key]; ok && before != p.person {
			t.Errorf("line %d, %s: %s has the key of %s", p.line, p.story, p.person, before)
		}
		keyOf[p.person], personOf[key] = key, p.person
	}
	if len(keyOf) < 40 {
		t.Errorf("only %d people", len(keyOf))
	}
}

// The keys of earlier releases are unchanged, because databases store their digests.
func TestKeysOfEarlierReleases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ code, number, want string }{
		{"01", "990101195603070117", "01:990101195603070117"},
		{"01", "990101560307011", "01:990101195603070117"},
		{"01", "810101199003070018", "01:810101199003070018"},
		{"02", "军字第1234567号", "02:军1234567"},
		{"02", "军1234567", "02:军1234567"},
		{"02", "12345678", "02:12345678"},
		{"03", "e12345678", "03:E12345678"},
		{"04", "ABC123456789012", "04:ABC123456789012"},
		{"20", "H1234567801", "20:H12345678"},
		{"99", "A123456(7)", "99:A123456(7)"},
	} {
		if c.number[:2] == "81" {
			c.number = c.number[:17] + CheckDigit(c.number[:17])
			c.want = "01:" + c.number
		}
		d, err := Parse(c.code, c.number)
		if err != nil || string(d.Key()) != c.want {
			t.Errorf("%s %s: key %s, %v, want %s", c.code, c.number, d.Key(), err, c.want)
		}
	}
	for code, want := range map[string]string{"06": "soldier:士1234567", "08": "taiwan:99010001", "11": "99.11:退字990104", "99": "99:退字990104"} {
		number := map[string]string{"06": "士字第1234567号", "08": "9901000101B"}[code]
		if number == "" {
			number = "退字990104"
		}
		d, err := centre(t).Parse(code, number)
		if err != nil || string(d.Key()) != want {
			t.Errorf("%s: key %s, %v, want %s", code, d.Key(), err, want)
		}
	}
}

// The texts of errors are Chinese, say what to do, and do not repeat the input.
func TestReasonsInChinese(t *testing.T) {
	t.Parallel()
	list := centre(t)
	texts := map[string][]string{}
	for _, p := range people(t) {
		var number *NumberError
		if _, err := list.ParseOn(someDay, p.code, p.number); !errors.As(err, &number) {
			continue
		}
		text := number.Text()
		if !strings.ContainsFunc(text, han) || strings.Contains(text, string(number.Reason)) {
			t.Errorf("line %d: %q", p.line, text)
		}
		if n := strings.TrimSpace(p.number); len(n) > 3 && strings.Contains(text+number.Error(), n) {
			t.Errorf("line %d: the number is repeated: %q", p.line, text)
		}
		if !slices.Contains(texts[p.reason], text) {
			texts[p.reason] = append(texts[p.reason], text)
		}
	}
	for reason, all := range texts {
		for other, others := range texts {
			if reason != other && slices.ContainsFunc(all, func(s string) bool { return slices.Contains(others, s) }) {
				t.Errorf("%s and %s have the same text", reason, other)
			}
		}
	}
	if (&NumberError{Reason: "new"}).Text() == "" {
		t.Error("a reason without a text")
	}
}

// A mask shows no six consecutive characters, and only the outer two of a number.
func TestPeopleMasks(t *testing.T) {
	t.Parallel()
	for _, p := range people(t) {
		if p.mask == "" {
			continue
		}
		shown := strings.ReplaceAll(p.mask, "*", "")
		runes := []rune(p.numberForm)
		if shown != string(runes[0])+string(runes[len(runes)-1]) {
			t.Errorf("line %d: %s shows %q", p.line, p.mask, shown)
		}
	}
}

// Alipay compares a document by its kind, not by the centre's code.
func TestCertdoc(t *testing.T) {
	t.Parallel()
	want := map[string]string{ // by person
		"zhang": "01", "li": "01", "officer": "02", "anna": "03", "cn": "03",
		"taiwan81": "", "macao82": "", "taiwan83": "", "smith": "", "smith2": "",
		"chan": "", "lin": "", "soldier": "", "other": "", "other3": "",
	}
	list, seen := centre(t), map[string]bool{}
	for _, p := range people(t) {
		code, ok := want[p.person]
		if !ok || !p.numberPasses {
			continue
		}
		seen[p.person] = true
		if d, err := list.Parse(p.code, p.number); err != nil || d.Certdoc() != code {
			t.Errorf("line %d, %s: %q, want %q", p.line, p.story, d.Certdoc(), code)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("only %v", seen)
	}
}

func TestParseOn(t *testing.T) {
	t.Parallel()
	n := number("20260301", 1)
	midnight := time.Date(2026, 2, 28, 16, 0, 0, 0, time.UTC) // 00:00 in Beijing
	if d, err := Parse("01", n); err != nil || d.Number != n {
		t.Errorf("without a day: %v", err)
	}
	if _, err := Default().ParseOn(midnight, "01", n); err != nil {
		t.Errorf("on the day of birth: %v", err)
	}
	var number *NumberError
	d, err := Default().ParseOn(midnight.Add(-time.Second), "01", n)
	if !errors.As(err, &number) || number.Reason != WrongDate || d != (Document{}) {
		t.Errorf("the day before: %v, %v", d, err)
	}
	if _, err := Default().ParseOn(midnight, "77", n); !errors.Is(err, ErrType) {
		t.Errorf("type: %v", err)
	}
}
