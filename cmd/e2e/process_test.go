package e2e

import (
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// A process is the program running as a process.
type process struct {
	URL, Ops string // base URLs of a server's API and operators' address
	Pid      int

	t    testing.TB
	cmd  *exec.Cmd
	out  *cmdtest.LogBuffer
	log  *cmdtest.LogBuffer
	dead chan struct{}
	err  error // result, valid once dead is closed
}

// newProcess prepares a process with exactly this environment and no input.
func newProcess(t testing.TB, env cmdtest.Values, args ...string) *process {
	p := &process{t: t, cmd: exec.Command(program, args...), out: new(cmdtest.LogBuffer), log: new(cmdtest.LogBuffer), dead: make(chan struct{})}
	p.cmd.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+env[name])
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	return p
}

// start starts the process, which is killed when the test ends.
func (p *process) start() *process {
	p.t.Helper()
	cmdtest.NoError(p.t, p.cmd.Start())
	p.Pid = p.cmd.Process.Pid
	go func() { p.err = p.cmd.Wait(); close(p.dead) }()
	p.t.Cleanup(p.Kill)
	return p
}

// startProgram starts the program with exactly this environment.
func startProgram(t testing.TB, env cmdtest.Values, args ...string) *process {
	t.Helper()
	return newProcess(t, env, args...).start()
}

// runWith runs the program until it exits.
func runWith(t testing.TB, env cmdtest.Values, args ...string) cmdtest.Result {
	t.Helper()
	p := startProgram(t, env, args...)
	err := p.wait()
	return cmdtest.Result{Out: p.out.String(), Log: p.Log(), Err: err}
}

// startServer starts "fundpass serve" with flags and waits until it listens.
func startServer(t testing.TB, env cmdtest.Values, flags ...string) *process {
	t.Helper()
	p := startProgram(t, env, append([]string{"serve"}, flags...)...)
	at, err := p.log.Find(p.dead)
	if err != nil {
		t.Fatalf("%v:\n%s", err, p.Log())
	}
	p.URL, p.Ops = "http://"+at.Addr, "http://"+at.Ops
	return p
}

// Kill kills the process with SIGKILL and waits. It may be called again.
func (p *process) Kill() {
	p.cmd.Process.Kill() // fails if the process has ended
	<-p.dead
}

// Stop sends SIGTERM and returns the result of the process.
func (p *process) Stop() error {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.wait()
}

// wait returns the result of the process.
func (p *process) wait() error {
	p.t.Helper()
	select {
	case <-p.dead:
		return p.err
	case <-time.After(testenv.Patience):
		p.t.Fatalf("%v does not end:\n%s", p.cmd.Args[1:], p.Log())
		return nil
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	cmdtest.NoError(p.t, p.cmd.Process.Signal(s))
}

// Log returns what the process has written to standard error.
func (p *process) Log() string { return p.log.String() }

// awaitLog waits until the log contains text n times.
func (p *process) awaitLog(text string, n int) {
	p.t.Helper()
	testenv.Eventually(p.t, text+" in the log", func() bool { return strings.Count(p.Log(), text) >= n })
}

// serveOn starts a server without effective rate limits on the database of dsn.
func serveOn(n *cmdtest.Fixture, dsn string) *process {
	n.T.Helper()
	return startServer(n.T, n.Env(cmdtest.Unlimited, cmdtest.Values{"FUNDPASS_DATABASE_URL": dsn}))
}

// mustRun runs a command and returns its output with single blanks.
func mustRun(s *cmdtest.ServerEnv, args ...string) string {
	s.T.Helper()
	r := runWith(s.T, s.Env(), args...)
	if r.Err != nil {
		s.T.Fatalf("%v: %v\n%s\n%s", args, r.Err, r.Log, r.Out)
	}
	return strings.Join(strings.Fields(r.Out), " ")
}
