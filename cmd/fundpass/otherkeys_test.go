package main

import (
	"errors"
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/store"
)

// Every command that opens the database refuses other keys than the centre's, in one
// sentence that names the setting, and serves as before with the right ones.
func TestCommandsRefuseOtherKeys(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	s.write("people.csv", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM\n")
	noError(t, runWith(t, s.env(), "import", s.path("people.csv")).err)
	column, err := keys.NewColumnKey()
	noError(t, err)
	pepper, err := keys.NewPepperKey()
	noError(t, err)
	s.write("other-column.key", string(column))
	s.write("other-pepper.key", string(pepper))
	otherColumn := s.env(values{"FUNDPASS_COLUMN_KEY_FILE": s.path("other-column.key")})
	otherPepper := s.env(values{"FUNDPASS_PEPPER_FILE": s.path("other-pepper.key")})
	by := []string{"--operator", "li", "--reason", "asked in writing"}

	for _, args := range [][]string{
		{"serve"}, {"import", s.path("people.csv")}, {"sync", s.path("people.csv")}, {"keys", "rehash"},
		{"issue-reset-code", "--operator", "0017"}, append([]string{"unlock"}, by...), {"audit"}, {"retention", "--dry-run"}, {"reconcile"},
		append([]string{"export-person", "--out", s.path("person.json")}, by...), append([]string{"erase-person"}, by...),
	} {
		r := runTyping(t, otherColumn, "880000000001\n", args...)
		if !errors.Is(r.err, store.ErrOtherColumnKey) || !strings.Contains(r.err.Error(), "FUNDPASS_COLUMN_KEY_FILE") {
			t.Errorf("%s: %v", args[0], r.err)
		}
	}
	for _, args := range [][]string{{"serve"}, {"import", s.path("people.csv")}, {"sync", s.path("people.csv")}, {"keys", "rehash", "--dry-run"}} {
		r := runWith(t, otherPepper, args...)
		if !errors.Is(r.err, store.ErrOtherPepper) || !strings.Contains(r.err.Error(), "FUNDPASS_PEPPER_FILE") {
			t.Errorf("%s: %v", args[0], r.err)
		}
	}
	runCheck(t, otherColumn).want(verdictFail, "database ready", "FUNDPASS_COLUMN_KEY_FILE")
	runCheck(t, otherPepper).want(verdictFail, "database ready", "FUNDPASS_PEPPER_FILE")
	runCheck(t, s.env()).want(verdictOK, "database ready", "yes")
}
