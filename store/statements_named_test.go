package store_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// A keyed table holds rows of several kinds of the same thing, and each statement on it
// names the kind that it means.
type keyedTable struct {
	table, names string
	least        int               // times it is named
	all          map[string]string // files whose statements mean all kinds, and why
}

var keyedTables = []keyedTable{
	{"links", `\bprovider = (\$\d|\w+\.provider\b)|INTO links \(center_id, provider,`, 20, map[string]string{
		"subject_refs.go": "a person's data are those of every provider's user",
		"erase_lock.go":   "an erasure reaches all links of a person",
		"person_data.go":  "so does a copy of a person's data",
		"lifecycle.go":    "an account that ends, or another holder, ends the links of all providers",
		"sync.go":         "what a file would do to links is foreseen of all providers",
		"retention.go":    "consents are not kept by provider; a digest is of one",
		"session.go":      "a new password and a freeze end the sessions of the person's users of all providers",
	}},
	{"password_credentials", `\bkind = ('password'|\$\d|ANY \('{password}'\)|\w+\.kind\b)|INTO password_credentials \(center_id, account_id, kind,`, 20, map[string]string{
		"person_data.go": "a copy of a person's data has credentials of all kinds",
	}},
	{"password_history", `\bkind = 'password'|INTO password_history \(center_id, account_id, kind,`, 3, map[string]string{
		"person_data.go": "so has it the earlier ones",
	}},
}

// plainInJoin finds a kind that is written out where other rows say which ones are meant. While
// PostgreSQL has no statistics, it takes such a kind for rare and reads the whole centre.
var plainInJoin = regexp.MustCompile(`(?s)\bJOIN (links|password_credentials) [^\n]*\b(kind = '|provider = \$)` +
	`|\b(FROM|USING) unnest\([^\n]*AS \w+ \([^)]*\)\n.*\b(kind = '|provider = \$)`)

// TestStatementsNameKind: a statement that forgot the kind would reach rows of another.
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
				t.Errorf("%s: names it plainly in a join:\n%s", s.file, s.text)
			}
			n += found
			switch named := len(names.FindAllString(s.text, -1)); {
			case named >= found:
			case k.all[s.file] == "":
				t.Errorf("%s: %d of %d times named:\n%s", s.file, named, found, s.text)
			default:
				used[s.file] = true
			}
		}
		for file, why := range k.all {
			if !used[file] {
				t.Errorf("%s: no exception is needed in %s: %s", k.table, file, why)
			}
		}
		if n < k.least {
			t.Errorf("%s: read %d times only", k.table, n)
		}
	}
}
