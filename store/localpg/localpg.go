//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// A Server is a running private PostgreSQL.
type Server struct {
	bin, dir, data, sockets string
	name                    string
	account                 *account
	port                    int
	password                string
	log                     io.Writer
	adopted                 bool // another process runs it

	owner *os.File // locked while this process runs the server
	pid   int
	done  chan struct{} // closed when the server has exited
	once  sync.Once
}

// Start runs the server on o.Dir, creates the data directory on first use, and waits until
// the server answers. It returns ErrNoPrograms if there are no server programs.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	s, err := locate(o)
	if err != nil {
		return nil, err
	}
	if err := s.acquire(ctx, o.Own); err != nil {
		return nil, err
	}
	if s.adopted {
		return s, nil
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.create(ctx, o.Throwaway); err != nil {
		return nil, err
	}
	if err := s.run(ctx, o); err != nil {
		return nil, err
	}
	if err := s.ensureDatabase(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// locate sets the paths of the server and creates its directories.
func locate(o Options) (*Server, error) {
	s := &Server{bin: o.Bin, dir: o.Dir, name: o.Name, log: o.Log, port: defaultPort, done: make(chan struct{})}
	if s.name == "" {
		s.name = "fundpass"
	}
	if s.log == nil {
		s.log = io.Discard
	}
	var err error
	if s.bin == "" {
		if s.bin, err = FindBin(); err != nil {
			return nil, err
		}
	}
	if s.account, err = runAs(); err != nil {
		return nil, err
	}
	if s.dir == "" {
		s.dir = defaultDir(s.name)
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return nil, fmt.Errorf("localpg: %w", err)
	}
	major, err := majorVersion(s.bin)
	if err != nil {
		return nil, err
	}
	s.data, s.sockets = filepath.Join(s.dir, "data-"+major), socketDir(s.dir)
	return s, s.account.own(s.dir, s.sockets)
}

// socketDir returns the directory of the socket, the same at every start on dir. It is
// short, because a socket's path is limited to 103 bytes.
func socketDir(dir string) string {
	h := fnv.New64a()
	io.WriteString(h, dir)
	return filepath.Join("/tmp", fmt.Sprintf("localpg-%x", h.Sum64()))
}

// DSN returns a lib/pq connection string for a database over the unix socket; "" is the
// database of Options.Name. It is the same after a restart.
func (s *Server) DSN(db string) string {
	if db == "" {
		db = s.name
	}
	return fmt.Sprintf("host=%s port=%d user=postgres dbname=%s sslmode=disable", s.sockets, s.port, db)
}

// TCPDSN is like DSN over 127.0.0.1, for a server started with Options.TCP.
func (s *Server) TCPDSN(db string) string {
	if db == "" {
		db = s.name
	}
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres password=%s dbname=%s sslmode=disable", s.port, s.password, db)
}

// Bin returns the directory of the server's programs; psql and pg_dump are often there too.
func (s *Server) Bin() string { return s.bin }

// Dir returns the directory of the data and server.log.
func (s *Server) Dir() string { return s.dir }

// Sockets returns the directory of the unix socket.
func (s *Server) Sockets() string { return s.sockets }

// Pid returns the process id of the server, also after it has exited.
func (s *Server) Pid() int { return s.pid }

// Adopted reports whether another process runs the server.
func (s *Server) Adopted() bool { return s.adopted }

// Done returns a channel that is closed when the server has exited, and never for an
// adopted server.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close stops the server if this process runs it, and waits until it has exited. The data
// stays, and Start on the same Dir continues with it.
func (s *Server) Close() error {
	if s == nil || s.adopted {
		return nil
	}
	s.once.Do(func() {
		if s.pid != 0 {
			s.stop()
		}
		os.Remove(s.sockets) // fails if a socket is left, which is harmless
		s.owner.Close()
	})
	select {
	case <-s.done:
		return nil
	default:
		if s.pid == 0 {
			return nil
		}
		return fmt.Errorf("localpg: server %d does not stop", s.pid)
	}
}

// Kill ends the server as a crash would (SIGKILL) and waits until it has exited. Close and
// Start on the same Dir recover the data.
func (s *Server) Kill() error {
	if s.pid == 0 {
		return nil
	}
	if err := syscall.Kill(s.pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	<-s.done
	return nil
}

// Remove deletes the data of a server in dir. It fails while a process runs the server and
// succeeds if there is no data.
func Remove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	owner, err := os.Open(filepath.Join(dir, "owner.lock"))
	if err == nil {
		defer owner.Close()
		if !locked(owner) {
			return fmt.Errorf("localpg: process %s uses %s", ownerOf(owner), dir)
		}
	}
	if err := errors.Join(os.RemoveAll(socketDir(dir)), os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}
