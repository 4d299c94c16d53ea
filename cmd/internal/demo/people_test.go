package demo

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
)

var updatePeople = flag.Bool("update-people", false, "rewrite testdata/people.golden")

// TestStoriesAreNormal checks that people are listed in the form that the API compares.
func TestStoriesAreNormal(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, s := range stories {
		p := s.person()
		doc, err := document.Parse(p.IDType, p.IDNumber)
		if err != nil || doc.Number != p.IDNumber {
			t.Errorf("%s: %s is %v, %v", s.key, p.IDNumber, doc, err)
		}
		if p.IDType == document.Citizen && !strings.HasPrefix(p.IDNumber, "99") {
			t.Errorf("%s: %s may be real", s.key, p.IDNumber)
		}
		if name, err := document.Name(p.Name); err != nil || name != p.Name {
			t.Errorf("%s: name %q is %q, %v", s.key, p.Name, name, err)
		}
		if s.account != "" && len(p.Phone) != 11 {
			t.Errorf("%s: phone %s", s.key, p.Phone)
		}
		for _, key := range []string{p.Person, p.Password, p.AccountNo} {
			if s.again != "" && key != p.Person { // the same person's
				continue
			}
			if other, twice := seen[key]; twice {
				t.Errorf("%s and %s share %s", other, s.key, key)
			}
			seen[key] = s.key
		}
	}
}

// TestStoriesHaveGoodPasswords checks that chosen passwords are allowed, so that a walk
// can restore them.
func TestStoriesHaveGoodPasswords(t *testing.T) {
	t.Parallel()
	for _, s := range stories {
		p := s.person()
		broken := passwd.Default().Check(passwd.NewSecret(p.Password), passwd.Subject{
			IDType: p.IDType, IDNumber: p.IDNumber, Name: p.Name, Phone: p.Phone, AccountNo: p.AccountNo,
		})
		if good := len(broken) == 0; good == (s.initialRule != "") {
			t.Errorf("%s: %v", s.key, broken)
		}
	}
}

// TestPeopleTable checks the people on a terminal of 80 columns, in both languages. A Chinese
// character is two columns.
func TestPeopleTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, l := range []terminal.Language{terminal.English, terminal.Chinese} {
		printPeople(terminal.NewScreen(terminal.Stdio{Out: &out, Language: l}), stories)
	}
	const golden = "testdata/people.golden"
	if *updatePeople {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(cmdtest.ReadFile(t, golden)), out.String()); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(out.String()) {
		if got := text.StringWidth(strings.TrimSuffix(line, "\n")); got > 80 {
			t.Errorf("%d columns: %s", got, line)
		}
	}
}
