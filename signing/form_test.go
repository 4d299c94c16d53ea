package signing

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestForm(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range maxParams + 1 {
		many = append(many, strings.Repeat("n", i%8+1)+strings.Repeat("m", i/8)+"=1")
	}
	cases := []struct {
		name, body string
		want       map[string]string // nil = rejected
		err        error
	}{
		{"plain", "a=1&b=2", map[string]string{"a": "1", "b": "2"}, nil},
		{"empty value", "a=&b=2", map[string]string{"a": "", "b": "2"}, nil},
		{"blank by plus", "a=1+2", map[string]string{"a": "1 2"}, nil},
		{"blank by escape", "a=1%202", map[string]string{"a": "1 2"}, nil},
		{"blanks at the ends", "a=+1+", map[string]string{"a": " 1 "}, nil},
		{"lower-case escape", "a=%2f%2F", map[string]string{"a": "//"}, nil},
		{"decoded once", "a=%253d", map[string]string{"a": "%3d"}, nil},
		{"line break inside", "a=1%0D%0A2", map[string]string{"a": "1\r\n2"}, nil},
		{"any bytes", "a=%FF%00", map[string]string{"a": "\xff\x00"}, nil},
		{"equals sign in value", "sign=ab==", map[string]string{"sign": "ab=="}, nil},
		{"ampersand in value", "subject=a+%26+b%3D1", map[string]string{"subject": "a & b=1"}, nil},
		{"unknown name in value", "subject=a%26zz%3D1", map[string]string{"subject": "a&zz=1"}, nil},
		{"unescaped punctuation", "a=x:/?@!$'()*,~-._", map[string]string{"a": "x:/?@!$'()*,~-._"}, nil},
		{"document with its own end", "biz_content=%7B%22a%22%3A%22%26app_id%3D1%22%7D", map[string]string{"biz_content": `{"a":"&app_id=1"}`}, nil},

		{"nothing", "", nil, ErrMalformed},
		{"no equals sign", "a", nil, ErrMalformed},
		{"no name", "=1", nil, ErrMalformed},
		{"separator first", "&a=1", nil, ErrMalformed},
		{"separator last", "a=1&", nil, ErrMalformed},
		{"two separators", "a=1&&b=2", nil, ErrMalformed},
		{"semicolon", "a=1;b=2", nil, ErrMalformed},
		{"escaped name", "%61=1", nil, ErrMalformed},
		{"name with plus", "a+b=1", nil, ErrMalformed},
		{"name with bracket", "a[]=1", nil, ErrMalformed},
		{"name too long", strings.Repeat("a", maxName+1) + "=1", nil, ErrMalformed},
		{"half an escape", "a=%2", nil, ErrMalformed},
		{"no hex digits", "a=%zz", nil, ErrMalformed},
		{"escape at the end", "a=%", nil, ErrMalformed},
		{"escape over the border", "a=%2&b=1", nil, ErrMalformed},
		{"blank", "a=1 2", nil, ErrMalformed},
		{"line break", "a=1\n", nil, ErrMalformed},
		{"tab", "a=\t", nil, ErrMalformed},
		{"zero byte", "a=\x00", nil, ErrMalformed},
		{"beyond ASCII", "a=\xe5", nil, ErrMalformed},
		{"delete", "a=\x7f", nil, ErrMalformed},
		{"twice", "a=1&b=2&a=1", nil, ErrDuplicateKey},
		{"twice, once empty", "a=&a=1", nil, ErrDuplicateKey},
		{"sign twice", "sign=1&sign=2", nil, ErrDuplicateKey},
		{"glued", "subject=x%26app_id%3D2", nil, ErrMalformed},
		{"glued empty", "subject=%26app_id%3D", nil, ErrMalformed},
		{"glued further on", "subject=a%26b%26%26sign%3D", nil, ErrMalformed},
		{"too many", strings.Join(many, "&"), nil, ErrMalformed},
		{"too long", "a=" + strings.Repeat("x", maxForm-1), nil, ErrMalformed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var f form
			err := f.parse([]byte(c.body))
			if !errors.Is(err, c.err) || (err == nil) != (c.want != nil) {
				t.Fatalf("%v", err)
			}
			if c.want == nil {
				return
			}
			if diff := cmp.Diff(c.want, f.asMap()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (f *form) asMap() map[string]string {
	all := make(map[string]string, f.n)
	for _, p := range f.params() {
		all[p.name] = p.value
	}
	return all
}

// Forms at the limits are accepted.
func TestFormBounds(t *testing.T) {
	t.Parallel()
	var f form
	if err := f.parse([]byte("a=" + strings.Repeat("x", maxForm-2))); err != nil {
		t.Error(err)
	}
	var names []string
	for i := range maxParams {
		names = append(names, strings.Repeat("n", i+1)+"=1")
	}
	slices.Reverse(names) // the most expensive order
	var g form
	if err := g.parse([]byte(strings.Join(names, "&"))); err != nil || g.n != maxParams {
		t.Error(g.n, err)
	}
	if !slices.IsSortedFunc(g.params(), func(a, b param) int { return strings.Compare(a.name, b.name) }) {
		t.Error("not sorted")
	}
}

// Error texts contain no value and no unknown name.
func TestFormErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"canary=1&canary=canary", "canary=x%26app_id%3Dcanary", "canary;canary=1", "a=%zcanary"} {
		var f form
		if err := f.parse([]byte(body)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// The canonical text is the one that Alipay documents, for any order of the parameters.
func TestFormText(t *testing.T) {
	t.Parallel()
	name := rapid.OneOf(rapid.StringMatching(`[a-z]{1,4}`), rapid.SampledFrom([]string{"sign", "sign_type", "img", "img1", "img.b", "img_a"}))
	rapid.Check(t, func(t *rapid.T) {
		params := rapid.MapOfN(name, rapid.String(), 1, 20).Draw(t, "params")
		var pairs []string
		for name, value := range params {
			pairs = append(pairs, name+"="+url.QueryEscape(value))
		}
		pairs = rapid.Permutation(pairs).Draw(t, "order")
		var f form
		if err := f.parse([]byte(strings.Join(pairs, "&"))); err != nil {
			if !slices.ContainsFunc(slices.Collect(maps.Values(params)), func(v string) bool { return strings.Contains(v, "&") }) {
				t.Fatalf("%q is rejected: %v", params, err)
			}
			t.Skip("a value embeds a parameter")
		}
		for _, rule := range rules {
			want := describedText(params, rule)
			if got := string(rule.text(nil, f.params(), true)); got != want {
				t.Errorf("rule %d: %q, want %q", rule, got, want)
			}
		}
		if diff := cmp.Diff(params, f.asMap()); diff != "" {
			t.Error(diff)
		}
	})
}

var escape = regexp.MustCompile(`(?i)%[0-9a-f]{2}|\+|[^%+]`)

// respell normalizes the escapes of a form to those of url.QueryEscape and sorts the
// pairs. It does not use parse.
func respell(body string) string {
	pairs := strings.Split(body, "&")
	slices.SortFunc(pairs, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		pairs[i] = name + "=" + escape.ReplaceAllStringFunc(value, func(s string) string {
			if raw, err := url.QueryUnescape(s); err == nil {
				return url.QueryEscape(raw)
			}
			return s
		})
	}
	return strings.Join(pairs, "&")
}

func (f *form) encode() string {
	pairs := make([]string, f.n)
	for i, p := range f.params() {
		pairs[i] = p.name + "=" + url.QueryEscape(p.value)
	}
	return strings.Join(pairs, "&")
}

// A parsed form encodes to the same bytes, except for escapes and order, net/url parses it
// to the same values, and its canonical text is the documented one.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a=+%2B%2b&img1=2&img=1", "sign=x&sign_type=RSA2&c=", "subject=a+%26+b%3D1", "a=1&a=2", "a=%zz", "&"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got form
		if got.parse(body) != nil {
			return
		}
		written := got.encode()
		if want := respell(string(body)); written != want {
			t.Fatalf("written %q, want %q", written, want)
		}
		var again form
		if err := again.parse([]byte(written)); err != nil || !slices.Equal(got.params(), again.params()) {
			t.Fatalf("not the same again: %v", err)
		}
		values, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatalf("net/url: %v", err)
		}
		for name, value := range maps.All(got.asMap()) {
			if v := values[name]; len(v) != 1 || v[0] != value {
				t.Fatalf("net/url reads %q as %q", name, v)
			}
		}
		text := describedText(got.asMap(), NotifyV1)
		if len(values) != got.n || text != string(NotifyV1.text(nil, got.params(), true)) {
			t.Fatal("text differs")
		}
	})
}
