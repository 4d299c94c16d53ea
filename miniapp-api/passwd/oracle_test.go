package passwd

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// An oracle determines the codes of a password independently of the rules, in the
// simplest way and without regard to time. It shares only the policies' words and the
// list of common words with them.
type oracle struct {
	c        cityCase
	s        Subject
	words    []string
	charset  *regexp.Regexp // nil: everything
	require  map[string]*regexp.Regexp
	strong   []string // forms of the name that are refused anywhere
	weak     []string // forms that are refused as all letters of the password
	listed   map[string]bool
	initials []string
	born     []*regexp.Regexp
}

var (
	separators  = regexp.MustCompile(`[^\pL\p{Nd}]`)
	noLetters   = regexp.MustCompile(`\PL`)
	onlyLetters = regexp.MustCompile(`\pL`)
	noDigits    = regexp.MustCompile(`[^0-9]`)
	digitRuns   = regexp.MustCompile(`[0-9]+`)
	monthEnd    = regexp.MustCompile(`(0[1-9]|1[0-2])$`)

	anyLetter = regexp.MustCompile(`[A-Za-z]`)
	needs     = map[string]map[string]*regexp.Regexp{
		"classic-6-12": {"MISSING_LETTER": anyLetter, "MISSING_DIGIT": regexp.MustCompile(`[0-9]`)},
		"shanghai":     {"MISSING_LETTER": anyLetter, "MISSING_DIGIT": regexp.MustCompile(`[0-9]`), "MISSING_SYMBOL": regexp.MustCompile(`[!-/:-@\[-\x60{-~]`)},
		"wuxi": {"MISSING_LOWER": regexp.MustCompile(`[a-z]`), "MISSING_UPPER": regexp.MustCompile(`[A-Z]`), "MISSING_DIGIT": regexp.MustCompile(`[0-9]`),
			"MISSING_SYMBOL": regexp.MustCompile(`[!-/:-@\[-\x60{-~]`)},
	}
	charsets = map[string]*regexp.Regexp{
		"classic-6-12": regexp.MustCompile(`^[A-Za-z0-9]*$`), "harbin": regexp.MustCompile(`^[0-9]*$`), "jincheng": regexp.MustCompile(`^[0-9]*$`),
	}
)

func (o oracle) codes(password string) []string {
	got := []string{}
	add := func(code string, is bool) {
		if is {
			got = append(got, code)
		}
	}
	n := utf8.RuneCountInString(password)
	add("TOO_SHORT", n < o.c.shortest)
	add("TOO_LONG", n > o.c.longest)
	add("BAD_CHARACTER", o.charset != nil && !o.charset.MatchString(password))
	for code, needed := range o.require {
		add(code, !needed.MatchString(password))
	}
	small := strings.ToLower(password)
	joined := separators.ReplaceAllString(small, "")
	add("COMMON", o.common(small))
	add("CONTAINS_ID", inCommon(joined, strings.ToLower(o.s.IDNumber)) >= 4)
	add("CONTAINS_ACCOUNT", inCommon(joined, o.s.AccountNo) >= 4)
	add("CONTAINS_PHONE", inCommon(joined, o.s.Phone) >= 4)
	add("CONTAINS_BIRTHDAY", slices.ContainsFunc(o.born, func(form *regexp.Regexp) bool { return form.MatchString(small) }))
	add("CONTAINS_NAME", o.name(small, joined))
	add("CONTEXT_WORD", slices.ContainsFunc(o.words, func(w string) bool { return strings.Contains(joined, w) }))
	add("SEQUENCE", sequence(small))
	add("REPEAT", repeated(small))
	add("DERIVED", slices.Contains(o.initials, small))
	slices.Sort(got)
	return got
}

// inCommon returns the length of the longest common substring.
func inCommon(a, b string) (longest int) {
	for i := range len(a) {
		for j := range len(b) {
			n := 0
			for i+n < len(a) && j+n < len(b) && a[i+n] == b[j+n] {
				n++
			}
			longest = max(longest, n)
		}
	}
	return longest
}

// birthdays returns the ways to write the birthday of an ID number, with any separators.
func birthdays(idNumber string) (all []*regexp.Regexp) {
	if len(idNumber) != 18 {
		return nil
	}
	born, err := time.Parse("20060102", idNumber[6:14])
	if err != nil {
		panic(err)
	}
	for _, layout := range []string{"0102", "02012006", "212006", "122006", "200612", "20060201", "0612", "020106"} {
		if form := born.Format(layout); len(form) >= 4 {
			all = append(all, regexp.MustCompile(strings.Join(strings.Split(form, ""), `[^\pL\p{Nd}]*`)))
		}
	}
	return all
}

