package document

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultList(t *testing.T) {
	t.Parallel()
	want := map[string]Kind{
		Citizen: CitizenCard, Military: OfficerCard, Passport: PassportBook, PermanentResident: PermanentCard,
		HongKongMacao: HongKongMacaoPermit, Other: OtherPaper,
	}
	for _, ty := range Default().Types() {
		if want[ty.Code] != ty.Kind || ty.CounterOnly {
			t.Errorf("%+v", ty)
		}
		delete(want, ty.Code)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// A centre's list adds and renumbers codes; the holder's key is unchanged.
func TestCentreList(t *testing.T) {
	t.Parallel()
	renumbered, err := ParseList([]byte(`{"name":"某市","documents":[
		{"code":"1","kind":"citizen","name":"身份证"},{"code":"A9","kind":"passport","name":"护照"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	n := number("19900307", 1)
	d, err := renumbered.Parse("1", n)
	if err != nil || d.Type != "1" || string(d.Key()) != "01:"+n || d.Birthday() != "19900307" || d.Certdoc() != "01" {
		t.Errorf("%v, key %s, birthday %q, certdoc %q, %v", d, d.Key(), d.Birthday(), d.Certdoc(), err)
	}
	if p, err := renumbered.Parse("A9", "E12345678"); err != nil || string(p.Key()) != "03:E12345678" {
		t.Errorf("%v, %v", p, err)
	}
	for _, code := range []string{"01", "99", "", "a9"} {
		if _, err := renumbered.Parse(code, n); !errors.Is(err, ErrType) {
			t.Errorf("code %q: %v", code, err)
		}
	}
	list := centre(t)
	seen := map[Kind]bool{}
	for _, ty := range list.Types() {
		seen[ty.Kind] = true
		if ty.CounterOnly != (ty.Code == "11") {
			t.Errorf("%+v", ty)
		}
	}
	if len(seen) != len(kinds) {
		t.Errorf("the example names %d of %d kinds", len(seen), len(kinds))
	}
	list.Types()[0].Code = "77"
	if _, ok := list.Type("77"); ok {
		t.Error("Types returns the list itself, not a copy")
	}
}

func TestListRefused(t *testing.T) {
	t.Parallel()
	one := func(entry string) string { return `{"name":"x","documents":[` + entry + `]}` }
	const good = `{"code":"01","kind":"citizen","name":"身份证"}`
	for name, c := range map[string]struct{ json, want string }{
		"empty":            {``, "EOF"},
		"not JSON":         {`{01 citizen}`, "member name must be a string"},
		"nobody's":         {`{"documents":[` + good + `]}`, "60 printable"},
		"escape in a name": {`{"name":"\u001b[2J","documents":[` + good + `]}`, "60 printable"},
		"no document":      {`{"name":"x","documents":[]}`, "0 documents"},
		"null":             {`null`, "0 documents"},
		"array":            {`[]`, "JSON array"},
		"unknown key":      {`{"name":"x","types":[]}`, "types"},
		"unknown key deep": {one(`{"code":"01","kind":"citizen","name":"身份证","online":true}`), `"online" within "/documents/0"`},
		"key twice":        {one(`{"code":"01","code":"02","kind":"citizen","name":"身份证"}`), `duplicate object member name "code"`},
		"list twice":       {`{"documents":[` + good + `],"documents":[` + good + `]}`, "documents"},
		"upper-case key":   {one(`{"Code":"01","kind":"citizen","name":"身份证"}`), "Code"},
		"two values":       {one(good) + one(good), "after top-level value"},
		"unknown kind":     {one(`{"code":"01","kind":"id","name":"身份证"}`), "hong-kong-macao-permit"},
		"no kind":          {one(`{"code":"01","name":"身份证"}`), "kind"},
		"code of a word":   {one(`{"code":"身份","kind":"citizen","name":"身份证"}`), "one or two"},
		"long code":        {one(`{"code":"001","kind":"citizen","name":"身份证"}`), "one or two"},
		"small letter":     {one(`{"code":"a1","kind":"citizen","name":"身份证"}`), "one or two"},
		"no code":          {one(`{"kind":"citizen","name":"身份证"}`), "one or two"},
		"number as code":   {one(`{"code":1,"kind":"citizen","name":"身份证"}`), "/documents/0/code"},
		"code twice":       {one(good + "," + good), "duplicate"},
		"no name":          {one(`{"code":"01","kind":"citizen"}`), "name"},
		"name of markup":   {one(`{"code":"01","kind":"citizen","name":"<b>身份证</b>"}`), "name"},
		"invisible name":   {one(`{"code":"01","kind":"citizen","name":"身份\u200b证"}`), "name"},
		"long name":        {one(`{"code":"01","kind":"citizen","name":"` + strings.Repeat("证", 31) + `"}`), "name"},
		"not UTF-8":        {"{\"name\":\"\xff\"}", "UTF-8"},
		"too long":         {one(good) + strings.Repeat(" ", maxListBytes), "longer"},
	} {
		l, err := ParseList([]byte(c.json))
		if !errors.Is(err, ErrList) || !strings.Contains(err.Error(), c.want) || l != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	_, err := ParseList([]byte(one(`{"code":"001","kind":"citizen","name":"身份证"},{"code":"01","kind":"x","name":"身份证"}`)))
	if err == nil || !strings.Contains(err.Error(), "document 1: ") || !strings.Contains(err.Error(), "document 2: ") {
		t.Errorf("not all problems at once: %v", err)
	}
}

func TestLoadList(t *testing.T) {
	t.Parallel()
	if _, err := LoadList(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, ErrList) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	path := filepath.Join(t.TempDir(), "wrong.json")
	if err := os.WriteFile(path, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadList(path); !errors.Is(err, ErrList) || !strings.Contains(err.Error(), path) {
		t.Errorf("wrong: %v", err)
	}
}

func FuzzList(f *testing.F) {
	f.Add(builtin)
	f.Add([]byte(`{"name":"x","documents":[{"code":"1","kind":"other","name":"其他"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseList(data)
		if err != nil {
			if l != nil {
				t.Fatal("a list was returned with an error")
			}
			return
		}
		for _, ty := range l.Types() {
			if _, err := l.Parse(ty.Code, ""); !errors.Is(err, ErrNumber) {
				t.Fatalf("%+v: %v", ty, err)
			}
		}
	})
}
