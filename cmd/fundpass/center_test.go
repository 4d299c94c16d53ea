package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/store/storetest"
)

// TestCenterFlag checks that every command that works for one centre takes --center, and that
// those for the process do not.
func TestCenterFlag(t *testing.T) {
	t.Parallel()
	var with []string
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		takes := c.Flags().Lookup("center") != nil
		if takes {
			with = append(with, c.Name())
		}
		if c.CommandPath() == "fundpass keys new" {
			return // writes a centre's settings, and reads none
		}
		if readsSettings := c.Flags().Lookup("env-file") != nil; takes != (readsSettings && !slices.Contains([]string{"serve", "check", "migrate"}, c.Name())) {
			t.Errorf("%s: --center %t", c.CommandPath(), takes)
		}
	}
	visit(newRoot(terminal.Stdio{Getenv: cmdtest.GetenvOf(nil)}))
	for _, name := range []string{"import", "sync", "unlock", "audit", "export-person", "rehash", "verify", "retention"} {
		if !slices.Contains(with, name) {
			t.Errorf("%s does not take --center", name)
		}
	}
}

// TestCenterCommands checks that a command works for the centre of --center only.
func TestCenterCommands(t *testing.T) {
	t.Parallel()
	a, b := cmdtest.NewEnv(t), cmdtest.NewEnv(t)
	env := cmdtest.WriteCenters(t, t.TempDir(), cmdtest.CenterEntry{Env: a, Path: "a"}, cmdtest.CenterEntry{Env: b, Path: "b"})
	a.Write("people.csv", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM\n880000000001,欧阳测试,01,110101199003077758,01,id-last6\n")
	for _, args := range [][]string{{"import", a.Path("people.csv")}, {"audit"}, {"unlock", "--operator", "x", "--reason", "ticket"}} {
		got := cmdtest.Run(t, env, args...)
		if got.Err == nil || !strings.Contains(got.Err.Error(), "--center is required") || !strings.Contains(got.Err.Error(), a.Center+", "+b.Center) {
			t.Errorf("%v without a centre: %v", args, got.Err)
		}
	}
	if got := cmdtest.Run(t, env, "import", a.Path("people.csv"), "--center", a.Center); got.Err != nil {
		t.Fatalf("import: %v\n%s", got.Err, got.Out)
	}
	count := func(s *cmdtest.ServerEnv) int {
		n := 0
		cmdtest.NoError(t, storetest.Probe(t, s.DSN).Get(&n, `SELECT count(*) FROM accounts WHERE center_id = $1`, s.Center))
		return n
	}
	if count(a) != 1 || count(b) != 0 {
		t.Errorf("accounts: %d and %d", count(a), count(b))
	}
	if got := cmdtest.Run(t, a.Env(), "audit", "--center", a.Center); got.Err == nil || !strings.Contains(got.Err.Error(), "--center needs FUNDPASS_CENTERS_FILE") {
		t.Errorf("without a file: %v", got.Err)
	}
	if got := cmdtest.Run(t, env, "migrate"); got.Err != nil {
		t.Errorf("migrate: %v", got.Err)
	}
}
