package demo

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/store/localpg"
)

func TestDemoRefuses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.doc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"all addresses", []string{"--addr", "0.0.0.0:0"}, "--addr 0.0.0.0:0 is not a loopback address"},
		{"no host", []string{"--addr", ":8080"}, "--addr :8080 is not a loopback address"},
		{"no port", []string{"--addr", "127.0.0.1"}, "--addr 127.0.0.1 is not host:port"},
		{"port in use", []string{"--addr", busy.Addr().String()}, "--addr " + busy.Addr().String() + " is in use"},
		{"fresh without data", []string{"--fresh"}, "--fresh needs --data"},
		{"another program's directory", []string{"--addr", "127.0.0.1:0", "--data", foreign, "--fresh"}, "was not created by a demo"},
		{"unknown policy", []string{"--policy", "atlantis"}, "--policy atlantis is not built in; these are: anyang, "},
		{"argument", []string{"now"}, "unknown command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := cmdtest.Execute(t.Context(), append([]string{"demo"}, tt.args...), terminal.Stdio{Out: &cmdtest.LogBuffer{}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(foreign, "thesis.doc")); err != nil {
		t.Error("--fresh emptied another program's directory")
	}
}

func TestDemoWithoutPostgreSQL(t *testing.T) {
	t.Setenv("LOCALPG_BIN", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	err := cmdtest.Execute(t.Context(), []string{"demo", "--addr", "127.0.0.1:0"}, terminal.Stdio{Out: &cmdtest.LogBuffer{}})
	if !errors.Is(err, localpg.ErrNoPrograms) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"apt-get install", "dnf install", "brew install"} {
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q lacks %q, or has several lines", err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
