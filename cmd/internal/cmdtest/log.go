package cmdtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"fundpass/keys/testenv"
)

// A LogBuffer can be written and read concurrently.
type LogBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns everything written so far.
func (l *LogBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Listening is the log line that a server writes when it listens.
type Listening struct {
	Msg  string `json:"msg"`
	Addr string `json:"addr"`
	Ops  string `json:"ops"`
}

// Find waits for the line in the log. It returns an error if dead is closed first.
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
