// Package localpg runs a private PostgreSQL for the demo and for tests, from
// server programs that are already on the machine.
//
// The server listens on a unix socket in a directory that only its owner can
// enter, and on nothing else unless asked. It stops when the process that
// started it ends, however that ends: on Linux at once, elsewhere when the next
// owner takes it over.
package localpg

import (
	"errors"
	"io"
)

// ErrNoPrograms says that no PostgreSQL server is installed, and how to get one.
var ErrNoPrograms = errors.New("localpg: no PostgreSQL server programs found; install them with " +
	"apt-get install postgresql (Debian), dnf install postgresql-server (RHEL) or brew install postgresql@17 (macOS)")

// Options says where the data lives and how careful the server is with it.
type Options struct {
	// Dir holds the data; "" is a place of this user's own for Name. It must
	// be on a local disk. Each major version of PostgreSQL gets its own
	// subdirectory, so a newer server begins empty and the older data stays.
	Dir string
	// Name is the database made at the first start; "" is "fundpass".
	Name string
	// Bin holds initdb and postgres; "" asks FindBin.
	Bin string
	// Own insists on running the server in this process. Otherwise a server
	// that another process runs on Dir is shared.
	Own bool
	// Throwaway trades safety for speed: a crash of the machine loses the data.
	Throwaway bool
	// TCP also listens on a free port of 127.0.0.1, with a password.
	TCP bool
	// Settings are further server settings, as "name=value".
	Settings []string
	// Log is told what is being done, in English lines; nil discards them.
	Log io.Writer
}
