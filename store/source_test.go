package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	writes   = regexp.MustCompile(`(?i)\b(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP|COPY|CALL|set_config)\b`)
	executes = regexp.MustCompile(`^(Must)?(Named)?Exec(Context)?$|^Prepare`)
)

// TestNoWriteOutsideTransaction checks the source of this package.
func TestNoWriteOutsideTransaction(t *testing.T) {
	files := token.NewFileSet()
	packages, err := parser.ParseDir(files, ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		texts := stringConstants(p)
		for _, f := range p.Files {
			for _, complaint := range outsideTransaction(f, texts) {
				t.Errorf("%s: %s", files.Position(complaint.at), complaint.text)
			}
		}
	}
}

type complaint struct {
	at   token.Pos
	text string
}

// outsideTransaction returns statements that run on a pool, writes within read, and calls
// that take a second connection while they hold one, which may wait for themselves.
func outsideTransaction(f *ast.File, texts map[string]string) (found []complaint) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if isIdent(n.X, "db") && executes.MatchString(n.Sel.Name) {
				found = append(found, complaint{n.Pos(), n.Sel.Name + " outside inTx: a lost answer would be a second write"})
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "read" || s.Sel.Name == "Read") {
				found = append(found, writesIn(n, texts)...)
			}
			if takesConnection(n) {
				found = append(found, connectionsIn(n)...)
			}
		}
		return true
	})
	return found
}

// takesConnection reports whether a call is one of DB or Pool that has a connection while it
// runs its function.
func takesConnection(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"read", "Read", "inTx", "InTx", "InTxOnce", "InIdempotentTx", "inImportTx"}, s.Sel.Name)
}

// connectionsIn returns the calls in the arguments of a call that take a connection.
func connectionsIn(call *ast.CallExpr) (found []complaint) {
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if inner, ok := n.(*ast.CallExpr); ok && takesConnection(inner) {
				found = append(found, complaint{n.Pos(), "a second connection within a call that has one"})
			}
			return true
		})
	}
	return found
}

func isIdent(e ast.Expr, name string) bool {
	i, ok := e.(*ast.Ident)
	return ok && i.Name == name
}

// writesIn returns SQL in the arguments of a call that writes or locks rows, as a literal
// or a constant.
func writesIn(call *ast.CallExpr, texts map[string]string) (found []complaint) {
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			text := ""
			switch n := n.(type) {
			case *ast.BasicLit:
				text = literal(n)
			case *ast.Ident:
				text = texts[n.Name]
			}
			if w := writes.FindString(text); w != "" {
				found = append(found, complaint{n.Pos(), w + " within read"})
			}
			return true
		})
	}
	return found
}

func literal(l *ast.BasicLit) string {
	if l.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(l.Value) // the parser has accepted it
	return s
}

// stringConstants returns the package's constants and variables that are one string
// literal.
func stringConstants(p *ast.Package) map[string]string {
	texts := map[string]string{}
	for _, f := range p.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range v.Names {
				if i < len(v.Values) {
					if l, ok := v.Values[i].(*ast.BasicLit); ok {
						texts[name.Name] = literal(l)
					}
				}
			}
			return true
		})
	}
	return texts
}

// TestSourceTestFinds checks that the test above can fail.
func TestSourceTestFinds(t *testing.T) {
	tests := []struct {
		name, body string
		want       int
	}{
		{"in order", `db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error { tx.ExecContext(ctx, "INSERT INTO a"); return nil })`, 0},
		{"reads", `db.read(ctx, func(q Q) error { return q.Get("SELECT updated_at FROM a") })`, 0},
		{"exec on a pool", `db.ExecContext(ctx, "INSERT INTO a")`, 1},
		{"insert in read", `db.read(ctx, func(q Q) error { return q.Get("INSERT INTO a RETURNING b") })`, 1},
		{"insert in Read", `db.pool.Read(ctx, func(q Q) error { return q.Get("INSERT INTO a RETURNING b") })`, 1},
		{"constant in read", `db.read(ctx, func(q Q) error { return q.Get(claim) })`, 1},
		{"second connection", `db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error { return db.read(ctx, f) })`, 1},
		{"lock in read", `db.read(ctx, func(q Q) error { return q.Get("SELECT 1 FROM a FOR UPDATE") })`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := parser.ParseFile(token.NewFileSet(), "noun.go", "package store\nfunc f() {\n"+tt.body+"\n}", 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := outsideTransaction(f, map[string]string{"claim": "UPDATE a"}); len(got) != tt.want {
				t.Errorf("found %v, want %d", got, tt.want)
			}
		})
	}
}

// Statements get the time as a parameter, because engines distributed by centre refuse the
// database's clock in many places.
func TestTimesAreParameters(t *testing.T) {
	asks := regexp.MustCompile(`(?i)\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(\)|\bCURRENT_(TIMESTAMP|DATE|TIME)\b`)
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == "clock.go" || name == "inspect.go" { // these two compare clocks
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && asks.MatchString(literal(l)) {
				t.Errorf("%s: %s", name, asks.FindString(literal(l)))
			}
			return true
		})
	}
}
