package terminal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
)

// said has the texts in the sources of all commands: those that must be in the table, and all
// literals.
type said struct {
	fset   *token.FileSet
	needed map[string]string // text to position
	all    map[string]bool
}

// literal returns a string constant, which may be a sum of literals.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, isA := literal(e.X)
		b, isB := literal(e.Y)
		return a + b, isA && isB && e.Op == token.ADD
	}
	return "", false
}

func (s *said) need(e ast.Expr) {
	if text, ok := literal(e); ok && strings.ContainsFunc(text, unicode.IsLetter) && text != "%s: %w" {
		s.needed[text] = s.fset.Position(e.Pos()).String()
	}
}

// visit finds the texts by the functions that they are passed to.
func (s *said) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		switch first := map[string]int{"T": 0, "Textf": 0, "Problemf": 1, "refuse": 1}; {
		case name == "Row":
			for _, arg := range n.Args {
				s.need(arg)
			}
		default:
			if i, ok := first[name]; ok && i < len(n.Args) {
				s.need(n.Args[i])
			}
		}
	case *ast.CompositeLit:
		s.visitLiteral(n)
	case ast.Expr:
		if text, ok := literal(n); ok {
			s.all[text] = true
		}
	}
	return true
}

// visitLiteral finds the notes of check and the uses of key files.
func (s *said) visitLiteral(n *ast.CompositeLit) {
	name := ""
	switch t := n.Type.(type) {
	case *ast.Ident:
		name = t.Name
	case *ast.ArrayType:
		if id, ok := t.Elt.(*ast.Ident); ok {
			for _, e := range n.Elts {
				if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
					inner.Type = id
				}
			}
		}
	}
	for i, e := range n.Elts {
		if name == "finding" && i > 0 && !isSettingName(e) || name == "keyFile" && i == 3 {
			s.need(e)
		}
	}
}

func isSettingName(e ast.Expr) bool {
	text, ok := literal(e)
	return ok && strings.HasPrefix(text, "FUNDPASS_")
}

func readSaid(t *testing.T) *said {
	t.Helper()
	s := &said{token.NewFileSet(), map[string]string{}, map[string]bool{}}
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		table := strings.HasPrefix(filepath.Base(path), "texts")
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || table {
			return err
		}
		f, err := parser.ParseFile(s.fset, path, nil, 0)
		if err == nil {
			ast.Inspect(f, s.visit)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTexts checks that every text that a command writes in two languages is in the table.
func TestTexts(t *testing.T) {
	t.Parallel()
	s := readSaid(t)
	if len(s.needed) < 100 {
		t.Errorf("only %d texts were found", len(s.needed))
	}
	for english, at := range s.needed {
		if chinese[english] == "" {
			t.Errorf("%s: no Chinese for %q", at, english)
		}
	}
}

// built matches the keys that the sources assemble from two parts.
var built = regexp.MustCompile(`^(not a number of this document type: .*|not a name: .*|not one of [0-9 ]+)$`)

// TestTableOfTexts checks that each text of the table is used, has the same verbs in both
// languages, and is Chinese.
func TestTableOfTexts(t *testing.T) {
	t.Parallel()
	s := readSaid(t)
	// Actions are named in package store, reasons of a document in package document.
	elsewhere := []string{"unlock", "reset code", "export", "erase", "erase with account", "not a name", "unknown document type", "old digest cannot be imported",
		"channel on", "channel off", "channel off requested", "channel off, emergency", "channel hours", "channel limit", "channel set"}
	verb := regexp.MustCompile(`%(\[\d+\])?[+#.\d]*[a-z]`)
	for english, text := range chinese {
		if !s.all[english] && s.needed[english] == "" && !built.MatchString(english) && !slices.Contains(elsewhere, english) {
			t.Errorf("nothing says %q", english)
		}
		if a, b := verb.FindAllString(english, -1), verb.FindAllString(text, -1); !slices.Equal(a, b) {
			t.Errorf("%q has %v, its Chinese %v", english, a, b)
		}
		if strings.ContainsFunc(english, unicode.IsLower) && english != text && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) && text != verb.FindString(text)+"："+verb.FindString(text) {
			t.Errorf("%q is no Chinese", text)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		want Language
	}{
		{"nothing", nil, nil, English},
		{"LANG", map[string]string{"LANG": "zh_CN.UTF-8"}, nil, Chinese},
		{"LC_ALL first", map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, nil, English},
		{"LC_MESSAGES before LANG", map[string]string{"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, nil, Chinese},
		{"flag", nil, []string{"--lang", "zh"}, Chinese},
		{"flag before LANG", map[string]string{"LANG": "zh_CN"}, []string{"--lang", "en"}, English},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := Stdio{Getenv: func(name string) string { return c.env[name] }}
			var got Language
			root := Root(w, &cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, _ []string) error {
				got = w.For(cmd).Language
				return nil
			}})
			root.SetArgs(append([]string{"x"}, c.args...))
			if err := root.Execute(); err != nil || got != c.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	root := Root(Stdio{}, &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { return nil }})
	root.SetArgs([]string{"x", "--lang", "fr"})
	if err := root.Execute(); err == nil {
		t.Error("French is taken")
	}
}

// TestTextIn checks that a text and its arguments follow the language.
func TestTextIn(t *testing.T) {
	t.Parallel()
	text := Textf("is not set; wanted: %s", Bilingual{"a name", "名称"})
	if got := text.Error() + " | " + text.In(Chinese); got != "is not set; wanted: a name | 未设置；需要：名称" {
		t.Errorf("got %s", got)
	}
	if got := Chinese.T("no such text %d", 7); got != "no such text 7" {
		t.Errorf("got %s", got)
	}
}
