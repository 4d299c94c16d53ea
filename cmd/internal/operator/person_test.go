package operator

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// operatorFlags are the flags that every command about a person requires.
var operatorFlags = []string{"--operator", "窗口7 李", "--reason", "asked in writing, paper 12"}

// runAbout runs a command about a person.
func runAbout(n *cmdtest.Fixture, typed, command string, args ...string) cmdtest.Result {
	n.T.Helper()
	return operate(n.T, n.ServerEnv, typed, append(append([]string{command}, operatorFlags...), args...)...)
}

// secretsOf returns the citizen's data that no terminal may show.
func secretsOf(c *cmdtest.Citizen) []string {
	return []string{c.IDNumber, c.AccountNo, c.Name, c.Phone, c.Password, c.OpenID}
}

// TestExportPerson checks that a citizen's file has their own data and nobody else's,
// that the terminal shows none of it, and that the record has the operator.
func TestExportPerson(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	citizens := n.Linked(2, server.URL)
	c, other := citizens[0], citizens[1]
	cmdtest.NoError(t, server.Stop())
	for _, format := range []string{"json", "csv"} {
		path := filepath.Join(t.TempDir(), "data")
		got := runAbout(n, c.IDNumber, "export-person", "--out", path, "--format", format)
		cmdtest.NoError(t, got.Err)
		info, err := os.Stat(path)
		cmdtest.NoError(t, err)
		if info.Mode().Perm() != 0o600 || !strings.Contains(got.Out, path) {
			t.Errorf("mode %v, output %q", info.Mode(), got.Out)
		}
		raw, err := os.ReadFile(path)
		cmdtest.NoError(t, err)
		text := string(raw)
		for _, want := range []string{c.IDNumber, c.AccountNo, c.Name, c.Phone, "open_id", "linked", "export", "窗口7 李"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", format, want)
			}
		}
		for _, secret := range append(secretsOf(other)[:2], c.Password, c.OpenID+`"`, "argon2id") {
			if testenv.Holds(text, secret) {
				t.Errorf("%s holds %q", format, secret)
			}
		}
		for _, secret := range secretsOf(c) {
			if testenv.Holds(got.Out+got.Log, secret) {
				t.Errorf("%q is shown", secret)
			}
		}
		checkReadable(t, format, text)

		if again := runAbout(n, c.IDNumber, "export-person", "--out", path); !errors.Is(again.Err, os.ErrExist) {
			t.Errorf("overwritten: %v", again.Err)
		}
	}
	shown := runAbout(n, c.AccountNo, "export-person", "--show")
	cmdtest.NoError(t, shown.Err)
	if !strings.Contains(shown.Out, c.IDNumber) {
		t.Errorf("--show shows\n%s", shown.Out)
	}
	if got := n.Number(`SELECT count(*) FROM operator_actions WHERE action = 'export' AND operator = '窗口7 李'`); got != 3 {
		t.Errorf("%d exports recorded, want 3", got)
	}
}

