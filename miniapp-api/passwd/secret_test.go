package passwd

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const canary = "Canary-Vogel-7391"

// outer contains secrets in every way a struct can, also where fmt cannot call the
// Secret's methods.
type outer struct {
	Public  Secret `json:"password" xml:"password"`
	Pointer *Secret
	private Secret
	Any     any
	List    []Secret
	Map     map[string]Secret
}

type xmlBody struct{ P Secret }

func newOuter() outer {
	s := NewSecret(canary)
	return outer{s, &s, s, s, []Secret{s}, map[string]Secret{"k": s}}
}

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	s, o := NewSecret(canary), newOuter()
	o.private = s
	for _, verb := range []string{"v", "+v", "#v", "s", "+s", "#s", "q", "+q", "#q", "x", "X", "# x", "d", "c", "U", "t", "b", "o", "e", "p", "T", "10.3s", "-40v", "w"} {
		for _, v := range []any{s, &s, o, &o, []any{s}, map[string]Secret{"k": s}, [1]Secret{s}, fmt.Errorf("wrong: %v", s)} {
			got := fmt.Sprintf("%"+verb, v)
			if leaks(got) {
				t.Errorf("%%%s of %T prints %s", verb, v, got)
			}
		}
	}
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "d"} {
		if got := fmt.Sprintf("%"+verb, s); got != masked {
			t.Errorf("%%%s = %q", verb, got)
		}
	}
	if got := fmt.Sprint(s, errors.New("x"), s) + s.String() + s.GoString(); leaks(got) || strings.Count(got, masked) != 4 {
		t.Errorf("Sprint = %q", got)
	}
}

// leaks reports whether s contains the canary as text, in hex or as the numbers of its
// bytes.
func leaks(s string) bool {
	low := strings.ToLower(strings.NewReplacer(" ", "", ",", "", "0x", "", "[", "", "]", "").Replace(s))
	return strings.Contains(s, canary) || strings.Contains(s, "Vogel") ||
		strings.Contains(low, fmt.Sprintf("%x", "Vogel")) || strings.Contains(low, "86111103101108")
}

func TestSecretInEncodersAndLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	o := newOuter()
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("m", "s", o.Public, "p", o.Pointer, "o", o, "g", slog.GroupValue(slog.Any("s", o.Public)))
	}
	one, err := json.Marshal(o)
	if err != nil {
		t.Error(err)
	}
	two, err := jsonv2.Marshal(o)
	if err != nil {
		t.Error(err)
	}
	out.Write(one)
	out.Write(two)
	if err := xml.NewEncoder(&out).Encode(xmlBody{o.Public}); err != nil {
		t.Error(err)
	}
	if err := template.Must(template.New("").Parse("{{.Public}} {{printf `%s` .Public}}")).Execute(&out, o); err != nil {
		t.Error(err)
	}
	out.WriteString(cmp.Diff(NewSecret(canary), NewSecret("other")))
	if leaks(out.String()) || strings.Count(out.String(), masked) < 10 {
		t.Errorf("output: %s", out.String())
	}
	if err := gob.NewEncoder(&out).Encode(o.Public); err == nil && leaks(out.String()) {
		t.Error("gob carries the password")
	}
}

func TestSecretFromJSON(t *testing.T) {
	t.Parallel()
	type body struct {
		P Secret `json:"p"`
	}
	decoders := map[string]func([]byte, any) error{
		"v1": json.Unmarshal,
		"v2": func(b []byte, v any) error { return jsonv2.Unmarshal(b, v) },
	}
	for name, unmarshal := range decoders {
		for in, want := range map[string]string{
			`{"p":"` + canary + `"}`: canary,
			`{"p":""}`:               "",
			`{}`:                     "",
			`{"p":" \u5bc6\n码 "}`:    " 密\n码 ",
		} {
			var b body
			if err := unmarshal([]byte(in), &b); err != nil || b.P.Reveal() != want {
				t.Errorf("%s %s: %q, %v", name, in, b.P.Reveal(), err)
			}
		}
		for _, in := range []string{`{"p":7391}`, `{"p":null}`, `{"p":["` + canary + `"]}`, `{"p":{"` + canary + `":1}}`, `{"p":true}`, `{"p":"` + canary, "{\"p\":\"a\xff\"}"} {
			b := body{NewSecret("before")}
			err := unmarshal([]byte(in), &b)
			if err == nil || leaks(err.Error()) || strings.Contains(err.Error(), "7391") {
				t.Errorf("%s %s: error %v", name, in, err)
			}
			if b.P.Reveal() != "before" && !b.P.Empty() {
				t.Errorf("%s %s: half a value", name, in)
			}
		}
	}
	if err := new(Secret).UnmarshalJSON([]byte(`7`)); !errors.Is(err, ErrNotString) {
		t.Errorf("error %v", err)
	}
}

func TestSecretEqual(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"a", "a", true}, {"a", "b", false}, {"a", "A", false}, {"a", "a ", false}, {"a", "", false},
		{"caf\u00e9", "cafe\u0301", true}, {"\uac00", "\u1100\u1161", true}, {"\u212b", "\u00c5", true},
		{"ａ", "a", false}, {"\ufb01", "fi", false},
		{strings.Repeat("a", 5000), strings.Repeat("a", 5000), true}, {strings.Repeat("a", 5000), strings.Repeat("a", 4999) + "b", false},
	} {
		if got := NewSecret(test.a).Equal(NewSecret(test.b)); got != test.want {
			t.Errorf("Equal(%q, %q) = %v", test.a, test.b, got)
		}
	}
	var zero Secret
	if !zero.Empty() || !zero.Equal(NewSecret("")) || zero.Reveal() != "" || NewSecret("a").Empty() {
		t.Error("the zero Secret is not the empty password")
	}
}

func TestSecretProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.String().Draw(t, "v")
		s := NewSecret(v)
		if s.Reveal() != v || !s.Equal(NewSecret(s.Normalised())) {
			t.Fatalf("%q: reveal %q, normalised %q", v, s.Reveal(), s.Normalised())
		}
		wire, _ := json.Marshal(v)
		var back Secret
		if err := json.Unmarshal(wire, &back); err != nil || back.Reveal() != v {
			t.Fatalf("%q came back as %q, %v", v, back.Reveal(), err)
		}
	})
}
