package passwd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A cityCase repeats the statements of a city's notice independently of its file.
type cityCase struct {
	zh                string
	initial           []string // of li, by every rule of the city
	tiers             string
	shortest, longest int
	codes             map[string]string // the codes a password breaks
}

// li returns a person whose ID number ends in X, for the five treatments of that letter.
func li() Subject {
	return Subject{IDType: "01", IDNumber: "99010119740316208X", Name: "李建华", Phone: "13905827164", AccountNo: "3058164927"}
}

const usualLock = "5 15m, 5 1h, 5 midnight, 5 reset"

var cityCases = map[string]cityCase{
	"beijing":   {"北京", []string{"208X00", "620800"}, "3 midnight, 3 reset", 8, 64, map[string]string{"Korb-beijing-7": "CONTEXT_WORD", "mxpqrvk": "TOO_SHORT"}},
	"guangzhou": {"广州", nil, "3 midnight, 3 midnight, 3 midnight, 2 reset", 8, 64, map[string]string{"Korb-GZGJJ-7": "CONTEXT_WORD"}},
	"shenzhen":  {"深圳", []string{"162080"}, usualLock, 8, 64, map[string]string{"Korb-深圳-7": "CONTEXT_WORD"}},
	"chongqing": {"重庆", []string{"492700"}, usualLock, 8, 64, map[string]string{"kd82mq": "TOO_SHORT"}},
	"nanjing":   {"南京", []string{"492700"}, usualLock, 6, 64, map[string]string{"kd82m": "TOO_SHORT", "kd82mq": "", "kd8 2mq": ""}},
	"guiyang":   {"贵阳", []string{"164927"}, usualLock, 8, 64, map[string]string{"Korb-guiyang-7": "CONTEXT_WORD"}},
	"qingdao":   {"青岛", []string{"164927"}, usualLock, 8, 64, map[string]string{"Korb-7-青岛": "CONTEXT_WORD"}},
	"harbin": {"哈尔滨", []string{"111111"}, usualLock, 6, 6, map[string]string{
		"582947": "", "58294": "TOO_SHORT", "5829471": "TOO_LONG", "5829-7": "BAD_CHARACTER", "123123": "COMMON REPEAT", "456789": "COMMON SEQUENCE",
		"５８２９４７": "BAD_CHARACTER", "": "TOO_SHORT", "199003": "COMMON", "111111": "COMMON DERIVED REPEAT",
	}},
	"zhengzhou": {"郑州", []string{"111111"}, usualLock, 8, 64, nil},
	"anyang":    {"安阳", []string{"111111"}, usualLock, 8, 64, nil},
	"ningbo":    {"宁波", []string{"111111"}, usualLock, 8, 64, map[string]string{"Korb-7-nbgjj": "CONTEXT_WORD"}},
	"suzhou":    {"苏州", []string{"16208X", "162080", "111111"}, usualLock, 8, 64, nil},
	"chengdu":   {"成都", []string{"16208X", "162080", "111111"}, usualLock, 8, 64, nil},
	"changsha":  {"长沙", nil, usualLock, 8, 64, nil},
	"shanghai": {"上海", nil, usualLock, 8, 64, map[string]string{
		"Korb-7-Lampe": "", "Korb7Lampe": "MISSING_SYMBOL", "Korb-x-Lampe": "MISSING_DIGIT", "8259-4716-3": "MISSING_LETTER", "kd8-2mq": "TOO_SHORT", "korb-7-lampe": "",
	}},
	"xiamen":   {"厦门", nil, usualLock, 8, 64, nil},
	"hangzhou": {"杭州", nil, usualLock, 8, 64, nil},
	"yingkou":  {"营口", nil, usualLock, 8, 64, nil},
	"jincheng": {"晋城", nil, usualLock, 6, 6, map[string]string{"582947": "", "58x947": "BAD_CHARACTER", "5829470": "TOO_LONG"}},
	"zunyi":    {"遵义", []string{"16208X", "162080", "111111"}, usualLock, 8, 64, nil},
	"wuxi":     {"无锡", []string{"16208X", "162080", "111111"}, usualLock, 8, 64, map[string]string{"Korb-7-Lampe": "", "korb-7-lampe": "MISSING_UPPER"}},
}

func TestCities(t *testing.T) {
	t.Parallel()
	for name, c := range cityCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustBuiltin(t, name)
			var tiers []string
			for _, r := range p.Lock.Tiers {
				tiers = append(tiers, fmt.Sprint(r.Attempts, " ", r.Lock))
			}
			shortest, longest := p.bounds()
			if p.City != c.zh || strings.Join(tiers, ", ") != c.tiers || shortest != c.shortest || longest != c.longest {
				t.Errorf("%s, %q, %d to %d", p.City, tiers, shortest, longest)
			}
			c.checkInitial(t, p)
			for password, want := range c.codes {
				if got := strings.Join(codes(p.Check(NewSecret(password), li())), " "); got != want {
					t.Errorf("%q breaks %q, want %q", password, got, want)
				}
			}
			if !slices.Contains(p.Words, c.zh) || len(p.Words) < 3 {
				t.Errorf("words %q", p.Words)
			}
		})
	}
	for _, name := range Builtins() {
		if _, known := cityCases[name]; !known && name != "default" && name != "classic-6-12" {
			t.Errorf("%s has no case", name)
		}
	}
}

