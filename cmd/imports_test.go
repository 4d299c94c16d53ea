// Package cmd contains the programs. Its tests check which package may import which.
package cmd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of the import paths of this module.
const module = "fundpass/"

// layers is the layer of each top-level directory. A package may import packages of lower
// layers and of its own directory, but not of another directory of the same layer.
var layers = map[string]int{"keys": 0, "signing": 1, "store": 1, "miniapp-api": 2, "cmd": 3}

// A rule says what a package may import besides the standard library.
type rule struct {
	ours    []string // packages of this module
	modules []string // other modules
	never   []string // packages that not even a test may import, also of the standard library
	users   []string // who may import the package, tests included; nil means every rule that names it
}

// tracing is the part of OpenTelemetry that begins and ends spans. Only cmd/internal/telemetry
// imports what exports them.
var tracing = list("go.opentelemetry.io/otel/attribute", "go.opentelemetry.io/otel/codes",
	"go.opentelemetry.io/otel/trace")

// rules has a rule for every package. A new package needs a new rule.
var rules = map[string]rule{
	"keys/calendar": {},
	"keys":          {modules: list("github.com/tink-crypto/tink-go/v2")},
	"signing": {
		ours:    list("keys", "keys/calendar"),
		modules: append(list("github.com/smartwalle/alipay/v3", "github.com/smartwalle/nsign", "golang.org/x/text"), tracing...),
	},
	"signing/alipaysim": {ours: list("signing", "keys", "keys/calendar")},
	"store": {
		ours: list("store/pgconn", "keys", "keys/calendar"),
		modules: append(list("github.com/jmoiron/sqlx", "github.com/lib/pq", "github.com/pressly/goose/v3",
			"github.com/google/uuid", "github.com/go-json-experiment/json"), tracing...),
	},
	"store/pgconn": {
		modules: list("github.com/jmoiron/sqlx", "github.com/lib/pq", "golang.org/x/sys"),
		users:   list("store", "store/pgconn"),
	},
	"store/localpg": {modules: list("github.com/lib/pq")},
	"keys/testenv":  {},
	"store/storetest": {
		ours:    list("store", "store/localpg", "keys", "keys/testenv"),
		modules: list("github.com/jmoiron/sqlx", "github.com/lib/pq"),
	},
	"miniapp-api/document": {
		ours:    list("keys/calendar"),
		modules: list("golang.org/x/text", "github.com/go-json-experiment/json"),
	},
	"miniapp-api/passwd": {
		ours: list("keys", "keys/calendar", "miniapp-api/passwd/argon2id"),
		modules: list("golang.org/x/crypto", "golang.org/x/text",
			"github.com/emmansun/gmsm", "github.com/mozillazg/go-pinyin", "github.com/go-json-experiment/json"),
	},
	"miniapp-api/passwd/argon2id": {modules: list("golang.org/x/crypto", "golang.org/x/sys")},
	"miniapp-api/selfservice": {
		ours:    list("store", "keys", "keys/calendar", "miniapp-api/passwd", "miniapp-api/document"),
		modules: list("github.com/google/uuid", "github.com/go-json-experiment/json"),
		never:   list("net/http"), // this package must not depend on a protocol
	},
	"miniapp-api/httpapi": {
		ours: list("store", "keys", "keys/calendar", "miniapp-api/selfservice", "miniapp-api/passwd", "miniapp-api/document"),
		modules: append(list("github.com/labstack/echo/v4", "github.com/go-json-experiment/json",
			"github.com/google/uuid", "github.com/prometheus/client_golang"), tracing...),
	},
	"miniapp-api/alipay": {
		ours: list("signing", "store", "keys", "keys/calendar", "miniapp-api/httpapi", "miniapp-api/selfservice", "miniapp-api/document"),
		modules: list("github.com/labstack/echo/v4", "github.com/go-json-experiment/json",
			"github.com/prometheus/client_golang"),
	},
	"miniapp-api/app": {
		ours:    list("miniapp-api/app/dpop", "miniapp-api/httpapi", "miniapp-api/selfservice", "miniapp-api/passwd", "store"),
		modules: list("github.com/labstack/echo/v4", "github.com/go-json-experiment/json", "github.com/google/uuid"),
	},
	"miniapp-api/website": {
		ours: list("store", "keys/calendar", "miniapp-api/httpapi", "miniapp-api/selfservice", "miniapp-api/passwd", "miniapp-api/document",
			"miniapp-api/website/captcha", "miniapp-api/website/oidc"),
		modules: list("github.com/labstack/echo/v4", "github.com/go-json-experiment/json", "github.com/google/uuid"),
	},
	"miniapp-api/app/appclient": {modules: list("github.com/go-jose/go-jose/v4")},
	"miniapp-api/app/dpop":      {modules: list("github.com/go-json-experiment/json")},
	"miniapp-api/sms": {
		ours:    list("store", "keys/calendar"),
		modules: list("github.com/google/uuid"),
	},
	"miniapp-api/sms/smssim": {ours: list("keys/calendar")},
	"miniapp-api/apidocs": {
		ours:    list("miniapp-api/app", "miniapp-api/httpapi", "miniapp-api/alipay"),
		modules: list("github.com/swaggest/swgui"),
	},
	"miniapp-api/website/captcha": {ours: list("store"), modules: list("github.com/dchest/captcha")},
	"miniapp-api/website/oidc": {
		ours: list("store", "keys"),
		modules: list("github.com/coreos/go-oidc/v3", "golang.org/x/oauth2",
			"github.com/go-json-experiment/json"),
	},
	"miniapp-api/website/oidc/oidcsim": {}, // shares no code with what it tests
	"miniapp-api/miniprogram":          {},
	"cmd":                              {},
	"cmd/internal/apiclient":           {},
	"cmd/internal/appcmd": {
		ours:    list("cmd/internal/terminal", "miniapp-api/app/appclient"),
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra", "golang.org/x/term"),
	},
	"cmd/internal/cmdtest": {
		ours: list("cmd/internal/apiclient", "cmd/internal/terminal", "keys", "keys/testenv", "miniapp-api/document",
			"miniapp-api/passwd", "signing/alipaysim", "store", "store/storetest"),
		modules: list("github.com/jmoiron/sqlx", "github.com/spf13/cobra"),
	},
	"cmd/internal/demo": {
		ours: list("cmd/internal/apiclient", "cmd/internal/serve", "cmd/internal/settings", "cmd/internal/terminal", "keys",
			"miniapp-api/apidocs", "miniapp-api/document", "miniapp-api/httpapi", "miniapp-api/miniprogram", "miniapp-api/passwd",
			"miniapp-api/selfservice", "miniapp-api/sms", "miniapp-api/sms/smssim", "miniapp-api/website", "miniapp-api/website/oidc",
			"miniapp-api/website/oidc/oidcsim", "signing/alipaysim", "store", "store/localpg"),
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra"),
	},
	"cmd/internal/keycmd": {
		ours:    list("cmd/internal/settings", "cmd/internal/terminal", "keys", "miniapp-api/passwd", "signing", "store"),
		modules: list("github.com/google/uuid", "github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra"),
	},
	"cmd/internal/operator": {
		ours: list("cmd/internal/settings", "cmd/internal/terminal", "keys/calendar", "miniapp-api/document", "miniapp-api/passwd",
			"miniapp-api/selfservice", "store"),
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"),
	},
	"cmd/internal/policy": {
		ours:    list("cmd/internal/terminal", "miniapp-api/document", "miniapp-api/passwd"),
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra", "golang.org/x/term"),
	},
	"cmd/internal/roster": {
		ours: list("cmd/internal/settings", "cmd/internal/terminal", "keys/calendar", "miniapp-api/alipay", "miniapp-api/document",
			"miniapp-api/passwd", "signing", "store"),
		modules: list("github.com/google/uuid", "github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra", "golang.org/x/text"),
	},
	"cmd/internal/serve": {
		ours: list("miniapp-api/app", "cmd/internal/settings", "cmd/internal/telemetry", "cmd/internal/terminal", "keys", "miniapp-api/alipay",
			"miniapp-api/document", "miniapp-api/httpapi", "miniapp-api/passwd", "miniapp-api/selfservice", "miniapp-api/sms", "miniapp-api/website",
			"miniapp-api/website/oidc", "signing", "store"),
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra", "go.opentelemetry.io/otel/trace"),
	},
	"cmd/internal/settings": {
		ours: list("miniapp-api/app", "cmd/internal/terminal", "keys", "miniapp-api/alipay", "miniapp-api/document", "miniapp-api/httpapi",
			"miniapp-api/passwd", "miniapp-api/selfservice", "miniapp-api/sms", "miniapp-api/website", "miniapp-api/website/oidc", "signing", "store"),
		modules: list("github.com/caarlos0/env/v11"),
	},
	"cmd/internal/telemetry": {
		modules: list("go.opentelemetry.io/otel", "go.opentelemetry.io/contrib/bridges/prometheus",
			"github.com/prometheus/client_golang", "github.com/go-logr/logr"),
	},
	"cmd/internal/terminal": {
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/schollz/progressbar/v3", "github.com/spf13/cobra",
			"github.com/spf13/pflag", "golang.org/x/term"),
	},
	"cmd/internal/walk": {
		ours:    list("cmd/internal/apiclient", "cmd/internal/terminal", "miniapp-api/passwd", "signing/alipaysim"),
		modules: list("github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra"),
	},
	"cmd/fundpass": {
		ours: list("cmd/internal/appcmd", "cmd/internal/demo", "cmd/internal/keycmd", "cmd/internal/operator", "cmd/internal/policy",
			"cmd/internal/roster", "cmd/internal/serve", "cmd/internal/settings", "cmd/internal/terminal", "cmd/internal/walk"),
		modules: list("github.com/spf13/cobra", "golang.org/x/sys"),
	},
	"cmd/alipay-sim": {ours: list("signing/alipaysim", "keys")},
	"cmd/e2e":        {}, // contains only tests and the package comment
}

