package store_test

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fundpass/store"
)

// A distributed planner accepts a statement if its parameters determine one shard. These
// tests check the text of every statement of this package for that.

// untied is the complaint about a table without a condition on center_id.
const untied = "no center_id = $n"

// local is the complaint about a temporary table beside one of the schema.
const local = "temporary table beside one of the schema"

// spread is the complaint about a temporary table from which rows are inserted or which is
// joined from outside.
const spread = "INSERT or outer join of a temporary table"

// uncounted is the complaint about an INSERT whose number of rows Citus reports wrongly.
const uncounted = "INSERT, SELECT and ON CONFLICT without RETURNING"

// exceptions are complaints to ignore, by file and complaint, with the reasons.
var exceptions = map[[2]string]string{
	{"partition.go", untied}:        "reads one partition for rows of other centres, or drops it; no request waits for it",
	{"distribute.go", untied}:       "reads a table that is not distributed yet",
	{"import_merge.go", local}:      "runs on Citus 13.2.2, which copies the batch to the one shard; with arrays the planner takes a wrong index for an empty table",
	{"lifecycle.go", local}:         "joins the batch with accounts and links of one shard, as import_merge.go does",
	{"retention.go", "ctid"}:        "center_id = $1 routes both parts of the statement to the same shard",
	{"import.go", "LATERAL"}:        "the only table has center_id = $1, so the whole statement runs on one shard",
	{"import_intake.go", "LATERAL"}: "the only table has center_id = $1, so the whole statement runs on one shard",
	{"rehash.go", "LATERAL"}:        "the only table has center_id = $1, so the whole statement runs on one shard",
	{"consent.go", uncounted}:       "the number of rows is not used",
	{"newpassword.go", uncounted}:   "the number of rows is not used",
	{"identity_columns.go", untied}: "a format string; IdentityColumnStatements returns the whole statements",
}

// refused are constructs that a distributed planner refuses, with the reasons.
var refused = []struct {
	name, why string
	found     func(statement) bool
}{
	{"sub-select in VALUES", "Citus: subqueries are not supported within INSERT queries, RETURNING included", func(s statement) bool {
		return s.has(`(?is)^\s*INSERT INTO.*\bVALUES\b`) && len(s.levels) > 1
	}},
	{"WITH and INSERT", "Citus: no common table expression before an INSERT", matches(`(?is)^\s*WITH\b.*\)\s*INSERT INTO\b`)},
	{uncounted, "Citus reports the selected rows as inserted; returned rows can be counted",
		func(s statement) bool {
			return s.has(`(?is)\bINSERT INTO\b[^)]*\)\s*SELECT\b.*\bON CONFLICT\b`) && !s.has(`(?i)\bRETURNING\b`)
		}},
	{"volatile function", "its value differs between shards; ids and times are parameters",
		func(s statement) bool {
			return s.has(`(?i)\b(now|clock_timestamp|statement_timestamp|random|gen_random_uuid|uuid_generate_v\d|nextval)\s*\(`) && !s.has(`^\s*SELECT clock_timestamp\(\)`)
		}},
	{"stable function in a write", "Citus: functions in DO UPDATE must be IMMUTABLE, and STABLE ones in UPDATE take no column",
		func(s statement) bool {
			return s.writes() && (s.has(`(?i)\b(to_char|to_timestamp|date_trunc|date_part|extract|age)\s*\(`) || stableInterval(s.text))
		}},
	{local, "it exists on one node only; compare with a copy of the rows instead",
		func(s statement) bool {
			return s.temporary > 0 && s.tables > 0
		}},
	{spread, "Citus 13.2.2 copies all of the centre's rows to the coordinator for it; an UPDATE or an inner join copies the temporary table to the shard",
		func(s statement) bool {
			return s.temporary > 0 && s.tables > 0 && s.has(`(?i)\bINSERT INTO\b|\b(LEFT|RIGHT|FULL)\b[^()]*\bJOIN\b`)
		}},
	{"CASE x WHEN", "Citus writes CASE x WHEN y as CASE x WHEN x = y for the shard: CASE WHEN x = y", matches(`(?i)\bCASE\s+[\w.]+\s+WHEN\b`)},
	{"slice in UPDATE", "Citus 13.2.2 crashes on a[m:n], and with it every session of the coordinator: trim_array", matches(`(?is)^\s*UPDATE\b.*[^:]:[^:]`)},
	{"ON CONSTRAINT", "constraints have other names in shards", matches(`(?i)ON CONFLICT ON CONSTRAINT`)},
	{"center_id set", "a row cannot change its shard", matches(`(?i)\bSET\b[^;]*\bcenter_id\s*=\s*(excluded|\w+\.center_id\s*\|\|)|\bSET\s+center_id\b`)},
	{"lock of a joined reference table", "rows of centers are locked alone", func(s statement) bool {
		return s.reference && s.tables > 0 && s.has(`(?i)\bFOR (NO KEY )?(UPDATE|SHARE)\b`)
	}},
	{"per node", "advisory locks, LISTEN and prepared transactions hold on one node only",
		matches(`(?i)\b(pg_(try_)?advisory\w*|LISTEN|NOTIFY|PREPARE TRANSACTION)\b`)},
	{"limit of one server", "the servers of the shards wait without it, and with them all requests: SET LOCAL citus.propagate_set_commands = 'local' before it", func(s statement) bool {
		return s.has(`(?i)\bSET LOCAL (lock|statement)_timeout\b`) && !s.has(`(?is)citus\.propagate_set_commands = 'local'.*_timeout`)
	}},
	{"MERGE or TRUNCATE", "MERGE is planned in few shapes, TRUNCATE reaches every centre", matches(`(?i)^\s*(MERGE|TRUNCATE)\b`)},
	{"NOT IN (SELECT", "beyond work_mem PostgreSQL compares each row with each, which takes hours for a large centre's sync: NOT EXISTS", matches(`(?i)\bNOT\s+IN\s*\(\s*SELECT\b`)},
	{"LATERAL", "refused across shards", matches(`(?i)\bLATERAL\b`)},
	{"ctid", "ctids repeat in every shard", matches(`(?i)\bctid\b`)},
}

