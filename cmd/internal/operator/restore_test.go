package operator

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// TestRestore lists what happened since a moment and repeats it, here in the same database
// without its events.
func TestRestore(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	citizens := n.Linked(2, server.URL)
	since := time.Now().Add(-time.Hour).In(calendar.Beijing).Format(time.DateTime)
	frozen, erased := citizens[0], citizens[1]
	frozen.Must("OK", cmdtest.PostTo("/v1/freeze", map[string]any{}))
	cmdtest.NoError(t, runAbout(n, erased.AccountNo, "erase-person", "--yes").Err)
	cmdtest.NoError(t, server.Stop())

	path := n.Path("lost.jsonl")
	listed := operate(t, n.ServerEnv, "", "restore", "list", "--since", since, "--out", path)
	cmdtest.NoError(t, listed.Err)
	text := string(n.Read("lost.jsonl"))
	for _, want := range []string{`"kind":"erase","at":"`, `"operator":"窗口7 李","reason":"asked in writing, paper 12"`, `"kind":"password_frozen"`, `"kind":"linked"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in:\n%s", want, text)
		}
	}
	for _, secret := range append(secretsOf(frozen), secretsOf(erased)...) {
		if testenv.Holds(text+listed.Out+listed.Log, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if again := operate(t, n.ServerEnv, "", "restore", "list", "--since", since, "--out", path); !errors.Is(again.Err, os.ErrExist) {
		t.Errorf("an existing file: %v", again.Err)
	}
	_, err := n.SQL.Exec(`DELETE FROM events`)
	cmdtest.NoError(t, err)

	finish := append([]string{"restore", "finish", "--lost", path}, operatorFlags...)
	dry := operate(t, n.ServerEnv, "", finish...)
	cmdtest.NoError(t, dry.Err)
	if !strings.Contains(dry.Out, "Persons erased again: 1.") || !strings.Contains(dry.Out, "Run it again with --yes") || n.Events(store.EventRestored) != 0 {
		t.Errorf("dry run:\n%s", dry.Out)
	}
	done := operate(t, n.ServerEnv, "", append(finish, "--yes")...)
	cmdtest.NoError(t, done.Err)
	if !strings.Contains(done.Out, "Persons erased again: 1.") || !strings.Contains(done.Out, "Recorded as ") || n.Events(store.EventRestored) != 2 {
		t.Errorf("finish:\n%s", done.Out)
	}
	record := operate(t, n.ServerEnv, "", "audit", "--days", "1", "--lang", "zh")
	if !strings.Contains(record.Out, "从备份恢复") || strings.Count(record.Out, "删除个人信息") != 2 {
		t.Errorf("audit:\n%s", record.Out)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	s.Write("bad.jsonl", "account 8800")
	by := operatorFlags
	for _, tt := range []struct {
		name string
		args []string
		want error
		code int
	}{
		{"no moment", []string{"restore", "list", "--out", s.Path("x")}, errSince, 2},
		{"another form", []string{"restore", "list", "--since", "10:00", "--out", s.Path("x")}, errSince, 2},
		{"no file", []string{"restore", "list", "--since", "2026-12-01 10:00:00"}, errOutFile, 2},
		{"finish without --lost", append([]string{"restore", "finish"}, by...), errLost, 2},
		{"finish without why", []string{"restore", "finish", "--lost", "-"}, errOperator, 2},
		{"a missing file", append([]string{"restore", "finish", "--lost", s.Path("none")}, by...), errLost, 1},
		{"another file", append([]string{"restore", "finish", "--lost", s.Path("bad.jsonl")}, by...), errLost, 1},
	} {
		got := operate(t, s, "", tt.args...)
		if !errors.Is(got.Err, tt.want) || terminal.Status(got.Err) != tt.code {
			t.Errorf("%s: %v", tt.name, got.Err)
		}
	}
}