// testTools are modules for tests only, which may also use the modules of all rules.
var testTools = list("github.com/google/go-cmp", "pgregory.net/rapid", "github.com/getkin/kin-openapi", "github.com/anishathalye/porcupine",
	"github.com/chromedp/chromedp", "github.com/chromedp/cdproto")

func list(s ...string) []string { return s }

// A source is a Go file with its imports.
type source struct {
	file, pkg string // pkg is its directory
	imports   []string
}

func (s source) isTest() bool { return strings.HasSuffix(s.file, "_test.go") }

// TestImports checks every file of the module, for any operating system.
func TestImports(t *testing.T) {
	sources, err := readSources("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		for _, wrong := range violations(s) {
			t.Errorf("%s: %s", s.file, wrong)
		}
	}
	for pkg := range rules {
		if !slices.ContainsFunc(sources, func(s source) bool { return s.pkg == pkg }) {
			t.Errorf("there is a rule for %s, which is not a package", pkg)
		}
	}
}

// channelWords matches names of channels, which only the file registry may contain.
var (
	channelWords = regexp.MustCompile(`(?i)alipay|支付宝|wechat|weixin|微信|mini-?program|小程序|website|hotline`)
	registry     = "channel.go"
)

// TestRulesNameNoChannel checks code, comments and texts of selfservice, because a new
// channel must not require a change there.
func TestRulesNameNoChannel(t *testing.T) {
	files, err := filepath.Glob("../miniapp-api/selfservice/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if word := channelWords.Find(text); word != nil && filepath.Base(name) != registry {
			t.Errorf("%s names %s", name, word)
		}
	}
}

