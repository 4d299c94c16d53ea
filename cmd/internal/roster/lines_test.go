package roster

import (
	"encoding/csv"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/passwd"
)

func TestSplitLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, line string
		want       []string
		err        error
	}{
		{"one", "a", []string{"a"}, nil},
		{"none", "", []string{""}, nil},
		{"three", "a,b,c", []string{"a", "b", "c"}, nil},
		{"empty ones", ",,", []string{"", "", ""}, nil},
		{"quoted", `"a","b,c",d`, []string{"a", "b,c", "d"}, nil},
		{"quotes inside", `"a""b","""",""""""`, []string{`a"b`, `"`, `""`}, nil},
		{"empty quoted", `"",a,""`, []string{"", "a", ""}, nil},
		{"Chinese", "张三,“引号”", []string{"张三", "“引号”"}, nil},
		{"not closed", `a,"b`, nil, errQuote},
		{"not closed after quotes", `"a""`, nil, errQuote},
		{"text after quote", `"a"b,c`, nil, errQuote},
		{"quote in text", `a"b`, nil, errQuote},
		{"quote at the end", `a,b"`, nil, errQuote},
		{"comma at the end of quoted", `"a",`, []string{"a", ""}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := splitLine(nil, tt.line)
			if err != tt.err {
				t.Fatalf("got %v", err)
			}
			if d := cmp.Diff(tt.want, got); err == nil && d != "" {
				t.Error(d)
			}
		})
	}
}

// splitLine agrees with encoding/csv on every line that has no line break.
func FuzzSplitLine(f *testing.F) {
	for _, s := range []string{"a,b", `"a""b",c`, `"`, `""`, `a"`, ",", `"a" ,b`, "\ufeffa,b", " a", `"",`, `"a"",b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") || line == "" {
			t.Skip()
		}
		got, err := splitLine(nil, line)
		r := csv.NewReader(strings.NewReader(line))
		want, theirs := r.Read()
		if (err == nil) != (theirs == nil) {
			t.Fatalf("%q: got %q, %v; encoding/csv says %q, %v", line, got, err, want, theirs)
		}
		if d := cmp.Diff(want, got); err == nil && d != "" {
			t.Fatalf("%q: %s", line, d)
		}
	})
}

// Whatever a line holds, it becomes an entry or refusals, never both, and no
// refusal repeats what stood there.
func FuzzReadLine(f *testing.F) {
	h := mustHeader(f, rosterHeader)
	good := strings.Join(goodFields(), ",")
	for _, s := range []string{good, good + ",", strings.ToUpper(good), strings.ReplaceAll(good, "0", "x"), `"` + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := intake{header: h}
		e, refusals := m.checkLine(1, line)
		if len(refusals) == 0 && (e.Person.AccountNo == "" || len(e.DocumentKey) == 0 || (e.InitialRule == "") == (e.digest.Kind() == "")) {
			t.Fatalf("%q became %+v", line, e)
		}
		again, same := m.checkLine(1, line)
		if d := cmp.Diff(e, again, cmp.AllowUnexported(entry{}), cmp.Comparer(func(a, b passwd.Legacy) bool { return a == b })); d != "" || len(same) != len(refusals) {
			t.Fatal(d)
		}
	})
}

func TestLineReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", longestLine)
	tests := []struct {
		name, text string
		want       []string // "!" for a line that is too long
	}{
		{"empty", "", nil},
		{"one", "a", []string{"a"}},
		{"ended", "a\n", []string{"a"}},
		{"Windows", "a\r\nb\r\n", []string{"a", "b"}},
		{"empty lines", "a\n\n\nb", []string{"a", "", "", "b"}},
		{"just fits", long[1:] + "\nb", []string{long[1:], "b"}},
		{"too long", "a\n" + long + "\nb\n", []string{"a", "!", "b"}},
		{"very long", long + long + long + "y\nb", []string{"!", "b"}},
		{"too long at the end", "a\n" + long + "x", []string{"a", "!"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLineReader(strings.NewReader(tt.text))
			var got []string
			for {
				line, err := l.next()
				if err == io.EOF {
					break
				}
				switch err {
				case nil:
					got = append(got, line)
				case errLongLine:
					got = append(got, "!")
				default:
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if l.number != int64(len(tt.want)) || l.bytes != int64(len(tt.text)) {
				t.Errorf("%d lines, %d bytes; want %d, %d", l.number, l.bytes, len(tt.want), len(tt.text))
			}
		})
	}
}

func toGB18030(t testing.TB, s string) string {
	t.Helper()
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(s)
	cmdtest.NoError(t, err)
	return gb
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	const names = "张三\n李四\n王五\n"
	tests := []struct {
		name, content string
		lines         int64
		encoding      encoding
	}{
		{"ASCII", "a\nb", 2, inUTF8},
		{"UTF-8", names, 3, inUTF8},
		{"UTF-8 with mark", "\ufeff" + names, 3, inUTF8},
		{"GB18030", toGB18030(t, names), 3, inGB18030},
		{"UTF-8 with one damaged line", names + "\xff\xff\n", 4, inUTF8},
		{"GB18030 with one damaged line", toGB18030(t, names) + "\xff\xff\n", 4, inGB18030},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := fileRoster(cmdtest.TempFile(t, tt.content), autoEncoding)
			cmdtest.NoError(t, err)
			if r.lines != tt.lines || r.encoding != tt.encoding || len(r.digest) != 32 {
				t.Errorf("got %+v", r)
			}
		})
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none.csv")} {
		if _, err := fileRoster(path, autoEncoding); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
}

// Lines can be cut out of GB18030 before they are decoded.
func TestDecodeGB18030(t *testing.T) {
	t.Parallel()
	r := roster{encoding: inGB18030}
	rapid.Check(t, func(rt *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringMatching(`[\x{4e00}-\x{9fa5}\x{3400}-\x{4db5}\x{20000}-\x{2a6d6}A-Z0-9",·]{1,12}`), 1, 5).Draw(rt, "lines")
		reader := newLineReader(strings.NewReader(toGB18030(t, strings.Join(lines, "\n"))))
		for _, want := range lines {
			raw, err := reader.next()
			got, ok := r.decode(raw)
			if err != nil || !ok || got != want {
				rt.Fatalf("got %q, %v, %v; want %q", got, ok, err, want)
			}
		}
	})
	if s, ok := r.decode("\xff\xff"); ok {
		t.Errorf("got %q", s)
	}
}
