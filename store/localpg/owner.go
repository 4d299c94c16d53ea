//go:build unix

package localpg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// acquire makes this process the owner of the directory, or shares the server of the
// present owner. The kernel releases the lock of a process that ends.
func (s *Server) acquire(ctx context.Context, insist bool) error {
	f, err := os.OpenFile(filepath.Join(s.dir, "owner.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	s.owner = f
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !locked(f) {
		if !insist && s.adopt(ctx) {
			f.Close()
			return nil
		}
		if !sleep(ctx, 25*time.Millisecond) {
			defer f.Close()
			return fmt.Errorf("localpg: process %s uses %s: %w", ownerOf(f), s.dir, ctx.Err())
		}
	}
	_ = f.Truncate(0) // the content is only for messages, see ownerOf
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return nil
}

// locked locks f and reports whether it could.
func locked(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// ownerOf returns the process id in the lock file, for messages.
func ownerOf(f *os.File) string {
	b, err := os.ReadFile(f.Name())
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(b))
}

// adopt shares the server of another process if it serves our database.
func (s *Server) adopt(ctx context.Context) bool {
	pid, port := s.pidFile()
	if pid == 0 || port == 0 {
		return false
	}
	s.port = port
	if s.ping(ctx, s.name) != nil {
		return false
	}
	s.pid, s.adopted = pid, true
	s.password = s.readPassword()
	return true
}

// sleep waits for d. It returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
