package main

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

// A process is "fundpass serve" inside the test's process. Those that must be
// killed are in cmd/e2e.
type process struct {
	URL, Ops string // base URLs of the API and of the operators' address

	t      testing.TB
	log    *logBuffer
	stop   context.CancelFunc
	hangup chan<- os.Signal
	dead   chan struct{}
	err    error // of the end; read after dead
}

// startServer runs "fundpass serve" with this environment and waits until it
// listens. It ends with the test.
func startServer(t testing.TB, env map[string]string) *process {
	t.Helper()
	p := beginServe(t, env)
	at, err := p.log.find(p.dead)
	if err != nil {
		t.Fatalf("%v: %v\n%s", err, p.err, p.log)
	}
	p.URL, p.Ops = "http://"+at.Addr, "http://"+at.Ops
	return p
}

func beginServe(t testing.TB, env map[string]string) *process {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &process{t: t, log: new(logBuffer), stop: stop, dead: make(chan struct{})}
	w := terminal.Stdio{Getenv: getenvOf(env), In: strings.NewReader(""), Out: p.log, Err: p.log,
		Notify: func(c chan<- os.Signal, _ ...os.Signal) { p.hangup = c }}
	go func() {
		defer close(p.dead)
		p.err = run(ctx, []string{"serve"}, w)
	}()
	t.Cleanup(func() { stop(); <-p.dead })
	return p
}

// Stop ends the server as an operator does and returns how it ended.
func (p *process) Stop() error {
	p.t.Helper()
	p.stop()
	select {
	case <-p.dead:
	case <-time.After(testenv.Patience):
		p.t.Fatalf("serve does not end:\n%s", p.log)
	}
	return p.err
}

// hangUp is SIGHUP.
func (p *process) hangUp() { p.hangup <- syscall.SIGHUP }

// Log is what the server has written so far.
func (p *process) Log() string { return p.log.String() }

// awaitLog waits until the log holds text for the nth time.
func (p *process) awaitLog(text string, n int) {
	p.t.Helper()
	testenv.Eventually(p.t, text+" in the log", func() bool {
		select {
		case <-p.dead:
			p.t.Fatalf("it ended before it said %q: %v\n%s", text, p.err, p.log)
		default:
		}
		return strings.Count(p.Log(), text) >= n
	})
}
