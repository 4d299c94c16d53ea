package store_test

import (
	"cmp"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
)

// A sqlText is a statement or a part of one, and its place in the source.
type sqlText struct {
	file, text string
	at         token.Pos
}

var beginsSQL = regexp.MustCompile(`(?i)^\s*\(?(WITH|SELECT|INSERT INTO|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|DROP|ALTER|COPY|DECLARE|LOCK|SET)\s`)

// sqlOf returns the string expressions of a package that are SQL or parts of it. Constants
// are resolved; other names are written in «».
func sqlOf(p *ast.Package) (found []sqlText) {
	texts := constantTexts(p)
	for name, f := range p.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				return !allStrings(n) // resolved where it is used
			case *ast.ImportSpec:
				return false
			case ast.Expr:
				text, is := textOf(n, texts)
				if is && (beginsSQL.MatchString(text) || partOfSQL.MatchString(text)) {
					found = append(found, sqlText{name, text, n.Pos()})
				}
				return !is
			}
			return true
		})
	}
	slices.SortFunc(found, func(x, y sqlText) int { return cmp.Or(cmp.Compare(x.file, y.file), int(x.at-y.at)) })
	return found
}

var partOfSQL = regexp.MustCompile(`(?i)\b(FROM|JOIN|USING)\s+\w+[^.]*\b(WHERE|ON)\b`)

func allStrings(v *ast.ValueSpec) bool {
	for _, e := range v.Values {
		if _, is := textOf(e, nil); !is {
			return false
		}
	}
	return len(v.Values) > 0
}

// constantTexts returns the string constants and variables of a package, resolving those
// that are built from others.
func constantTexts(p *ast.Package) map[string]string {
	texts := map[string]string{}
	for range 3 { // they are declared in any order
		for _, f := range p.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				v, ok := n.(*ast.ValueSpec)
				for i := 0; ok && i < min(len(v.Names), len(v.Values)); i++ {
					if text, is := textOf(v.Values[i], texts); is {
						texts[v.Names[i].Name] = text
					}
				}
				return true
			})
		}
	}
	return texts
}

// textOf returns the value of a string expression and whether it is one.
func textOf(e ast.Expr, texts map[string]string) (text string, is bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return literal(e), e.Kind == token.STRING
	case *ast.Ident:
		text, is = texts[e.Name]
		return text, is
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		x, isX := textOf(e.X, texts)
		y, isY := textOf(e.Y, texts)
		if !isX {
			x = placeholder(e.X)
		}
		if !isY {
			y = placeholder(e.Y)
		}
		return x + y, isX || isY
	}
	return "", false
}

func placeholder(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return "«" + e.Name + "»"
	case *ast.SelectorExpr:
		return "«" + e.Sel.Name + "»"
	}
	return "«»"
}

// names returns the first groups of the matches of pattern.
func names(pattern, text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all[m[1]] = true
	}
	return all
}
