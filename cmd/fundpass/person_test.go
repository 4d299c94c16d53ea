package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// why is what every command about a person needs.
var why = []string{"--operator", "窗口7 李", "--reason", "asked in writing, paper 12"}

// person runs a command about a person.
func (n *fixture) person(typed, command string, args ...string) result {
	n.t.Helper()
	return n.operate(n.t, typed, append(append([]string{command}, why...), args...)...)
}

// secrets of a citizen that no terminal shows.
func (c *citizen) secrets() []string {
	return []string{c.IDNumber, c.AccountNo, c.Name, c.Phone, c.Password, c.OpenID}
}

// A citizen gets a file of their own data, nobody else reads them on the way, and
// the record says who asked.
func TestExportPerson(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	citizens := n.linked(2, server.URL)
	c, other := citizens[0], citizens[1]
	noError(t, server.Stop())
	for _, format := range []string{"json", "csv"} {
		path := filepath.Join(t.TempDir(), "data")
		got := n.person(c.IDNumber, "export-person", "--out", path, "--format", format)
		noError(t, got.err)
		info, err := os.Stat(path)
		noError(t, err)
		if info.Mode().Perm() != 0o600 || !strings.Contains(got.out, path) {
			t.Errorf("mode %v, told %q", info.Mode(), got.out)
		}
		raw, err := os.ReadFile(path)
		noError(t, err)
		text := string(raw)
		for _, want := range []string{c.IDNumber, c.AccountNo, c.Name, c.Phone, "open_id", "linked", "export", "窗口7 李"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", format, want)
			}
		}
		for _, secret := range append(other.secrets()[:2], c.Password, c.OpenID+`"`, "argon2id") {
			if testenv.Holds(text, secret) {
				t.Errorf("%s holds %q", format, secret)
			}
		}
		for _, secret := range c.secrets() {
			if testenv.Holds(got.out+got.log, secret) {
				t.Errorf("%q is shown", secret)
			}
		}
		readable(t, format, text)

		if again := n.person(c.IDNumber, "export-person", "--out", path); !errors.Is(again.err, os.ErrExist) {
			t.Errorf("written over: %v", again.err)
		}
	}
	shown := n.person(c.AccountNo, "export-person", "--show")
	noError(t, shown.err)
	if !strings.Contains(shown.out, c.IDNumber) {
		t.Errorf("--show shows\n%s", shown.out)
	}
	if got := n.number(`SELECT count(*) FROM operator_actions WHERE action = 'export' AND operator = '窗口7 李'`); got != 3 {
		t.Errorf("%d exports recorded, want 3", got)
	}
}

// readable reads what was written as a citizen's program does.
func readable(t *testing.T, format, text string) {
	t.Helper()
	if format == "json" {
		var data store.PersonData
		noError(t, json.Unmarshal([]byte(text), &data))
		if len(data.Accounts) != 1 || data.Links[0].Identifier == "" || strings.Count(data.Links[0].Identifier, "*") < 2 {
			t.Errorf("read %+v", data.Links)
		}
		return
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	noError(t, err)
	if len(rows) < 20 || strings.Join(rows[0], " ") != "part row field value" || rows[1][0] != "accounts" {
		t.Errorf("%d rows: %v", len(rows), rows[:2])
	}
}

func TestCell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, ""}, {"", ""}, {"张三", "张三"}, {true, "true"}, {json.Number("20"), "20"},
		{"=1+1", "'=1+1"}, {"@SUM(A1)", "'@SUM(A1)"}, {"-1", "'-1"}, {"+1", "'+1"}, {"a=1", "a=1"},
	} {
		if got := cell(tt.value); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.value, got, tt.want)
		}
	}
}