// TestCommonCodeNamesNoChannel looks at code and texts, and not at comments, in which a column
// or a method may say what one channel needs it for. The schema is among the texts.
func TestCommonCodeNamesNoChannel(t *testing.T) {
	check := func(name, text string) {
		if word := channelWords.FindString(text); word != "" {
			t.Errorf("%s names %s: %s", name, word, text)
		}
	}
	for _, dir := range list("../store", "../miniapp-api/httpapi") {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal("no files in ", dir, err)
		}
		for _, name := range files {
			if base := filepath.Base(name); base != registry && !strings.HasSuffix(base, "_test.go") {
				inspectTexts(t, name, check)
			}
		}
	}
	schema, err := os.ReadFile("../store/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	check("schema.sql", string(schema))
}

// inspectTexts calls visit with every identifier and literal of a file.
func inspectTexts(t *testing.T, name string, visit func(name, text string)) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			visit(name, n.Name)
		case *ast.BasicLit:
			visit(name, n.Value)
		}
		return true
	})
}

// readSources parses the imports of every Go file under root.
func readSources(root string) ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && skipped(d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		s, err := readSource(root, name)
		all = append(all, s)
		return err
	})
	return all, err
}

// skipped reports whether the go command ignores the directory.
func skipped(dir string) bool {
	return dir == "testdata" || dir == "node_modules" || strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_")
}

