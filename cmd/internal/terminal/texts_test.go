package terminal

import (
	"cmp"
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

// format returns a string expression as a format: a sum of literals, in which %s stands for
// what is not one. It returns false for an expression without a literal.
func format(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return format(e.X)
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if name, text, ok := strings.Cut(s, ": "); ok && packages[name] {
			s = text
		}
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, isA := format(e.X)
		b, isB := format(e.Y)
		if e.Op != token.ADD || !isA && !isB {
			return "", false
		}
		return cmp.Or(a, "%s") + cmp.Or(b, "%s"), true
	}
	return "", false
}

// wordless matches formats of names, flags and values alone, and what only the log, a shell or
// the API reads.
var wordless = regexp.MustCompile(`^([^a-z]|%[.\d]*[a-z]|--[a-z-]+|\b(ms|s)\b)*$|^(fundpass: |fundpass proves|# |\(\?|curl |go run |Bearer |  fundpass |fundpass app-client$|keys new$|%s (walk|app-client) --base)`)

func (s *said) need(e ast.Expr) {
	if text, ok := format(e); ok && !wordless.MatchString(text) {
		s.needed[text] = s.fset.Position(e.Pos()).String()
	}
}

// prose matches texts of two words and more.
var prose = regexp.MustCompile(`[A-Za-z%][a-z,:;]* [a-z(%]`)

// visit finds prose, and shorter texts by the functions that they are passed to.
func (s *said) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Field: // of a struct, with its tag
		return n.Tag == nil
	case *ast.CallExpr:
		return s.visitCall(n)
	case *ast.CompositeLit:
		s.visitLiteral(n)
	case *ast.AssignStmt:
		if n.Tok == token.ADD_ASSIGN {
			return s.visit(&ast.BinaryExpr{X: n.Lhs[0], Op: token.ADD, Y: n.Rhs[0], OpPos: n.Pos()})
		}
	case ast.Expr:
		text, ok := format(n)
		if !ok {
			return true
		}
		s.all[text] = true
		if prose.MatchString(text) {
			s.need(n)
		}
		visitOthers(n, s.visit)
		return false
	}
	return true
}

// visitOthers visits the parts of a sum that are no literals.
func visitOthers(e ast.Expr, visit func(ast.Node) bool) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		visitOthers(e.X, visit)
		visitOthers(e.Y, visit)
	case *ast.BasicLit:
	default:
		ast.Inspect(e, visit)
	}
}

// visitCall returns false for what operators do not read as a text: the log, and a panic.
func (s *said) visitCall(n *ast.CallExpr) bool {
	name := ""
	switch f := n.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	first := map[string]int{"T": 0, "Textf": 0, "Problemf": 1, "refuse": 1, "New": 0, "Errorf": 0}
	switch i, ok := first[name]; {
	case name == "panic" || slices.Contains([]string{"Info", "Warn", "Error", "Debug"}, name) && len(n.Args) > 0:
		return false
	case name == "Row", name == "startMeter":
		for _, arg := range n.Args {
			s.need(arg)
		}
	case ok && i < len(n.Args):
		s.need(n.Args[i])
	}
	return true
}

// visitLiteral finds the notes of check, the uses of key files and the words of a meter.
func (s *said) visitLiteral(n *ast.CompositeLit) {
	name := ""
	switch t := n.Type.(type) {
	case *ast.Ident:
		name = t.Name
	case *ast.SelectorExpr:
		name = t.Sel.Name
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
		if pair, ok := e.(*ast.KeyValueExpr); ok && name == "Meter" {
			e = pair.Value
		}
		if name == "finding" && i > 0 && !isSettingName(e) || name == "keyFile" && i == 3 || name == "Meter" {
			s.need(e)
		}
	}
}

func isSettingName(e ast.Expr) bool {
	text, ok := format(e)
	return ok && strings.HasPrefix(text, "FUNDPASS_")
}

// spoken are the sources of the texts: the commands, the findings of other packages that they
// print, and what is wrong with the files of an operator.
var spoken = []string{"..", "../../fundpass", "../../../miniapp-api/passwd/lint*.go", "../../../signing/diagnose*.go",
	"../../../signing/corruption.go", "../../../signing/signatureinfo.go", "../../../keys/*.go"}

// unspoken are files whose texts no operator reads on a screen: fixtures of tests, invented
// people, whose captions have two languages, and what the demo's page reads.
var unspoken = regexp.MustCompile(`_test\.go$|/cmdtest/|/demo/(counter|stories)\.go$|/roster/sample\.go$|/terminal/texts`)

func readSaid(t *testing.T, sources ...string) *said {
	t.Helper()
	s := &said{token.NewFileSet(), map[string]string{}, map[string]bool{}}
	for _, pattern := range sources {
		roots, err := filepath.Glob(pattern)
		if err != nil || len(roots) == 0 {
			t.Fatal("no files", pattern, err)
		}
		for _, root := range roots {
			if err := filepath.WalkDir(root, s.read); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// read reads the texts of a source.
func (s *said) read(path string, _ fs.DirEntry, err error) error {
	if err != nil || filepath.Ext(path) != ".go" || unspoken.MatchString(path) {
		return err
	}
	f, err := parser.ParseFile(s.fset, path, nil, 0)
	if err == nil {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); !ok || g.Tok != token.IMPORT {
				ast.Inspect(d, s.visit)
			}
		}
	}
	return err
}

// TestTexts checks that every text that a command writes in two languages is in the table.
func TestTexts(t *testing.T) {
	t.Parallel()
	s := readSaid(t, spoken...)
	if len(s.needed) < 500 {
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
	s := readSaid(t, spoken...)
	// Texts of other packages may be in the table.
	elsewhere := readSaid(t, "../../../signing", "../../../store", "../../../miniapp-api/document", "../../../miniapp-api/passwd")
	for english, text := range chinese {
		if !s.all[english] && s.needed[english] == "" && cobraTexts[english] == "" && !built.MatchString(english) && !elsewhere.all[english] {
			t.Errorf("nothing says %q", english)
		}
		if a, b := verb.FindAllString(english, -1), verb.FindAllString(text, -1); !slices.Equal(a, b) {
			t.Errorf("%q has %v, its Chinese %v", english, a, b)
		}
		if strings.HasSuffix(english, "\n") != strings.HasSuffix(text, "\n") || strings.HasPrefix(english, "\n") != strings.HasPrefix(text, "\n") {
			t.Errorf("%q begins or ends another line than its Chinese", english)
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
