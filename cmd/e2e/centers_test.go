package e2e

import (
	"syscall"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestCenters runs the program with a file of centres: it serves both, and SIGHUP removes one
// while the other goes on.
func TestCenters(t *testing.T) {
	t.Parallel()
	a, b := cmdtest.NewEnv(t), cmdtest.NewEnv(t)
	dir := t.TempDir()
	first, second := cmdtest.CenterEntry{Env: a, Path: "a"}, cmdtest.CenterEntry{Env: b, Path: "b"}
	a.AddOK()
	b.AddOK()
	env := cmdtest.WriteCenters(t, dir, first, second)
	checked := runWith(t, env, "check")
	if checked.Err != nil {
		t.Errorf("check: %v\n%s", checked.Err, checked.Out)
	}
	server := startServer(t, env)
	want := func(s *cmdtest.ServerEnv, path string, want int) {
		t.Helper()
		if got, _ := logInAt(s, server.URL+path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	want(a, "/a", 200)
	want(b, "/b", 200)
	want(a, "", 404)
	want(a, "/b", 401) // an auth code of A is nothing to the Alipay of B

	cmdtest.WriteCenters(t, dir, second)
	server.signal(syscall.SIGHUP)
	server.awaitLog("centre removed", 1)
	want(a, "/a", 404)
	want(b, "/b", 200)
	cmdtest.NoError(t, server.Stop())
	checkNoKey(a, server.Log())
}
