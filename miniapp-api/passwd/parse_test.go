package passwd

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const minimal = `{"name":"test","city":"","rules":[

{"id":"min","text":"至少8位","check":{"min_length":8},"source":"notice"},
{"id":"max","text":"最多64位","check":{"max_length":64},"source":"notice"}],
"history":3,"initial_rules":["id-last6"],"lock":{"rounds":[{"guesses":5,"lock":"15m"},{"guesses":5,"lock":"reset"}]}}`

// withField sets a field of the minimal policy.
func withField(t testing.TB, key string, value any) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(minimal), &m); err != nil {
		t.Fatal(err)
	}
	m[key] = value
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// withRule adds a rule to the minimal policy.
func withRule(rule string) string {
	return strings.Replace(minimal, `"rules":[`, `"rules":[`+rule+`,`, 1)
}

func rule(check, more string) string {
	return withRule(`{"id":"x","text":"规则","check":` + check + `,"source":"notice"` + more + `}`)
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	const why = `,"legacy":true,"reason":"the core takes no more"`
	for name, in := range map[string]string{
		"minimal":      minimal,
		"require":      rule(`{"require":["lower","upper","digit","symbol"]}`, why),
		"charset":      rule(`{"charset":"A-Za-z0-9"}`, why),
		"no space":     rule(`{"no_space":true}`, why),
		"short":        strings.Replace(minimal, `"min_length":8},"source":"notice"`, `"min_length":6},"source":"notice"`+why, 1),
		"short max":    strings.Replace(minimal, `"max_length":64},"source":"notice"`, `"max_length":12},"source":"notice"`+why, 1),
		"no initial":   withField(t, "initial_rules", []string{}),
		"six digits":   withField(t, "initial_rules", []string{"888888", "000000"}),
		"words":        withField(t, "words", []string{"无锡", "wx"}),
		"blanks round": " \n" + minimal + "\n",
		"longest lock": strings.Replace(minimal, "15m", "168h", 1),
		"Guangzhou":    withField(t, "lock", Lock{[]Tier{{3, "midnight"}, {3, "midnight"}, {3, "midnight"}, {1, "reset"}}}),
	} {
		if p, err := ParsePolicy([]byte(in)); err != nil || p == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	const why = `,"legacy":true,"reason":"the core takes no more"`
	swap := func(from, to string) string {
		if !strings.Contains(minimal, from) {
			t.Fatalf("%q is not in the policy", from)
		}
		return strings.Replace(minimal, from, to, 1)
	}
	for name, test := range map[string]struct{ in, want string }{
		"empty":                {"", "EOF"},
		"null":                 {"null", "name"},
		"array":                {"[]", "array"},
		"two values":           {minimal + "{}", "after top-level value"},
		"not UTF-8":            {swap("notice", "\xff"), "UTF-8"},
		"huge":                 {minimal + strings.Repeat(" ", 64<<10), "longer"},
		"unknown key":          {swap(`"history":3`, `"history":3,"max_age":90`), "max_age"},
		"unknown check":        {rule(`{"min_entropy":3}`, ""), "min_entropy"},
		"key twice":            {swap(`"history":3`, `"history":3,"history":0`), `duplicate object member name "history"`},
		"key twice, deep":      {rule(`{"no_space":true,"no_space":true}`, why), "no_space"},
		"wrong case":           {swap(`"history":3`, `"History":3`), "History"},
		"wrong case, deep":     {rule(`{"No_Space":true}`, why), `unknown object member name "No_Space"`},
		"wrong type":           {swap(`"history":3`, `"history":"3"`), "history"},
		"no name":              {swap(`"test"`, `""`), "name"},
		"odd name":             {swap(`"test"`, `"Test 1"`), "name"},
		"history":              {swap(`"history":3`, `"history":25`), "history"},
		"negative history":     {swap(`"history":3`, `"history":-1`), "history"},
		"no min":               {swap(`{"min_length":8}`, `{"max_length":64}`), "min_length"},
		"two mins":             {rule(`{"min_length":9}`, ""), "min_length"},
		"min over max":         {swap(`{"min_length":8}`, `{"min_length":65}`), "min_length"},
		"min far too short":    {swap(`{"min_length":8},"source":"notice"`, `{"min_length":5},"source":"notice"`+why), "min_length"},
		"max far too long":     {swap(`{"max_length":64}`, `{"max_length":257}`), "max_length"},
		"negative":             {swap(`{"min_length":8}`, `{"min_length":-8}`), "min_length"},
		"weak min":             {swap(`{"min_length":8}`, `{"min_length":6}`), "legacy"},
		"weak max":             {swap(`{"max_length":64}`, `{"max_length":12}`), "legacy"},
		"composition":          {rule(`{"require":["digit"]}`, ""), "legacy"},
		"charset":              {rule(`{"charset":"a-z"}`, ""), "legacy"},
		"no space":             {rule(`{"no_space":true}`, ""), "legacy"},
		"legacy, no reason":    {rule(`{"no_space":true}`, `,"legacy":true`), "reason"},
		"legacy, blank reason": {rule(`{"no_space":true}`, `,"legacy":true,"reason":" "`), "reason"},
		"reason, not legacy":   {rule(`{"no_space":true}`, `,"reason":"so"`), "legacy"},
		"legacy without need":  {swap(`{"min_length":8},"source":"notice"`, `{"min_length":8},"source":"notice"`+why), "is not weak"},
		"no check":             {rule(`{}`, ""), "exactly one"},
		"two kinds":            {rule(`{"no_space":true,"charset":"a-z"}`, why), "exactly one"},
		"server check":         {rule(`{"server":true}`, ""), "server"},
		"bad charset":          {rule(`{"charset":"^a"}`, why), "charset"},
		"unknown class":        {rule(`{"require":["emoji"]}`, why), "emoji"},
		"class twice":          {rule(`{"require":["digit","digit"]}`, why), "digit"},
		"no class":             {rule(`{"require":[]}`, why), "require"},
		"id taken":             {withRule(`{"id":"min","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "taken"},
		"id of a fixed rule":   {withRule(`{"id":"common","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "taken"},
		"id of history":        {withRule(`{"id":"history","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "taken"},
		"odd id":               {withRule(`{"id":"X y","text":"规则","check":{"no_space":true},"source":"n"` + why + `}`), "id"},
		"no text":              {withRule(`{"id":"x","text":" ","check":{"no_space":true},"source":"n"` + why + `}`), "text"},
		"no source":            {withRule(`{"id":"x","text":"规则","check":{"no_space":true},"source":""` + why + `}`), "source"},
		"unknown initial":      {swap(`"id-last6"`, `"id-last7"`), "id-last7"},
		"five digits":          {swap(`"id-last6"`, `"11111"`), "11111"},
		"short word":           {withField(t, "words", []string{"a"}), "words"},
		"word of symbols":      {withField(t, "words", []string{"--"}), "words"},
		"no rounds":            {withField(t, "lock", Lock{}), "rounds"},
		"never reset":          {withField(t, "lock", Lock{[]Tier{{5, "15m"}}}), "reset"},
		"reset too early":      {withField(t, "lock", Lock{[]Tier{{5, "reset"}, {5, "reset"}}}), "reset"},
		"no attempt":           {withField(t, "lock", Lock{[]Tier{{0, "15m"}, {5, "reset"}}}), "guesses"},
		"too many attempts":    {withField(t, "lock", Lock{[]Tier{{60, "15m"}, {41, "reset"}}}), "100"},
		"overflow":             {swap(`"guesses":5`, `"guesses":9223372036854775807`), "guesses"},
		"odd lock":             {swap(`"15m"`, `"soon"`), "lock"},
		"no lock":              {swap(`"15m"`, `""`), "lock"},
		"short lock":           {swap(`"15m"`, `"59s"`), "lock"},
		"negative lock":        {swap(`"15m"`, `"-15m"`), "lock"},
		"endless lock":         {swap(`"15m"`, `"169h"`), "lock"},
	} {
		p, err := ParsePolicy([]byte(test.in))
		if !errors.Is(err, ErrPolicy) || p != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	in := strings.NewReplacer(`"min_length":8`, `"min_length":6`, `"max_length":64`, `"max_length":12`, `"id-last6"`, `"dice"`, `"15m"`, `"1s"`, `"history":3`, `"history":99`).Replace(minimal)
	_, err := ParsePolicy([]byte(in))
	for _, want := range []string{"min_length 6", "max_length 12", "dice", "round 1", "history"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing: %v", want, err)
		}
	}
}

func TestLoadPolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	for path, text := range map[string]string{good: minimal, bad: "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := LoadPolicy(good); err != nil || p.Name != "test" {
		t.Errorf("good: %v", err)
	}
	if _, err := LoadPolicy(bad); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "bad.json") {
		t.Errorf("bad: %v", err)
	}
	if _, err := LoadPolicy(filepath.Join(dir, "none.json")); !errors.Is(err, ErrPolicy) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, name := range []string{"default", "classic-6-12", "wuxi"} {
		data, _ := builtin.ReadFile("policies/" + name + ".json")
		f.Add(string(data))
	}
	f.Add(minimal)
	f.Add(strings.Repeat("[", 100))
	f.Fuzz(func(t *testing.T, in string) {
		p, err := ParsePolicy([]byte(in))
		if err != nil {
			if p != nil || !errors.Is(err, ErrPolicy) {
				t.Fatalf("%v with %v", err, p)
			}
			return
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePolicy(out)
		if err != nil || !cmp.Equal(p, again) {
			t.Fatalf("%s: %v", out, err)
		}
		p.Check(NewSecret("Korb-7-Lampe"), wang())
		p.Warnings()
		if len(p.Lock.Until(time.Now())) != len(p.Lock.Attempts()) || len(p.Public()) < len(fixedRules) {
			t.Fatal("lengths differ")
		}
	})
}
