package main

import (
	"testing"

	"golang.org/x/sys/unix"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

// TestCommandsHarden checks that every command hardens its process before it reads a key
// or personal data, also one that fails. It is not parallel, because other commands of
// this process change the same state.
func TestCommandsHarden(t *testing.T) {
	for _, command := range newRoot(terminal.Stdio{Getenv: cmdtest.GetenvOf(nil)}).Commands() {
		if !command.Runnable() || command.Name() == "demo" || command.Name() == "walk" { // these keep running or use the network
			continue
		}
		args := []string{command.Name()}
		if args[0] == "sync" {
			args = append(args, "no such file")
		}
		makeDumpable(t)
		_ = cmdtest.Run(t, nil, args...).Err
		requireHardened(t, command.Name())
	}
	makeDumpable(t)
	_ = cmdtest.Run(t, nil, "keys", "rehash").Err
	requireHardened(t, "keys rehash")
}

// TestServeHardens checks that a running server is hardened.
func TestServeHardens(t *testing.T) {
	makeDumpable(t)
	server := cmdtest.BeginServe(t, cmdtest.NewBareEnv(t).Env())
	server.AwaitDatabase()
	cmdtest.NoError(t, server.Stop())
	requireHardened(t, "serve")
}

func makeDumpable(t *testing.T) {
	t.Helper()
	cmdtest.NoError(t, unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	var limit unix.Rlimit
	cmdtest.NoError(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	if limit.Max > 0 {
		limit.Cur = limit.Max
		cmdtest.NoError(t, unix.Setrlimit(unix.RLIMIT_CORE, &limit))
	}
}

func requireHardened(t *testing.T, command string) {
	t.Helper()
	var limit unix.Rlimit
	cmdtest.NoError(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if limit.Cur != 0 || limit.Max != 0 || dumpable != 0 || err != nil {
		t.Errorf("%s: RLIMIT_CORE is %+v, dumpable %d, %v", command, limit, dumpable, err)
	}
}
