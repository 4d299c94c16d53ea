//go:build !unix

package localpg

import (
	"context"
	"fmt"
	"runtime"
)

// A Server is a running private PostgreSQL, which is not supported on this system.
type Server struct{}

// Start returns ErrNoPrograms.
func Start(context.Context, Options) (*Server, error) {
	return nil, fmt.Errorf("not on %s: %w", runtime.GOOS, ErrNoPrograms)
}

// FindBin returns ErrNoPrograms.
func FindBin() (string, error) { return "", ErrNoPrograms }

// Remove does nothing.
func Remove(string) error { return nil }

// DSN returns "".
func (*Server) DSN(string) string { return "" }

// TCPDSN returns "".
func (*Server) TCPDSN(string) string { return "" }

// Bin returns "".
func (*Server) Bin() string { return "" }

// Dir returns "".
func (*Server) Dir() string { return "" }

// Sockets returns "".
func (*Server) Sockets() string { return "" }

// Pid returns 0.
func (*Server) Pid() int { return 0 }

// Adopted returns false.
func (*Server) Adopted() bool { return false }

// Done returns nil.
func (*Server) Done() <-chan struct{} { return nil }

// Close does nothing.
func (*Server) Close() error { return nil }

// Kill does nothing.
func (*Server) Kill() error { return nil }
