package main

import (
	"context"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

// runIn runs a command with env as its settings and env and more as all variables.
func runIn(t testing.TB, env cmdtest.Values, more cmdtest.Values, args ...string) cmdtest.Result {
	t.Helper()
	var out, log cmdtest.LogBuffer
	environ := func() []string {
		var all []string
		for _, vars := range []cmdtest.Values{env, more} {
			for name, value := range vars {
				all = append(all, name+"="+value)
			}
		}
		return all
	}
	ctx, end := context.WithCancel(t.Context())
	end() // stops a server that starts in spite of the error
	err := cmdtest.Execute(ctx, args, terminal.Stdio{Getenv: cmdtest.GetenvOf(env), Environ: environ, In: strings.NewReader(""), Out: &out, Err: &log})
	return cmdtest.Result{Out: out.String(), Log: log.String(), Err: err}
}

// TestMisspeltSettings checks that every command that reads settings refuses a misspelt
// one, with the right name and without its value.
func TestMisspeltSettings(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for name, want := range map[string]string{
		"FUNDPASS_PROFF": "FUNDPASS_PROOF", "FUNDPASS_CENTRE": "FUNDPASS_CENTER", "FUNDPASS_TRUSTED_PROXY": "FUNDPASS_TRUSTED_PROXIES",
		"FUNDPASS_PEPPER_KEY_FILE": "FUNDPASS_PEPPER_FILE", "FUNDPASS_DOCUMENTS_FIEL": "FUNDPASS_DOCUMENTS_FILE",
		"fundpass_proof": "FUNDPASS_PROOF", "FUNDPAS_PROOF": "FUNDPASS_PROOF", "fundpas_proof": "FUNDPASS_PROOF", "FUND_PASS_PROOF": "FUNDPASS_PROOF", "FUNDPASS-PROOF": "FUNDPASS_PROOF",
	} {
		for _, command := range []string{"serve", "check", "import", "unlock"} {
			args := []string{command}
			if command == "import" {
				args = append(args, "roster.csv")
			}
			got := runIn(t, s.Env(), cmdtest.Values{name: "canary"}, args...)
			text := got.Out + got.Log
			if got.Err == nil {
				t.Errorf("%s accepts %s", command, name)
			} else {
				text += got.Err.Error()
			}
			if !strings.Contains(text, name) || !strings.Contains(text, "did you mean "+want+"?") || strings.Contains(text, "canary") {
				t.Errorf("%s of %s: %s", command, name, text)
			}
		}
	}
}

// TestCommandsWithoutSettings checks that commands that read no settings ignore a
// misspelt one.
func TestCommandsWithoutSettings(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"policy", "list"}, {"help"}, {"keys", "new", t.TempDir()}} {
		if got := runIn(t, nil, cmdtest.Values{"FUNDPASS_PROFF": "none"}, args...); got.Err != nil {
			t.Errorf("%v: %v", args, got.Err)
		}
	}
}
