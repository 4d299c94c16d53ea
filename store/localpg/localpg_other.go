//go:build !unix

package localpg

import (
	"context"
	"fmt"
	"runtime"
)

// Server is a running private PostgreSQL, which this system cannot have.
type Server struct{}

// Start returns ErrNoPrograms: name a PostgreSQL with its DSN instead.
func Start(context.Context, Options) (*Server, error) {
	return nil, fmt.Errorf("not on %s: %w", runtime.GOOS, ErrNoPrograms)
}

// FindBin returns ErrNoPrograms.
func FindBin() (string, error) { return "", ErrNoPrograms }

// Remove does nothing.
func Remove(string) error { return nil }

// DSN is empty.
func (*Server) DSN(string) string { return "" }

// TCPDSN is empty.
func (*Server) TCPDSN(string) string { return "" }

// Bin is empty.
func (*Server) Bin() string { return "" }

// Dir is empty.
func (*Server) Dir() string { return "" }

// Sockets is empty.
func (*Server) Sockets() string { return "" }

// Pid is 0.
func (*Server) Pid() int { return 0 }

// Adopted is false.
func (*Server) Adopted() bool { return false }

// Done is never closed.
func (*Server) Done() <-chan struct{} { return nil }

// Close does nothing.
func (*Server) Close() error { return nil }

// Kill does nothing.
func (*Server) Kill() error { return nil }