// checkReadable parses an exported file as a citizen's program does.
func checkReadable(t *testing.T, format, text string) {
	t.Helper()
	if format == "json" {
		var data store.PersonData
		cmdtest.NoError(t, json.Unmarshal([]byte(text), &data))
		if len(data.Accounts) != 1 || data.Links[0].Identifier == "" || strings.Count(data.Links[0].Identifier, "*") < 2 {
			t.Errorf("read %+v", data.Links)
		}
		return
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	cmdtest.NoError(t, err)
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

// TestErasePerson checks that a dry run only lists the data, and that --yes deletes them:
// the citizen loses sessions and link, another citizen does not, and the accounts are
// kept.
func TestErasePerson(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	citizens := n.Linked(2, server.URL)
	c, other := citizens[0], citizens[1]
	c.Must("OK", c.OpenChange(c.Password))

	listed := runAbout(n, c.IDNumber, "erase-person")
	cmdtest.NoError(t, listed.Err)
	if !strings.Contains(listed.Out, "to delete") || !strings.Contains(listed.Out, "--yes") || strings.Contains(listed.Out, "deleted") {
		t.Errorf("dry run:\n%s", listed.Out)
	}
	c.Must("OK", cmdtest.GetFrom("/v1/link"))
	if n.Number(`SELECT count(*) FROM operator_actions`)+n.Events(store.EventErased) != 0 {
		t.Error("a dry run was recorded")
	}

	erased := runAbout(n, c.IDNumber, "erase-person", "--yes")
	cmdtest.NoError(t, erased.Err)
	for _, secret := range secretsOf(c) {
		if testenv.Holds(listed.Out+listed.Log+erased.Out+erased.Log, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if a, b := strings.ReplaceAll(listed.Out, "to delete\n", "deleted\n"), erased.Out; a[:strings.Index(a, "Nothing")] != b[:strings.Index(b, "Recorded")] {
		t.Errorf("listed\n%s\nerased\n%s", listed.Out, erased.Out)
	}
	c.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
	other.Must("OK", cmdtest.GetFrom("/v1/link"))
	c.MustLogIn()
	c.Must("NOT_LINKED", cmdtest.GetFrom("/v1/link"))
	c.Must("OK", c.Link())
	if events := c.Must("OK", cmdtest.GetFrom("/v1/events")).Raw; !strings.Contains(string(events), "公积金中心已按申请删除个人信息") {
		t.Errorf("the citizen reads %s", events)
	}

	cmdtest.NoError(t, runAbout(n, c.AccountNo, "erase-person", "--yes", "--account-too").Err)
	c.MustLogIn()
	c.Must("LINK_REFUSED", c.Link())
	if got := runAbout(n, c.AccountNo, "erase-person", "--yes", "--account-too"); !errors.Is(got.Err, errNoAccount) {
		t.Errorf("erased twice: %v", got.Err)
	}
	if got := n.Number(`SELECT count(*) FROM accounts`); got != 1 {
		t.Errorf("%d accounts are left, want the other citizen's", got)
	}
	record := operate(t, n.ServerEnv, "", "audit", "--days", "1")
	cmdtest.NoError(t, record.Err)
	if strings.Count(record.Out, "erase") != 2 || strings.Count(record.Out, "erase with account") != 1 || strings.Count(record.Out, "paper 12") != 2 {
		t.Errorf("audit:\n%s", record.Out)
	}
	cmdtest.NoError(t, server.Stop())
}

// TestPersonRefuses checks that an invalid call reads, writes and records nothing.
func TestPersonRefuses(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := n.AddCitizens(1, "")[0]
	path := filepath.Join(t.TempDir(), "data")
	for _, tt := range []struct {
		name, typed string
		args        []string
		want        error
		status      int
	}{
		{"export without why", c.AccountNo, []string{"export-person", "--out", path}, errOperator, 2},
		{"export nowhere", c.AccountNo, append([]string{"export-person"}, operatorFlags...), errNoOutput, 2},
		{"export twice", c.AccountNo, append([]string{"export-person", "--out", path, "--show"}, operatorFlags...), errNoOutput, 2},
		{"format", c.AccountNo, append([]string{"export-person", "--out", path, "--format", "xml"}, operatorFlags...), errFormat, 2},
		{"export of an unknown person", "880099999999", append([]string{"export-person", "--out", path}, operatorFlags...), errNoAccount, 1},
		{"export of nothing", "", append([]string{"export-person", "--out", path}, operatorFlags...), errNoNumber, 1},
		{"erase without why", c.AccountNo, []string{"erase-person", "--yes"}, errOperator, 2},
		{"erase with a number", c.AccountNo, []string{"erase-person", "--yes", "--operator", "li", "--reason", "for " + c.IDNumber}, errPersonal, 2},
		{"erase an argument", "", append([]string{"erase-person", c.AccountNo}, operatorFlags...), terminal.ErrUsage, 2},
		{"erase an unknown person", "880099999999", append([]string{"erase-person", "--yes"}, operatorFlags...), errNoAccount, 1},
	} {
		got := operate(t, n.ServerEnv, tt.typed, tt.args...)
		if !errors.Is(got.Err, tt.want) || terminal.Status(got.Err) != tt.status || got.Out != "" {
			t.Errorf("%s: %v, exit %d\n%s", tt.name, got.Err, terminal.Status(got.Err), got.Out)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: a file is left", tt.name)
		}
	}
	if got := n.Number(`SELECT count(*) FROM operator_actions`) + n.Number(`SELECT count(*) FROM events`); got != 0 {
		t.Errorf("%d records", got)
	}
}
