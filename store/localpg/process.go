//go:build unix

package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// defaultPort names the socket file of a server without TCP.
const defaultPort = 5432

// run starts the server, or takes over an orphan.
func (s *Server) run(ctx context.Context, o Options) error {
	pid, err := s.orphan(ctx)
	if err != nil {
		return err
	}
	if pid != 0 {
		s.pid = pid
		go s.watchOrphan()
		return nil
	}
	args, err := s.arguments(o)
	if err != nil {
		return err
	}
	for range 200 {
		if err := s.launch(args); err != nil {
			return err
		}
		err = s.await(ctx)
		if !errors.Is(err, errLingering) || !sleep(ctx, 50*time.Millisecond) {
			return err
		}
		s.pid, s.done = 0, make(chan struct{})
	}
	return err
}

// errLingering reports that processes of a killed server still hold its shared memory. They
// exit within moments.
var errLingering = errors.New("processes of the former server are still ending")

// arguments returns the command line of the server. Options.Settings come last and override
// the others.
func (s *Server) arguments(o Options) ([]string, error) {
	listen := ""
	if o.TCP {
		listen = "127.0.0.1"
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		s.port = port
	}
	settings := []string{
		"listen_addresses=" + listen, "port=" + strconv.Itoa(s.port), "unix_socket_permissions=0700",
		"shared_buffers=32MB", "max_connections=100", "max_wal_size=128MB", "min_wal_size=32MB",
		"timezone=UTC", "log_timezone=UTC", "log_line_prefix=%m [%p] %q%a ", "log_checkpoints=off",
		"log_parameter_max_length=0", "log_parameter_max_length_on_error=0", // no values in the log
	}
	if o.Throwaway {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"autovacuum=off", "max_connections=300")
	}
	args := []string{"-D", s.data, "-k", s.sockets}
	for _, v := range append(settings, o.Settings...) {
		args = append(args, "-c", v)
	}
	return args, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("localpg: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// launch starts the program and closes s.done when it has exited. It does not use pg_ctl,
// whose server is not our child: it would outlive a killed owner, and its end would have to
// be polled.
func (s *Server) launch(args []string) error {
	out, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	defer out.Close()
	c := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	c.Stdout, c.Stderr = out, out
	s.prepare(c, syscall.SIGINT)
	started := make(chan error, 1)
	go onThread(func() {
		err := c.Start()
		started <- err
		if err == nil {
			_ = c.Wait() // the server logs the reason
			close(s.done)
		}
	})
	if err := <-started; err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	s.pid = c.Process.Pid
	return nil
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "server.log") }

// prepare sets the account, a clean environment, a process group of its own, so that ^C
// reaches this process first, and the signal that the child gets when this process dies.
func (s *Server) prepare(c *exec.Cmd, atDeath syscall.Signal) {
	c.Dir = "/"
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(c.Env, "LC_ALL=C", "TZ=UTC") // on macOS another locale makes the server multithreaded, which it refuses
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.account.credential(), Setpgid: true}
	dieWithParent(c.SysProcAttr, atDeath)
}

// onThread runs f on an OS thread that lives as long as the child that f starts. On Linux
// the death signal follows the thread, not the process.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		f()
	}()
	<-done
}

// await waits until the server answers.
func (s *Server) await(ctx context.Context) error {
	for wait := 2 * time.Millisecond; s.ping(ctx, "postgres") != nil; wait = min(2*wait, 50*time.Millisecond) {
		select {
		case <-s.done:
			return s.startFailure()
		case <-ctx.Done():
			return fmt.Errorf("localpg: %w", ctx.Err())
		case <-time.After(wait):
		}
	}
	return nil
}

// startFailure returns an error with the server's log.
func (s *Server) startFailure() error {
	text, _ := os.ReadFile(s.logFile())
	if bytes.Contains(text, []byte("pre-existing shared memory block")) {
		return fmt.Errorf("localpg: %w:\n%s", errLingering, text)
	}
	return fmt.Errorf("localpg: PostgreSQL stopped while starting:\n%s", text)
}

// stop requests a fast shutdown, then stronger ones.
func (s *Server) stop() {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 15 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 2 * time.Second}}
	for _, step := range steps {
		select {
		case <-s.done:
			return
		default:
			_ = syscall.Kill(s.pid, step.signal)
		}
		select {
		case <-s.done:
			return
		case <-time.After(step.wait):
		}
	}
}
