package settings

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/terminal"
)

func TestMisspeltIgnoresOtherVariables(t *testing.T) {
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
		if got := Misspelt(w(name, value)); len(got) > 0 {
			t.Errorf("%s=%s: %v", name, value, got)
		}
	}
	for name, value := range map[string]string{"FUNDPASS_PORT": "8080", "FUNDPASS_OPS_PORT": "9090", "FUNDPASS_COLOUR": "blue"} {
		if got := Misspelt(w(name, value)); len(got) != 1 || !strings.Contains(got[0].Error(), "serve --help") {
			t.Errorf("%s=%s: %v", name, value, got)
		}
	}
	if got := Misspelt(terminal.Stdio{}); got != nil {
		t.Error(got)
	}
}
