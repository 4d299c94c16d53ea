package passwd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A citizen is a person of the table, with hand-written forms of the name.
type citizen struct {
	Subject
	strong, weak string
}

var citizens = []citizen{
	{Subject{IDType: "01", IDNumber: idNumber("19830514", 217), Name: "李建国", Phone: "13905827164", AccountNo: "3058164927"},
		"lijianguo jianguoli jianguo", "li ljg jgl lijg jgli jianguol ljianguo"},
	{Subject{IDType: "01", IDNumber: idNumber("19610928", 402), Name: "孙丽萍", Phone: "15807362915", AccountNo: "7025918364"},
		"sunliping lipingsun liping", "sun slp lps sunlp lpsun lipings sliping"},
	{Subject{IDType: "01", IDNumber: idNumber("20041107", 639), Name: "林海涛", Phone: "18604739258", AccountNo: "6291830475"},
		"linhaitao haitaolin haitao", "lin lht htl linht htlin haitaol lhaitao"},
	{Subject{IDType: "03", IDNumber: "E39471058", Name: "", Phone: "17708264193", AccountNo: "2950713864"}, "", ""},
}

// A passwordGenerator draws random passwords.
type passwordGenerator struct{ *rand.Rand }

func (g passwordGenerator) of(s string) string {
	runes := []rune(s)
	return string(runes[g.IntN(len(runes))])
}

// base draws a password that breaks a rule only by chance.
func (g passwordGenerator) base(length int) string {
	kind := []string{"bcdfghjkmnpqrtvwx", "BCDFGHJKMNPQRTVWX", "0123456789", "-_+=~ ", "清风徐来水波兴明月松间照石上流"}
	var b strings.Builder
	for range length {
		b.WriteString(g.of(kind[[]int{0, 0, 0, 1, 2, 2, 2, 3, 4}[g.IntN(9)]]))
	}
	return b.String()
}

// part draws a part of s, sometimes with separators inside.
func (g passwordGenerator) part(s string, length int) string {
	if len(s) < length {
		return s
	}
	at := g.IntN(len(s) - length + 1)
	return strings.Join(strings.Split(s[at:at+length], ""), []string{"", "", "-", " "}[g.IntN(4)])
}

// bad draws a password that breaks a fixed rule, or nearly.
func (g passwordGenerator) bad(c citizen, p *Policy) string {
	birthday := "19870609"
	if len(c.IDNumber) == 18 {
		birthday = c.IDNumber[6:14]
	}
	y, m, day := birthday[:4], birthday[4:6], birthday[6:]
	forms := append(strings.Fields(c.strong+" "+c.weak), c.Name, "zhouwen")
	switch g.IntN(9) {
	case 0:
		return g.part(c.IDNumber, 3+g.IntN(4))
	case 1:
		return g.part(c.Phone, 3+g.IntN(3))
	case 2:
		return g.part(c.AccountNo, 3+g.IntN(3))
	case 3:
		return []string{y + m + day, y[2:] + m + day, m + day, day + m + y, y + "-" + m + "-" + day, m + "/" + day, day + m, y[:3] + m}[g.IntN(8)]
	case 4:
		return forms[g.IntN(len(forms))]
	case 5:
		return slices.Concat(p.Words, contextWords, []string{"gj", "1232", "wux"})[g.IntN(len(p.Words)+len(contextWords)+3)]
	case 6:
		return g.part(runs[g.IntN(len(runs))], 3+g.IntN(3))
	case 7:
		return strings.Repeat(g.of("kmp7清"), 3+g.IntN(3))
	}
	return []string{"password", "woaini", "p4ssw0rd", "5201314", "qq", "xingfukuaile", "zhangweiguo", "iloveyou", "dragon", "wd", "123456", "198711"}[g.IntN(12)]
}

func (g passwordGenerator) password(c citizen, p *Policy) string {
	_, longest := p.bounds()
	if longest == 6 && g.IntN(2) == 0 {
		return fmt.Sprintf("%0*d", 5+g.IntN(3), g.IntN(1e7))
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		return g.base(g.IntN(18))
	case 3:
		if initials := initialsOf(c); len(initials) > 0 {
			return initials[g.IntN(len(initials))]
		}
	case 4:
		return g.bad(c, p) + g.base(g.IntN(3))
	case 5:
		return g.bad(c, p) + g.bad(c, p)
	}
	return g.base(g.IntN(7)) + g.bad(c, p) + g.base(g.IntN(7))
}

// initialsOf returns the initial passwords of every known city in lower case.
func initialsOf(c citizen) []string {
	id, account := strings.ToLower(c.IDNumber), c.AccountNo
	digits, zero := strings.ReplaceAll(id, "x", ""), strings.ReplaceAll(id, "x", "0")
	last := func(s string, n int) string { return s[len(s)-n:] }
	return []string{last(id, 6), last(zero, 6), last(digits, 6), last(id, 4) + "00", last(digits, 4) + "00", last(account, 6), last(account, 4) + "00"}
}

func newOracle(name string, p *Policy, c citizen, listed map[string]bool) oracle {
	o := oracle{c: cityCases[name], s: c.Subject, listed: listed, charset: charsets[name], require: needs[name], initials: initialsOf(c), born: birthdays(c.IDNumber)}
	switch name {
	case "default":
		o.c.shortest, o.c.longest = 8, 64
	case "classic-6-12":
		o.c.shortest, o.c.longest = 6, 12
	}
	o.strong, o.weak = strings.Fields(c.strong), append(strings.Fields(c.weak), strings.Fields(c.strong)...)
	for _, w := range slices.Concat(p.Words, strings.Fields("公积金 住房 支付宝 gjj gongjijin 12329 zhufang alipay zhifubao")) {
		o.words = append(o.words, strings.ToLower(w))
	}
	if o.s.Name == "" {
		o.s.Name = "\x00"
	}
	for _, rule := range p.InitialRules {
		if constant(rule) {
			o.initials = append(o.initials, rule)
		}
	}
	return o
}

// TestPoliciesAgreeWithTheOracle checks that the rules and the oracle agree for every
// policy and citizen.
func TestPoliciesAgreeWithTheOracle(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for w := range words().all {
		listed[w] = true
	}
	const each = 80
	cases, accepted, seen := 0, 0, map[string]int{}
	for i, name := range Builtins() {
		p := mustPolicies[name]
		for j, c := range citizens {
			g := passwordGenerator{rand.New(rand.NewPCG(uint64(i), uint64(j)))}
			o := newOracle(name, p, c, listed)
			for range each {
				password := g.password(c, p)
				got, want := codes(p.Check(NewSecret(password), c.Subject)), o.codes(password)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %q of %s: %s", name, password, c.Name, diff)
				}
				cases++
				for _, code := range want {
					seen[code]++
				}
				if len(want) == 0 {
					accepted++
				}
			}
		}
	}
	if cases < 5000 || accepted < cases/10 || accepted > cases*9/10 {
		t.Errorf("%d cases, %d accepted", cases, accepted)
	}
	for _, r := range fixedRules[1:] {
		if seen[r.Code] < 20 {
			t.Errorf("%s is met %d times", r.Code, seen[r.Code])
		}
	}
	t.Logf("%d cases, %d accepted, %v", cases, accepted, seen)
}