func matches(pattern string) func(statement) bool {
	return func(s statement) bool { return s.has(pattern) }
}

// stableInterval reports whether text has time arithmetic that depends on the session's
// time zone.
func stableInterval(text string) bool {
	for _, at := range regexp.MustCompile(`(?i)[+-]\s*([\w.$:]+\s*\*\s*)?interval\b`).FindAllStringIndex(text, -1) {
		if !regexp.MustCompile(`(?i)AT TIME ZONE 'UTC'\s*$`).MatchString(text[:at[0]]) {
			return true
		}
	}
	return false
}

func TestStatementsArePlannable(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	packages, err := parser.ParseDir(files, ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, used := sqlOf(packages["store"]), map[[2]string]bool{}
	for i, text := range store.IdentityColumnStatements() {
		found = append(found, sqlText{file: "identityColumns", text: text, at: token.Pos(i)})
	}
	tables, reasons := schemaTables(t, found), map[string]string{untied: "no shard follows from the parameters"}
	for _, r := range refused {
		reasons[r.name] = r.why
	}
	for _, s := range found {
		for _, complaint := range tables.complaints(s.text) {
			key := [2]string{s.file, complaint}
			if exceptions[key] != "" {
				used[key] = true
				continue
			}
			t.Errorf("%s:%d: %s: %s\n%s", s.file, files.Position(s.at).Line, complaint, reasons[complaint], s.text)
		}
	}
	for key, why := range exceptions {
		if !used[key] {
			t.Errorf("unused exception: %v, %s", key, why)
		}
	}
	if len(found) < 200 {
		t.Errorf("found only %d statements", len(found))
	}
}

// A schema is the set of tables by kind.
type schema struct{ distributed, temporary map[string]bool }

func schemaTables(t *testing.T, found []sqlText) schema {
	t.Helper()
	text, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	s := schema{names(`CREATE TABLE (\w+)`, string(text)), map[string]bool{}}
	for _, f := range found {
		maps.Copy(s.temporary, names(`CREATE TEMPORARY TABLE (\w+)`, f.text))
	}
	if len(s.distributed) < 20 || !s.distributed["centers"] {
		t.Fatalf("tables: %v", s.distributed)
	}
	delete(s.distributed, "centers")          // a reference table
	delete(s.distributed, "goose_db_version") // a reference table
	return s
}

// A statement is SQL split into its queries.
type statement struct {
	text      string
	levels    []string // queries, each without those within it
	tables    int      // number of mentions of distributed tables and of tables with computed names
	temporary int
	reference bool
}

func (s statement) has(pattern string) bool { return regexp.MustCompile(pattern).MatchString(s.text) }

func (s statement) writes() bool { return s.has(`(?i)\b(INSERT INTO|UPDATE|DELETE FROM)\s`) }

var (
	isQuery    = regexp.MustCompile(`(?i)^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\s`)
	comment    = regexp.MustCompile(`--[^\n]*`)
	setWords   = regexp.MustCompile(`(?i)\b(UNION ALL|UNION|EXCEPT|INTERSECT)\b`)
	tableNames = regexp.MustCompile(`(?i)\b(DISTINCT\s+FROM|FROM|JOIN|INTO|UPDATE|USING|,)\s+(«\w*»|%\[?\d?\]?s|\w+)(?:\s+(?:AS\s+)?(\w+))?`)
	keyword    = regexp.MustCompile(`(?i)^(SET|WHERE|ON|JOIN|LEFT|CROSS|INNER|ORDER|GROUP|USING|FOR|LIMIT|SELECT|VALUES|UNION|RETURNING|AS)$`)
)

// A named is a table's name in a statement, the word before it and the alias after it.
type named struct{ after, table, alias string }

func namesIn(text string) (all []named) {
	for {
		at := tableNames.FindStringSubmatchIndex(text)
		if at == nil {
			return all
		}
		n, rest := named{after: strings.ToUpper(text[at[2]:at[3]]), table: text[at[4]:at[5]]}, at[5]
		if at[6] >= 0 && !keyword.MatchString(text[at[6]:at[7]]) {
			n.alias, rest = text[at[6]:at[7]], at[7]
		}
		all, text = append(all, n), text[rest:]
	}
}

// split returns the queries of a text, the outermost last.
func split(text string) (all []string) {
	var own strings.Builder
	for i := 0; i < len(text); i++ {
		end := closing(text, i)
		if end < 0 {
			own.WriteByte(text[i])
			continue
		}
		nested := split(text[i+1 : end])
		last := len(nested) - 1
		if !isQuery.MatchString(text[i+1 : end]) {
			own.WriteString("(" + nested[last] + ")")
			nested = nested[:last]
		}
		all, i = append(all, nested...), end
	}
	arms := setWords.Split(own.String(), -1)
	return append(append(all, arms[1:]...), arms[0])
}

// closing returns the index of the parenthesis that closes the one at i, or -1 if there is
// none at i.
func closing(text string, i int) int {
	depth, quoted := 0, false
	for j := i; j < len(text); j++ {
		switch c := text[j]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
		if depth == 0 {
			if j == i {
				return -1
			}
			return j
		}
	}
	return -1
}

// A table is a table named in a query.
type table struct{ alias, level string }

func (s schema) complaints(text string) (all []string) {
	text = comment.ReplaceAllString(text, "")
	st := statement{text: text, levels: split(text)}
	var tables []table
	for _, l := range st.levels {
		for _, n := range namesIn(l) {
			name, made := n.table, !regexp.MustCompile(`^\w+$`).MatchString(n.table)
			switch {
			case strings.HasPrefix(n.after, "DISTINCT") || n.after == "," && made:
			case s.distributed[name] || made:
				tables = append(tables, table{cmp.Or(n.alias, name), l})
			case s.temporary[name]:
				st.temporary++
			case name == "centers":
				st.reference = true
			}
		}
	}
	st.tables = len(tables)
	if !allTied(tables) {
		all = append(all, untied)
	}
	for _, r := range refused {
		if r.found(st) {
			all = append(all, r.name)
		}
	}
	return all
}

// allTied reports whether conditions tie the center_id of every table to a parameter. A
// nested query needs a condition of its own: Citus could not run distributed query with FOR
// UPDATE.
func allTied(tables []table) bool {
	tied := map[string]bool{}
	for range tables {
		for _, t := range tables {
			tied[t.alias] = tied[t.alias] || t.isTied(tables, tied)
		}
	}
	return !slices.ContainsFunc(tables, func(t table) bool { return !t.isTied(tables, tied) })
}

var inserts = regexp.MustCompile(`(?i)INSERT INTO \w+(?: AS \w+)?\s*\(center_id,[^)]*\)\s*(?:VALUES\s*\(\$\d|SELECT\s+(?:\$\d|center_id\b))`)

func (t table) isTied(tables []table, tied map[string]bool) bool {
	self := regexp.QuoteMeta(t.alias)
	if regexp.MustCompile(`\b` + self + `\.center_id = \$\d|INSERT INTO ` + self + `\b`).MatchString(t.level) {
		return !strings.Contains(t.level, "INSERT INTO") || inserts.MatchString(t.level)
	}
	if strings.Contains(t.level, "INSERT INTO") && inserts.MatchString(t.level) {
		return true
	}
	beside := 0
	for _, other := range tables {
		if other.level == t.level {
			beside++
		}
		if other.level == t.level && other.alias != t.alias && tied[other.alias] && regexp.MustCompile(`\b(`+self+`\.center_id = `+regexp.QuoteMeta(other.alias)+
			`\.center_id|`+regexp.QuoteMeta(other.alias)+`\.center_id = `+self+`\.center_id)\b`).MatchString(t.level) {
			return true
		}
	}
	return beside == 1 && regexp.MustCompile(`(^|[^.\w])center_id = \$\d`).MatchString(t.level)
}