func readSource(root, name string) (source, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	inside, err := filepath.Rel(root, name)
	if err != nil {
		return source{}, err
	}
	inside = filepath.ToSlash(inside)
	s := source{file: inside, pkg: path.Dir(inside)}
	for _, im := range f.Imports {
		p, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, p)
	}
	return s, nil
}

// violations returns the imports of a file that are not allowed.
func violations(s source) []string {
	allowed, known := rules[s.pkg]
	if !known {
		return []string{fmt.Sprintf("package %q has no rule", s.pkg)}
	}
	var all []string
	note := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, p := range s.imports {
		ours, isOurs := strings.CutPrefix(p, module)
		switch {
		case covers(allowed.never, p):
			note("imports %s, which its rule forbids", p)
		case isOurs && !reaches(s.pkg, ours):
			note("imports %s, which is not in a lower layer or the same directory", ours)
		case isOurs && !s.isTest() && !slices.Contains(allowed.ours, ours):
			note("imports %s, which its rule does not name", ours)
		case isOurs && rules[ours].users != nil && !slices.Contains(rules[ours].users, s.pkg):
			note("imports %s, which only %v may", ours, rules[ours].users)
		case !isOurs && isForeign(p) && !covers(allowed.modules, p) && !(s.isTest() && covers(testModules(), p)):
			note("imports %s, which its rule does not name", p)
		}
	}
	return all
}

// reaches reports whether an import goes to a lower layer or stays in one directory.
func reaches(from, to string) bool {
	from, _, _ = strings.Cut(from, "/")
	to, _, _ = strings.Cut(to, "/")
	layer, known := layers[to]
	return known && (from == to || layer < layers[from])
}

// isForeign reports whether a package belongs to another module, which has a dot in its
// first element. "C" counts as foreign, too.
func isForeign(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return strings.Contains(first, ".") || p == "C"
}

// covers reports whether one of the modules contains the package.
func covers(modules []string, p string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return p == m || strings.HasPrefix(p, m+"/") })
}

func testModules() []string {
	all := slices.Clone(testTools)
	for rule := range maps.Values(rules) {
		all = append(all, rule.modules...)
	}
	return all
}

// TestRules checks that the rules themselves respect the layers and have no cycle.
func TestRules(t *testing.T) {
	for pkg, rule := range rules {
		for _, ours := range rule.ours {
			if _, known := rules[ours]; !known {
				t.Errorf("%s may import %s, which has no rule", pkg, ours)
			}
			if !reaches(pkg, ours) {
				t.Errorf("%s may import %s, which is not in a lower layer", pkg, ours)
			}
			if users := rules[ours].users; users != nil && !slices.Contains(users, pkg) {
				t.Errorf("%s may import %s, which only %v may", pkg, ours, users)
			}
			if slices.Contains(closure(ours), pkg) {
				t.Errorf("%s and %s import each other", pkg, ours)
			}
		}
	}
}

// closure returns pkg and everything that it may import, directly or indirectly.
func closure(pkg string) []string {
	all := []string{pkg}
	for i := 0; i < len(all); i++ {
		for _, next := range rules[all[i]].ours {
			if !slices.Contains(all, next) {
				all = append(all, next)
			}
		}
	}
	return all
}

