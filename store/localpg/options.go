// Package localpg runs a private PostgreSQL for the demo and for tests, from
// server programs that are already on the machine.
//
// The server listens on a unix socket in a directory that only its owner can enter,
// and on TCP only with Options.TCP. It stops when the process that started it ends,
// even if that is killed: on Linux at once, elsewhere when the next owner takes the
// server over.
package localpg

import (
	"errors"
	"io"
)

// ErrNoPrograms reports that no PostgreSQL server is installed, and how to install one.
var ErrNoPrograms = errors.New("localpg: no PostgreSQL server programs found; install them with " +
	"apt-get install postgresql (Debian), dnf install postgresql-server (RHEL) or brew install postgresql@17 (macOS)")

// Options are the options of Start.
type Options struct {
	// Dir is the directory of the data; "" is a directory of this user for Name. It must be
	// on a local disk. Each major version of PostgreSQL has its own subdirectory, so a
	// newer server begins empty and the older data stays.
	Dir string
	// Name is the database created at the first start; "" is "fundpass".
	Name string
	// Bin is the directory of initdb and postgres; "" calls FindBin.
	Bin string
	// Own requires this process to run the server. Otherwise Start shares a server that
	// another process runs on Dir.
	Own bool
	// Throwaway makes the server faster; a crash of the machine loses the data.
	Throwaway bool
	// TCP also listens on a free port of 127.0.0.1, with a password.
	TCP bool
	// Settings are further server settings, as "name=value".
	Settings []string
	// Log receives progress messages; nil discards them.
	Log io.Writer
}