func (o oracle) name(small, joined string) bool {
	if strings.Contains(joined, o.s.Name) || utf8.RuneCountInString(o.s.Name) == 3 && strings.Contains(joined, o.s.Name[3:]) {
		return true
	}
	letters := noLetters.ReplaceAllString(small, "")
	if slices.ContainsFunc(o.strong, func(form string) bool { return strings.Contains(letters, form) }) {
		return true
	}
	other := utf8.RuneCountInString(onlyLetters.ReplaceAllString(small, ""))
	return other <= 10 && slices.ContainsFunc(o.weak, func(form string) bool {
		more := len(letters) - len(form)
		return strings.Contains(letters, form) && (more == 0 || more == 1 && len(form) > 2)
	})
}

// runs are the keyboard lines and the alphabet, in both directions.
var runs = func() (all []string) {
	for _, run := range strings.Fields(`012345678901 abcdefghijklmnopqrstuvwxyzabc qwertyuiop[] asdfghjkl;' zxcvbnm,./ 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/
		147258369 741852963 789456123 14789632 159357 753951`) {
		back := []byte(run)
		slices.Reverse(back)
		all = append(all, run, string(back))
	}
	return all
}()

func isRun(four string) bool {
	return len(four) == 4 && !slices.Contains(strings.Fields("erty wert trew rstu"), four) &&
		slices.ContainsFunc(runs, func(run string) bool { return strings.Contains(run, four) })
}

func sequence(small string) bool {
	hasRun := func(s string) bool {
		for i := range len(s) {
			if i+4 <= len(s) && isRun(s[i:i+4]) {
				return true
			}
			if i+8 <= len(s) && isRun(string([]byte{s[i], s[i+2], s[i+4], s[i+6]})) && isRun(string([]byte{s[i+1], s[i+3], s[i+5], s[i+7]})) {
				return true
			}
		}
		return false
	}
	if hasRun(small) {
		return true
	}
	digits := separators.ReplaceAllString(small, "")
	for _, one := range digitRuns.FindAllString(digits, -1) {
		for i := 0; i+4 <= len(one); i++ {
			if isRun(one[i : i+4]) {
				return true
			}
		}
	}
	return false
}

func repeated(small string) bool {
	runes := []rune(small)
	different := map[rune]bool{}
	for i, r := range runes {
		different[r] = true
		if i >= 3 && runes[i-1] == r && runes[i-2] == r && runes[i-3] == r {
			return true
		}
	}
	if len(runes) > 3 && len(different) <= 3 {
		return true
	}
	for n := 1; n <= 4 && 2*n <= len(runes); n++ {
		if strings.HasPrefix(strings.Repeat(string(runes[:n]), len(runes)), small) {
			return true
		}
	}
	return false
}

var day = regexp.MustCompile(`^((19|20)\d\d(0[1-9]|1[0-2])|((19|20)?\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])))$`)

func (o oracle) common(small string) bool {
	once := small
	if half := small[:len(small)/2]; half != "" && half+half == small {
		once = half
	}
	if o.listed[small] || o.listed[once] || isDay(once) {
		return true
	}
	word := strings.TrimFunc(once, func(r rune) bool { return !unicode.IsLetter(r) })
	around := strings.Replace(once, word, "", 1)
	if word == "" {
		around = once
	}
	if (o.listed[word] || len(word) < 3) && o.guessable(around, word) {
		return true
	}
	body := strings.TrimRightFunc(once, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, one := range "il" {
		letters := func(s string) string {
			return strings.Map(func(r rune) rune {
				if i := strings.IndexRune("@4301!$57", r); i >= 0 {
					return []rune{'a', 'a', 'e', 'o', one, one, 's', 's', 't'}[i]
				}
				return r
			}, s)
		}
		if o.listed[letters(once)] || o.listed[letters(body)] && o.guessable(once[len(body):], body) {
			return true
		}
	}
	return false
}

func (o oracle) guessable(around, word string) bool {
	digits := noDigits.ReplaceAllString(around, "")
	if utf8.RuneCountInString(around)-len(digits) > 2 {
		return false
	}
	return len(digits) <= 4 && len(word) >= 3 || o.listed[digits] || isDay(digits)
}

func isDay(s string) bool {
	if !day.MatchString(s) {
		return false
	}
	if len(s) == 6 && (strings.HasPrefix(s, "19") || strings.HasPrefix(s, "20")) && monthEnd.MatchString(s) {
		return true // a month of a year
	}
	for _, layout := range map[int][]string{6: {"060102"}, 8: {"20060102"}}[len(s)] {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}
