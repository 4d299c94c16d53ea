package httpapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
)

// catalogue is the one of the contract, which Alipay's channel serves.
var catalogue = httpapi.Catalogue(alipay.Words)

// apiNames matches what guidance names of the API and of Alipay's: calls, headers, fields and functions.
var apiNames = regexp.MustCompile(`(GET|POST) /[\w/{}.-]+\w}?|my\.\w+|Idempotency-Key|[a-z]+(_[a-z]+)+`)

// The Catalogue has exactly one complete entry for every error variable, and the guidance in
// both languages names the same fields and calls.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range catalogue {
		if !regexp.MustCompile(`^[A-Z][A-Z_]+$`).MatchString(e.Code) || seen[e.Code] {
			t.Errorf("code %q is malformed or not unique", e.Code)
		}
		seen[e.Code] = true
		if http.StatusText(e.Status) == "" || e.Title == "" || e.Next == "" {
			t.Errorf("%s is incomplete", e.Code)
		}
		for _, text := range []string{e.Message, e.TitleZH, e.NextZH} {
			if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%s: %q is not Chinese", e.Code, text)
			}
		}
		for _, name := range apiNames.FindAllString(e.Next, -1) {
			if !strings.Contains(e.NextZH, name) {
				t.Errorf("%s: the Chinese guidance does not name %s", e.Code, name)
			}
		}
	}
	for name := range declared(t, "Err", "errors.go", "../selfservice/errors.go", "../alipay/errors.go") {
		found := slices.ContainsFunc(catalogue, func(p httpapi.Presentation) bool { return name == varName(p) })
		if !found {
			t.Errorf("%s is not in the catalogue", name)
		}
	}
}

// varName returns the variable name of a code: OLD_PASSWORD_WRONG is ErrOldPasswordWrong.
func varName(e httpapi.Presentation) string {
	short := map[string]string{"PAYLOAD_TOO_LARGE": "ErrTooLarge", "UNSUPPORTED_MEDIA_TYPE": "ErrMediaType", "IDEMPOTENCY_KEY_REUSED": "ErrKeyReused",
		"ALIPAY_UNAVAILABLE": "ErrUnavailable", "SMS_CODE_WRONG": "ErrCodeWrong", "SMS_CODE_GONE": "ErrCodeGone",
		"SMS_CODE_LIMIT": "ErrCodeLimit", "NO_PHONE_ON_FILE": "ErrNoPhone"}
	if name := short[e.Code]; name != "" {
		return name
	}
	name := "Err"
	for _, word := range strings.Split(e.Code, "_") {
		name += word[:1] + strings.ToLower(word[1:])
	}
	return name
}

// declared lists the package-level variables with a prefix in these files.
func declared(t *testing.T, prefix string, files ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		must(t, err)
		for name, object := range f.Scope.Objects {
			if object.Kind == ast.Var && strings.HasPrefix(name, prefix) {
				names[name] = true
			}
		}
	}
	return names
}
