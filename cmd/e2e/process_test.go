package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

type values = map[string]string

// A logBuffer is written and read at the same time.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A process is the program as a process of its own.
type process struct {
	URL, Ops string // base URLs of the API and of the operators' address, of a server
	Pid      int

	t    testing.TB
	cmd  *exec.Cmd
	out  *logBuffer
	log  *logBuffer
	dead chan struct{}
	err  error // of the end; read after dead
}

// newProcess has exactly this environment, and nothing to read.
func newProcess(t testing.TB, env values, args ...string) *process {
	p := &process{t: t, cmd: exec.Command(program, args...), out: new(logBuffer), log: new(logBuffer), dead: make(chan struct{})}
	p.cmd.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+env[name])
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	return p
}

// start runs it. It is killed when the test ends.
func (p *process) start() *process {
	p.t.Helper()
	noError(p.t, p.cmd.Start())
	p.Pid = p.cmd.Process.Pid
	go func() { p.err = p.cmd.Wait(); close(p.dead) }()
	p.t.Cleanup(p.Kill)
	return p
}

// startProgram runs the program with exactly this environment.
func startProgram(t testing.TB, env values, args ...string) *process {
	t.Helper()
	return newProcess(t, env, args...).start()
}

// A ran is a command that has ended.
type result struct {
	out, log string
	err      error
}

// runWith runs the program to its end.
func runWith(t testing.TB, env values, args ...string) result {
	t.Helper()
	p := startProgram(t, env, args...)
	err := p.wait()
	return result{p.out.String(), p.Log(), err}
}

// startServer runs "fundpass serve" and waits until it listens.
func startServer(t testing.TB, env values) *process {
	t.Helper()
	p := startProgram(t, env, "serve")
	at, err := p.listening()
	if err != nil {
		t.Fatalf("%v:\n%s", err, p.Log())
	}
	p.URL, p.Ops = "http://"+at.Addr, "http://"+at.Ops
	return p
}

// A listening is the log line of a server that serves.
type listening struct {
	Msg  string `json:"msg"`
	Addr string `json:"addr"`
	Ops  string `json:"ops"`
}

// listening waits for the line in the log, or for the server's end.
func (p *process) listening() (listening, error) {
	for end := time.Now().Add(testenv.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		lines := bufio.NewScanner(strings.NewReader(p.Log()))
		for lines.Scan() {
			var at listening
			if json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "listening" {
				return at, nil
			}
		}
		select {
		case <-p.dead:
			return listening{}, errors.New("the server ended")
		default:
		}
	}
	return listening{}, errors.New("the server does not listen")
}

// Kill ends the process as kill -9 does and waits. It may be called again.
func (p *process) Kill() {
	p.cmd.Process.Kill() // fails when it has ended
	<-p.dead
}

// Stop ends the process as an operator does and returns how it ended.
func (p *process) Stop() error {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.wait()
}

// wait returns how the process ended.
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
	noError(p.t, p.cmd.Process.Signal(s))
}

// Log is what the process has written to stderr so far.
func (p *process) Log() string { return p.log.String() }

// awaitLog waits until the log holds text for the nth time.
func (p *process) awaitLog(text string, n int) {
	p.t.Helper()
	testenv.Eventually(p.t, text+" in the log", func() bool { return strings.Count(p.Log(), text) >= n })
}
