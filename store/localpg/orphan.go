//go:build unix

package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pidFile returns the process id and the port in postmaster.pid, 0 if unknown.
func (s *Server) pidFile() (pid, port int) {
	b, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		return 0, 0
	}
	lines := strings.Split(string(b), "\n")
	pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if len(lines) > 3 {
		port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
	}
	return pid, port
}

// orphan returns the process id of a server that a killed owner left on our data, or 0. It
// removes the postmaster.pid of another process, because PostgreSQL does not start if that
// process belongs to the same user.
func (s *Server) orphan(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	pid, port := s.pidFile()
	for pid > 1 && s.isOurs(pid) {
		if port != 0 {
			s.port = port
		}
		if s.ping(ctx, "postgres") == nil {
			return pid, nil
		}
		if !sleep(ctx, 25*time.Millisecond) { // the server is stopping or recovering
			return 0, fmt.Errorf("localpg: server %d on %s does not answer", pid, s.data)
		}
	}
	s.port = defaultPort
	err := os.Remove(filepath.Join(s.data, "postmaster.pid"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("localpg: %w", err)
	}
	return 0, nil
}

// isOurs reports whether the command line of a process has our data directory. A zombie has
// none.
func (s *Server) isOurs(pid int) bool {
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil { // exited, or a system without /proc
		args, _ = exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output() // fails if it has exited
	}
	return bytes.Contains(args, []byte(s.data))
}

// watchOrphan closes s.done when a server that is not our child has exited.
func (s *Server) watchOrphan() {
	for syscall.Kill(s.pid, 0) == nil {
		time.Sleep(20 * time.Millisecond)
	}
	close(s.done)
}
