package main

import (
	"context"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// runIn runs a command in an environment that has env and more.
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
	end() // a server that starts all the same stops
	err := cmdtest.Execute(ctx, args, terminal.Stdio{Getenv: cmdtest.GetenvOf(env), Environ: environ, In: strings.NewReader(""), Out: &out, Err: &log})
	return cmdtest.Result{Out: out.String(), Log: log.String(), Err: err}
}

// A misspelt setting is refused by every command that reads settings, with the right
// name, and never with its value.
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
				t.Errorf("%s takes %s", command, name)
			} else {
				text += got.Err.Error()
			}
			if !strings.Contains(text, name) || !strings.Contains(text, "did you mean "+want+"?") || strings.Contains(text, "canary") {
				t.Errorf("%s of %s: %s", command, name, text)
			}
		}
	}
}

func TestWhatIsNotMisspelt(t *testing.T) {
	t.Parallel()
	w := func(name, value string) terminal.Stdio {
		return terminal.Stdio{Environ: func() []string { return []string{name + "=" + value} }}
	}
	for name, value := range map[string]string{
		"FUNDPASS_PROOF": "none", "FUNDPASS_PROFF": " ", "PATH": "/bin", "PGPASSFILE": "x", "BASH_FUNC_fundpass_x%%": "() { :; }", "FUNDPASS": "x",
		"FUNDPASS_SERVICE_HOST": "10.0.0.1", "FUNDPASS_SERVICE_PORT": "8080", "FUNDPASS_SERVICE_PORT_HTTP": "8080", "FUNDPASS_PORT": "tcp://10.0.0.1:8080",
		"FUNDPASS_PORT_8080_TCP": "tcp://10.0.0.1:8080", "FUNDPASS_PORT_8080_TCP_PROTO": "tcp", "FUNDPASS_PORT_8080_TCP_PORT": "8080",
		"FUNDPASS_PORT_8080_TCP_ADDR": "fd00::1", "FUNDPASS_OPS_SERVICE_HOST": "10.0.0.1",
	} {
		if got := settings.Misspelt(w(name, value)); len(got) > 0 {
			t.Errorf("%s=%s: %v", name, value, got)
		}
	}
	for name, value := range map[string]string{"FUNDPASS_PORT": "8080", "FUNDPASS_OPS_PORT": "9090", "FUNDPASS_COLOUR": "blue"} {
		if got := settings.Misspelt(w(name, value)); len(got) != 1 || !strings.Contains(got[0].Error(), "serve --help") {
			t.Errorf("%s=%s: %v", name, value, got)
		}
	}
	if got := settings.Misspelt((terminal.Stdio{})); got != nil {
		t.Error(got)
	}
}

// Commands that read no settings do not mind.
func TestCommandsWithoutSettings(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"policy", "list"}, {"help"}, {"keys", "new", t.TempDir()}} {
		if got := runIn(t, nil, cmdtest.Values{"FUNDPASS_PROFF": "none"}, args...); got.Err != nil {
			t.Errorf("%v: %v", args, got.Err)
		}
	}
}

// A value of which only the unit is wrong is answered with what to write.
func TestUnits(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for _, c := range []struct{ setting, value, want string }{
		{"FUNDPASS_LINK_TRANSFER", "24", "write 24h"},
		{"FUNDPASS_LINK_TRANSFER", "3d", "write 72h"},
		{"FUNDPASS_LINK_TRANSFER", "2 天", "write 48h"},
		{"FUNDPASS_LINK_TRANSFER", "24 hours", "write 24h"},
		{"FUNDPASS_LINK_TRANSFER", "24小时", "write 24h"},
		{"FUNDPASS_LINK_TRANSFER", "12H", "write 12h"},
		{"FUNDPASS_LINK_TRANSFER", "soon", "cannot be read"},
		{"FUNDPASS_LINK_TRANSFER", "24 canaries", "cannot be read"},
		{"FUNDPASS_DRAIN_DELAY", "10", "write 10s"},
		{"FUNDPASS_DRAIN_DELAY", "1 min", "write 1m"},
		{"FUNDPASS_AUDIT_YEARS", "3y", "write 3"},
		{"FUNDPASS_AUDIT_YEARS", "3年", "write 3"},
		{"FUNDPASS_AUDIT_YEARS", "three", "cannot be read"},
		{"FUNDPASS_PER_USER", "5/s", "PER_SECOND,BURST"},
	} {
		_, err := settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{c.setting: c.value})))
		if err == nil || !strings.Contains(err.Error(), c.setting+": ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canar") {
			t.Errorf("%s=%s: %v, want %q", c.setting, c.value, err, c.want)
		}
	}
}

// Encryption without a proof of who answers is warned of where it matters.
func TestDatabaseNotProven(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for dsn, want := range map[string]string{
		"postgres://u@db1/f?sslmode=require":                       "sslmode=verify-full",
		"postgres://u@db1/f?sslmode=verify-ca":                     "sslmode=verify-full",
		"host=127.0.0.1,db2 dbname=f user=u sslmode=require":       "sslmode=verify-full",
		"postgres://u@db1/f?sslmode=verify-full":                   "",
		"postgres://u@127.0.0.1/f?sslmode=require":                 "",
		"host=/run/postgresql dbname=f user=u sslmode=disable":     "",
		"postgres://u:canary@[2001:db8::1]:5432/f?sslmode=require": "sslmode=verify-full",
	} {
		s.DSN = dsn
		parsed, err := settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_TRUSTED_PROXIES": "127.0.0.1", "FUNDPASS_MESSAGE_TEMPLATE": "x"})))
		cmdtest.NoError(t, err)
		var got string
		for _, p := range parsed.Unsafe() {
			if p.Setting == "FUNDPASS_DATABASE_URL" {
				got += p.Error()
			}
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "canary") {
			t.Errorf("%s: %q, want %q", dsn, got, want)
		}
	}
}
