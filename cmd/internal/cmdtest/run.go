package cmdtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
)

func WantIn(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}

// RunTyping runs a command with what somebody types.
func RunTyping(t testing.TB, env map[string]string, typed string, args ...string) Result {
	t.Helper()
	var out, log LogBuffer
	err := Execute(t.Context(), args, terminal.Stdio{Getenv: GetenvOf(env), In: strings.NewReader(typed), Out: &out, Err: &log})
	return Result{out.String(), log.String(), err}
}

// CheckNoKey fails when any line of a key file stands in what was printed.
func CheckNoKey(t *testing.T, printed string, file []byte) {
	t.Helper()
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		if len(line) > 30 && strings.Contains(printed, line[:30]) && !strings.HasPrefix(line, "-----") {
			t.Error("a key was printed")
		}
	}
}

func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func GetenvOf(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// A Result is a command that has ended.
type Result struct {
	Out, Log string
	Err      error
}

// Said returns what the command wrote beside its results, and its error.
func (r Result) Said() string {
	if r.Err == nil {
		return r.Log
	}
	return r.Log + r.Err.Error()
}

// Run runs a command in this process.
func Run(t testing.TB, env map[string]string, args ...string) Result {
	t.Helper()
	var out, log LogBuffer
	err := Execute(t.Context(), args, terminal.Stdio{Getenv: GetenvOf(env), In: strings.NewReader(""), Out: &out, Err: &log})
	return Result{out.String(), log.String(), err}
}

// A LogBuffer is written and read at the same time.
type LogBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *LogBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A Listening is the log line of a server that serves.
type Listening struct {
	Msg  string `json:"msg"`
	Addr string `json:"addr"`
	Ops  string `json:"ops"`
}

// Find waits for the line in the log, or for dead.
func (l *LogBuffer) Find(dead <-chan struct{}) (Listening, error) {
	for end := time.Now().Add(testenv.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		lines := bufio.NewScanner(strings.NewReader(l.String()))
		for lines.Scan() {
			var at Listening
			if json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "listening" {
				return at, nil
			}
		}
		select {
		case <-dead:
			return Listening{}, errors.New("the server ended")
		default:
		}
	}
	return Listening{}, errors.New("the server does not listen")
}

// NewClient keeps no connection, so that a server's end is seen as it is.
func NewClient(t testing.TB) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testenv.Patience}
}

// Fetch returns status and body.
func Fetch(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := NewClient(t).Do(req)
	NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	NoError(t, err)
	return resp.StatusCode, string(raw)
}

// AwaitDatabase waits until the server waits for its database.
func (p *Process) AwaitDatabase() { p.t.Helper(); p.AwaitLog("waiting for the database", 1) }
