package store_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// A keyedTable has rows of several kinds, so each statement on it must name a kind.
type keyedTable struct {
	table, names string
	least        int               // minimum number of mentions
	all          map[string]string // files with statements about all kinds, with the reasons
}

var keyedTables = []keyedTable{
	{"links", `\bprovider = (\$\d|\w+\.provider\b)|INTO links \(center_id, provider,`, 20, map[string]string{
		"subject_refs.go": "a person's data includes the links of all providers",
		"erase.go":        "an erasure locks all links of a person",
		"person_data.go":  "an export includes the links of all providers",
		"lifecycle.go":    "an account that ends or changes its holder ends the links of all providers",
		"sync.go":         "a plan counts the links of all providers",
		"retention.go":    "consents have no provider; a digest belongs to one",
		"restore.go":      "a restoration removes the links of all providers that had ended",
		"session.go":      "a new password and a freeze end the sessions of the person's users of all providers",
	}},
	{"password_credentials", `\bkind = ('password'|\$\d|ANY \('{password}'\)|\w+\.kind\b)|INTO password_credentials \(center_id, account_id, kind,`, 20, map[string]string{
		"person_data.go": "an export includes credentials of all kinds",
	}},
	{"password_history", `\bkind = 'password'|INTO password_history \(center_id, account_id, kind,`, 3, map[string]string{
		"person_data.go": "an export includes earlier credentials of all kinds",
	}},
}

// plainInJoin matches a literal kind in a join. Without statistics PostgreSQL takes such a
// kind for rare and reads the whole centre.
var plainInJoin = regexp.MustCompile(`(?s)\bJOIN (links|password_credentials) [^\n]*\b(kind = '|provider = \$)` +
	`|\b(FROM|USING) unnest\([^\n]*AS \w+ \([^)]*\)\n.*\b(kind = '|provider = \$)`)

// A statement without a kind would reach rows of other kinds.
func TestStatementsNameKind(t *testing.T) {
	t.Parallel()
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keyedTables {
		table, names, used, n := regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE|USING) `+k.table+`\b`), regexp.MustCompile(k.names), map[string]bool{}, 0
		for _, s := range sqlOf(packages["store"]) {
			found := len(table.FindAllString(s.text, -1))
			if found > 0 && plainInJoin.MatchString(s.text) {
				t.Errorf("%s: literal kind in a join:\n%s", s.file, s.text)
			}
			n += found
			switch named := len(names.FindAllString(s.text, -1)); {
			case named >= found:
			case k.all[s.file] == "":
				t.Errorf("%s: kind named %d of %d times:\n%s", s.file, named, found, s.text)
			default:
				used[s.file] = true
			}
		}
		for file, why := range k.all {
			if !used[file] {
				t.Errorf("%s: unused exception for %s: %s", k.table, file, why)
			}
		}
		if n < k.least {
			t.Errorf("%s: found only %d statements", k.table, n)
		}
	}
}
