package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys"
	"fundpass/store"
)

// TestCommandsRefuseOtherKeys checks that every command that opens the database refuses
// keys of another centre and names the setting, and works with the right keys.
func TestCommandsRefuseOtherKeys(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	s.Write("people.csv", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM\n")
	cmdtest.NoError(t, cmdtest.Run(t, s.Env(), "import", s.Path("people.csv")).Err)
	column, err := keys.NewColumnKey()
	cmdtest.NoError(t, err)
	pepper, err := keys.NewPepperKey()
	cmdtest.NoError(t, err)
	s.Write("other-column.key", string(column))
	s.Write("other-pepper.key", string(pepper))
	otherColumn := s.Env(cmdtest.Values{"FUNDPASS_COLUMN_KEY_FILE": s.Path("other-column.key")})
	otherPepper := s.Env(cmdtest.Values{"FUNDPASS_PEPPER_FILE": s.Path("other-pepper.key")})
	by := []string{"--operator", "li", "--reason", "asked in writing"}

	for _, args := range [][]string{
		{"serve"}, {"import", s.Path("people.csv")}, {"sync", s.Path("people.csv")}, {"keys", "rehash"},
		{"issue-reset-code", "--operator", "0017"}, append([]string{"unlock"}, by...), {"audit"}, {"retention", "--dry-run"}, {"reconcile"},
		append([]string{"export-person", "--out", s.Path("person.json")}, by...), append([]string{"erase-person"}, by...),
		{"restore", "list", "--since", "2026-12-01 10:00:00", "--out", s.Path("lost.jsonl")}, append([]string{"restore", "finish", "--lost", "-"}, by...),
	} {
		r := cmdtest.RunTyping(t, otherColumn, "880000000001\n", args...)
		if !errors.Is(r.Err, store.ErrOtherColumnKey) || !strings.Contains(r.Err.Error(), "FUNDPASS_COLUMN_KEY_FILE") {
			t.Errorf("%s: %v", args[0], r.Err)
		}
	}
	for _, args := range [][]string{{"serve"}, {"import", s.Path("people.csv")}, {"sync", s.Path("people.csv")}, {"keys", "rehash", "--dry-run"}} {
		r := cmdtest.Run(t, otherPepper, args...)
		if !errors.Is(r.Err, store.ErrOtherPepper) || !strings.Contains(r.Err.Error(), "FUNDPASS_PEPPER_FILE") {
			t.Errorf("%s: %v", args[0], r.Err)
		}
	}
	for _, c := range []struct {
		env  cmdtest.Values
		want string
	}{
		{otherColumn, "fail +database ready .*FUNDPASS_COLUMN_KEY_FILE"},
		{otherPepper, "fail +database ready .*FUNDPASS_PEPPER_FILE"},
		{s.Env(), "ok +database ready +yes"},
	} {
		r := cmdtest.Run(t, c.env, "check")
		if !regexp.MustCompile(`(?m)^ *` + c.want).MatchString(r.Out) {
			t.Errorf("check: no line %s:\n%s", c.want, r.Out)
		}
	}
}
