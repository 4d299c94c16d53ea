package cmdtest

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
)

// A Process is "fundpass serve" inside the test process. Servers that tests kill are in
// cmd/e2e.
type Process struct {
	URL, Ops string // base URLs of the API and of the operators' address

	t      testing.TB
	Output *LogBuffer
	stop   context.CancelFunc
	hangup chan<- os.Signal
	Dead   chan struct{}
	Err    error // result of serve, valid once Dead is closed
}

// StartServer runs "fundpass serve" with this environment and waits until it listens. The
// server stops when the test ends.
func StartServer(t testing.TB, env map[string]string) *Process {
	t.Helper()
	p := BeginServe(t, env)
	at, err := p.Output.Find(p.Dead)
	if err != nil {
		t.Fatalf("%v: %v\n%s", err, p.Err, p.Output)
	}
	p.URL, p.Ops = "http://"+at.Addr, "http://"+at.Ops
	return p
}

// BeginServe starts "fundpass serve" without waiting until it listens.
func BeginServe(t testing.TB, env map[string]string) *Process {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &Process{t: t, Output: new(LogBuffer), stop: stop, Dead: make(chan struct{})}
	w := terminal.Stdio{Getenv: GetenvOf(env), In: strings.NewReader(""), Out: p.Output, Err: p.Output,
		Notify: func(c chan<- os.Signal, _ ...os.Signal) { p.hangup = c }}
	go func() {
		defer close(p.Dead)
		p.Err = Execute(ctx, []string{"serve"}, w)
	}()
	t.Cleanup(func() { stop(); <-p.Dead })
	return p
}

// Stop stops the server as an operator does and returns its error.
func (p *Process) Stop() error {
	p.t.Helper()
	p.stop()
	select {
	case <-p.Dead:
	case <-time.After(testenv.Patience):
		p.t.Fatalf("serve does not stop:\n%s", p.Output)
	}
	return p.Err
}

// HangUp sends the server SIGHUP.
func (p *Process) HangUp() { p.hangup <- syscall.SIGHUP }

// Log returns what the server has logged so far.
func (p *Process) Log() string { return p.Output.String() }

// AwaitLog waits until the log contains text n times.
func (p *Process) AwaitLog(text string, n int) {
	p.t.Helper()
	testenv.Eventually(p.t, text+" in the log", func() bool {
		select {
		case <-p.Dead:
			p.t.Fatalf("the server ended before it logged %q: %v\n%s", text, p.Err, p.Output)
		default:
		}
		return strings.Count(p.Log(), text) >= n
	})
}

// AwaitDatabase waits until the server logs that it waits for its database.
func (p *Process) AwaitDatabase() { p.t.Helper(); p.AwaitLog("waiting for the database", 1) }