// checkInitial checks that exactly the city's initial passwords are recognized, and that
// each is refused as a new password.
func (c cityCase) checkInitial(t *testing.T, p *Policy) {
	t.Helper()
	var got []string
	for _, rule := range p.InitialRules {
		initial, ok := Derive(rule, li())
		if !ok || !IsInitial(rule, li(), NewSecret(strings.ToLower(initial.Reveal()))) {
			t.Errorf("%s: none, or not in small letters", rule)
		}
		got = append(got, initial.Reveal())
	}
	if diff := cmp.Diff(c.initial, got); diff != "" {
		t.Errorf("initial passwords: %s", diff)
	}
	for _, initial := range c.initial {
		if broken := codes(p.Check(NewSecret(initial), li())); !slices.Contains(broken, "DERIVED") {
			t.Errorf("%q is taken as new: %v", initial, broken)
		}
		if is := func(rule string) bool { return IsInitial(rule, li(), NewSecret(initial+"1")) }; slices.ContainsFunc(p.InitialRules, is) {
			t.Errorf("%q1 counts as initial", initial)
		}
	}
}

// TestCitySources checks that every source is named, and that weak cities have warnings.
func TestCitySources(t *testing.T) {
	t.Parallel()
	const weak = "启用前请与中心的通知核对"
	for name := range cityCases {
		p := mustBuiltin(t, name)
		sources := []string{p.LockSource, p.InitialSource}
		for _, n := range p.Notes {
			sources = append(sources, n.Source)
		}
		for _, r := range p.Rules {
			if !strings.HasPrefix(r.Source, "NIST") || len(p.Rules) == 2 {
				sources = append(sources, r.Source)
			}
		}
		for _, s := range sources {
			if !strings.Contains(s, weak) {
				t.Errorf("%s: %q", name, s)
			}
		}
		if len(p.Examples.Accepted) < 3 || len(p.Examples.Refused) < 4 {
			t.Errorf("%s: %+v", name, p.Examples)
		}
		for _, e := range p.Examples.Accepted {
			if broken := p.Check(NewSecret(e), li()); len(broken) > 0 {
				t.Errorf("%s: %q: %v", name, e, broken)
			}
		}
	}
}

// TestSixDigitsStayPossible checks that most passwords of six digits are accepted in
// cities that allow only these.
func TestSixDigitsStayPossible(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"harbin", "jincheng"} {
		p, free := mustBuiltin(t, name), 0
		const tries = 4000
		for range tries {
			if len(p.Check(NewSecret(fmt.Sprintf("%06d", dice.IntN(1e6))), li())) == 0 {
				free++
			}
		}
		if free < tries*70/100 || free > tries*95/100 {
			t.Errorf("%s: %d of %d are free", name, free, tries)
		}
		t.Logf("%s: %d of %d are free", name, free, tries)
	}
}

// TestPapersAreChecked checks that a file with wrong examples or sources is refused, with
// an error that does not contain the examples.
func TestPapersAreChecked(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("长", 201)
	for name, test := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"accepted and bad":    {"examples", Examples{Accepted: []string{"mxpqrvkt", "woaini1314"}}, "accepted 2"},
		"refused and good":    {"examples", Examples{Refused: []string{"mxpqrvkt"}}, "refused 1"},
		"lock source":         {"lock_source", long, "lock_source"},
		"initial source":      {"initial_source", long, "initial_source"},
		"no note":             {"notes", []Remark{{"", "notice"}}, "notes"},
		"note without source": {"notes", []Remark{{"先修改", ""}}, "notes"},
		"unknown":             {"example", []string{}, `unknown object member name "example"`},
	} {
		_, err := ParsePolicy([]byte(withField(t, test.key, test.value)))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "mxpqrvkt") || strings.Contains(err.Error(), "woaini") {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := withField(t, "examples", Examples{[]string{"mxpqrvkt"}, []string{"woaini1314", "short"}})
	if p, err := ParsePolicy([]byte(good)); err != nil || len(p.Examples.Refused) != 2 {
		t.Errorf("%v, %v", p, err)
	}
}

func TestBuiltinFile(t *testing.T) {
	t.Parallel()
	for _, name := range Builtins() {
		got, err := BuiltinFile(name)
		want, err2 := os.ReadFile("policies/" + name + ".json")
		if err != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
	}
}