// TestViolations checks which imports are reported.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		name, file string
		imports    []string
		want       int
	}{
		{"std", "keys/keyring.go", list("crypto/rsa", "net/http"), 0},
		{"down", "store/x.go", list("fundpass/keys"), 0},
		{"up", "store/x.go", list("fundpass/miniapp-api/httpapi"), 1},
		{"up in a test", "store/x_test.go", list("fundpass/miniapp-api/httpapi"), 1},
		{"other directory", "store/x.go", list("fundpass/signing"), 1},
		{"other directory in a test", "signing/x_test.go", list("fundpass/store/storetest"), 1},
		{"own directory in a test", "store/x_test.go", list("fundpass/store/storetest"), 0},
		{"driver layer in its directory", "store/x.go", list("fundpass/store/pgconn"), 0},
		{"driver layer in a test of its directory", "store/x_test.go", list("fundpass/store/pgconn"), 0},
		{"driver layer in a test of another package", "cmd/fundpass/x_test.go", list("fundpass/store/pgconn"), 1},
		{"driver layer in test fixtures", "store/storetest/x.go", list("fundpass/store/pgconn"), 1},
		{"store in the driver layer", "store/pgconn/x.go", list("fundpass/store"), 1},
		{"store in a test of the driver layer", "store/pgconn/x_test.go", list("fundpass/store/storetest"), 0},
		{"test package in a program", "cmd/fundpass/x.go", list("fundpass/store/storetest"), 1},
		{"test package in a test", "cmd/fundpass/x_test.go", list("fundpass/store/storetest"), 0},
		{"family with another", "cmd/internal/roster/x.go", list("fundpass/cmd/internal/operator"), 1},
		{"family with another in a test", "cmd/internal/operator/x_test.go", list("fundpass/cmd/internal/serve"), 0},
		{"family with what all share", "cmd/internal/roster/x.go", list("fundpass/cmd/internal/settings", "fundpass/cmd/internal/terminal"), 0},
		{"demo with the server it runs", "cmd/internal/demo/x.go", list("fundpass/cmd/internal/serve"), 0},
		{"fixture in a command", "cmd/internal/serve/x.go", list("fundpass/cmd/internal/cmdtest"), 1},
		{"module", "store/x.go", list("github.com/lib/pq"), 0},
		{"part of a module", "keys/x.go", list("github.com/tink-crypto/tink-go/v2/aead"), 0},
		{"module of another package", "miniapp-api/httpapi/x.go", list("github.com/lib/pq"), 1},
		{"module of another package in a test", "miniapp-api/httpapi/x_test.go", list("github.com/lib/pq"), 0},
		{"name that only begins alike", "store/x.go", list("github.com/lib/pqx"), 1},
		{"rules with HTTP", "miniapp-api/selfservice/x.go", list("net/http"), 1},
		{"rules with HTTP in a test", "miniapp-api/selfservice/x_test.go", list("net/http/httptest"), 1},
		{"rules with Echo", "miniapp-api/selfservice/x.go", list("github.com/labstack/echo/v4"), 1},
		{"rules with Alipay", "miniapp-api/selfservice/x.go", list("fundpass/signing", "fundpass/miniapp-api/alipay"), 2},
		{"HTTP with Alipay", "miniapp-api/httpapi/x.go", list("fundpass/signing", "fundpass/miniapp-api/alipay"), 2},
		{"Alipay with HTTP", "miniapp-api/alipay/x.go", list("fundpass/signing", "fundpass/miniapp-api/httpapi", "net/http"), 0},
		{"test tool", "keys/x_test.go", list("pgregory.net/rapid"), 0},
		{"test tool in a program", "keys/x.go", list("pgregory.net/rapid"), 1},
		{"unlisted module in a test", "keys/x_test.go", list("github.com/stretchr/testify/assert"), 1},
		{"cgo", "keys/x.go", list("C"), 1},
		{"unknown package", "utils/x.go", nil, 1},
		{"unknown directory", "cmd/fundpass/x.go", list("fundpass/utils"), 1},
		{"several", "keys/x.go", list("fundpass/store", "github.com/lib/pq", "fmt"), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := violations(source{file: c.file, pkg: path.Dir(c.file), imports: c.imports})
			if len(got) != c.want {
				t.Errorf("got %q, want %d", got, c.want)
			}
		})
	}
}