// The first run only says what would go; the second does it: the citizen is
// logged out and unlinked, the neighbour is not, and both are as before in the core.
func TestErasePerson(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	citizens := n.linked(2, server.URL)
	c, other := citizens[0], citizens[1]
	c.must("OK", c.openChange(c.Password))

	look := n.person(c.IDNumber, "erase-person")
	noError(t, look.err)
	if !strings.Contains(look.out, "goes") || !strings.Contains(look.out, "--yes") || strings.Contains(look.out, "gone") {
		t.Errorf("dry run:\n%s", look.out)
	}
	c.must("OK", getFrom("/v1/link"))
	if n.number(`SELECT count(*) FROM operator_actions`)+n.events(store.EventErased) != 0 {
		t.Error("a dry run was recorded")
	}

	did := n.person(c.IDNumber, "erase-person", "--yes")
	noError(t, did.err)
	for _, secret := range c.secrets() {
		if testenv.Holds(look.out+look.log+did.out+did.log, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if a, b := strings.ReplaceAll(look.out, "goes", "gone"), did.out; a[:strings.Index(a, "Nothing")] != b[:strings.Index(b, "Recorded")] {
		t.Errorf("said\n%s\ndid\n%s", look.out, did.out)
	}
	c.must("SESSION_EXPIRED", getFrom("/v1/link"))
	other.must("OK", getFrom("/v1/link"))
	c.mustLogIn()
	c.must("NOT_LINKED", getFrom("/v1/link"))
	c.must("OK", c.link())
	if events := c.must("OK", getFrom("/v1/events")).Raw; !strings.Contains(string(events), "公积金中心已按申请删除个人信息") {
		t.Errorf("the citizen reads %s", events)
	}

	noError(t, n.person(c.AccountNo, "erase-person", "--yes", "--account-too").err)
	c.mustLogIn()
	c.must("LINK_REFUSED", c.link())
	if got := n.person(c.AccountNo, "erase-person", "--yes", "--account-too"); !errors.Is(got.err, errNoAccount) {
		t.Errorf("erased twice: %v", got.err)
	}
	if got := n.number(`SELECT count(*) FROM accounts`); got != 1 {
		t.Errorf("%d accounts are left, want the neighbour's", got)
	}
	listed := n.operate(t, "", "audit", "--days", "1")
	noError(t, listed.err)
	if strings.Count(listed.out, "erase") != 2 || strings.Count(listed.out, "erase with account") != 1 || strings.Count(listed.out, "paper 12") != 2 {
		t.Errorf("audit:\n%s", listed.out)
	}
	noError(t, server.Stop())
}

// Called wrongly, nothing is read, written or recorded.
func TestPersonRefuses(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	c := n.addCitizens(1, "")[0]
	path := filepath.Join(t.TempDir(), "data")
	for _, tt := range []struct {
		name, typed string
		args        []string
		want        error
		status      int
	}{
		{"export without why", c.AccountNo, []string{"export-person", "--out", path}, errOperator, 2},
		{"export nowhere", c.AccountNo, append([]string{"export-person"}, why...), errNowhere, 2},
		{"export twice", c.AccountNo, append([]string{"export-person", "--out", path, "--show"}, why...), errNowhere, 2},
		{"format", c.AccountNo, append([]string{"export-person", "--out", path, "--format", "xml"}, why...), errFormat, 2},
		{"export of nobody", "880099999999", append([]string{"export-person", "--out", path}, why...), errNoAccount, 1},
		{"export of nothing", "", append([]string{"export-person", "--out", path}, why...), errNobody, 1},
		{"erase without why", c.AccountNo, []string{"erase-person", "--yes"}, errOperator, 2},
		{"erase with a number", c.AccountNo, []string{"erase-person", "--yes", "--operator", "li", "--reason", "for " + c.IDNumber}, errPersonal, 2},
		{"erase an argument", "", append([]string{"erase-person", c.AccountNo}, why...), terminal.ErrUsage, 2},
		{"erase nobody", "880099999999", append([]string{"erase-person", "--yes"}, why...), errNoAccount, 1},
	} {
		got := n.operate(t, tt.typed, tt.args...)
		if !errors.Is(got.err, tt.want) || terminal.Status(got.err) != tt.status || got.out != "" {
			t.Errorf("%s: %v, exit %d\n%s", tt.name, got.err, terminal.Status(got.err), got.out)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: a file is left", tt.name)
		}
	}
	if got := n.number(`SELECT count(*) FROM operator_actions`) + n.number(`SELECT count(*) FROM events`); got != 0 {
		t.Errorf("%d traces", got)
	}
}
