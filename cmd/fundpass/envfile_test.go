package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// writeEnvFile writes settings to a file of the environment and returns its path.
func writeEnvFile(s *cmdtest.ServerEnv, env cmdtest.Values) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		b.WriteString(settings.EnvLine(name, env[name]) + "\n")
	}
	s.Write("fundpass.env", b.String())
	return s.Path("fundpass.env")
}

// A server is set up from a file alone, and every command finds the same settings there.
func TestEnvFileAlone(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	file := writeEnvFile(s, s.Env())
	s.Write("people.csv", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM\n")
	for _, args := range [][]string{{"migrate"}, {"import", s.Path("people.csv")}, {"check"}, {"retention", "--dry-run"}} {
		if got := cmdtest.Run(t, nil, append(args, "--env-file", file)...); got.Err != nil {
			t.Errorf("%v: %v\n%s", args, got.Err, got.Out)
		}
	}
	if got := runIn(t, nil, nil, "serve", "--env-file", file); got.Err != nil {
		t.Errorf("serve: %v", got.Err)
	}
}

// Every command that reads settings takes the flag, and no other does.
func TestEnvFileFlag(t *testing.T) {
	t.Parallel()
	var with, without []string
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		path, _ := strings.CutPrefix(c.CommandPath(), "fundpass ")
		switch {
		case !c.Runnable():
		case c.Flags().Lookup("env-file") != nil:
			with = append(with, path)
		default:
			without = append(without, path)
		}
	}
	visit(newRoot(terminal.Stdio{Getenv: cmdtest.GetenvOf(nil)}))
	for _, name := range []string{"serve", "check", "migrate", "import", "sync", "unlock", "audit", "keys rehash", "keys fetch-cert", "verify", "reconcile"} {
		if !slices.Contains(with, name) {
			t.Errorf("%s does not take --env-file", name)
		}
	}
	for _, name := range []string{"demo", "walk", "version", "keys new", "keys rotate-pepper", "policy list"} {
		if !slices.Contains(without, name) {
			t.Errorf("%s takes --env-file and reads no settings", name)
		}
	}
}

// The environment wins, and the log says so without either value.
func TestEnvFileOverridden(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	file := writeEnvFile(s, s.Env(cmdtest.Values{"FUNDPASS_PROOF": "canary"}))
	got := runIn(t, cmdtest.Values{"FUNDPASS_PROOF": "certdoc"}, nil, "check", "--env-file", file)
	if strings.Contains(got.Out, "fail  FUNDPASS_PROOF ") || strings.Contains(got.Out+got.Log, "canary") {
		t.Errorf("the file wins:\n%s%s", got.Out, got.Log)
	}
	if !strings.Contains(got.Log, `"setting":"FUNDPASS_PROOF"`) || !strings.Contains(got.Log, file+":") || strings.Count(got.Log, "is overridden") != 1 {
		t.Errorf("log:\n%s", got.Log)
	}
}

// Wrong lines and misspelt names are refused with their line, and never with a value.
func TestEnvFileWrong(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	right := writeEnvFile(s, s.Env())
	whole := string(s.Read("fundpass.env"))
	lines := strings.Count(whole, "\n")
	for _, args := range [][]string{{"serve"}, {"check"}, {"migrate"}, {"import", "people.csv"}} {
		for line, want := range map[string]string{
			"FUNDPASS_PROFF=canary": "did you mean FUNDPASS_PROOF?",
			"PGPASSFILE=canary":     "is not a setting of fundpass",
			"a canary":              "is not NAME=value",
		} {
			s.Write("fundpass.env", whole+line+"\n")
			got := runIn(t, nil, nil, append(args, "--env-file", right)...)
			text := got.Out + got.Said()
			if got.Err == nil || !strings.Contains(text, want) || !strings.Contains(text, fmt.Sprintf("%s:%d", right, lines+1)) || strings.Contains(text, "canary") {
				t.Errorf("%s with %s: %s", args[0], line, text)
			}
		}
	}
	if got := runIn(t, nil, nil, "check", "--env-file", s.Path("absent")); got.Err == nil || !strings.Contains(got.Err.Error(), "--env-file") {
		t.Errorf("absent: %v", got.Err)
	}
}
