//go:build unix

package localpg

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// create creates the data directory unless it exists. It is renamed to its final name when
// it is complete, so an interruption leaves none or a complete one.
func (s *Server) create(ctx context.Context, throwaway bool) error {
	if _, err := os.Stat(filepath.Join(s.data, "PG_VERSION")); err == nil {
		s.password = s.readPassword()
		return nil
	}
	who := ""
	if s.account != nil {
		who = ", as user " + s.account.name
	}
	fmt.Fprintf(s.log, "creating a private PostgreSQL in %s (programs: %s%s)\n", s.data, s.bin, who)
	if err := s.removeUnfinished(); err != nil {
		return err
	}
	if err := s.writePassword(); err != nil {
		return err
	}
	fresh := fmt.Sprintf("%s.new%d", s.data, time.Now().UnixNano())
	if err := s.initdb(ctx, fresh, throwaway); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.data); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}

// removeUnfinished removes data directories that an interrupted create left.
func (s *Server) removeUnfinished() error {
	left, _ := filepath.Glob(s.data + ".new*") // the pattern is well formed
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("localpg: %w", err)
		}
	}
	return nil
}

// initdb creates a data directory with a superuser postgres. The collation C orders texts by
// their bytes, so that an index stays valid with another version of the C library. Segments of
// 1 MiB instead of 16 keep the log of a small server small. A throwaway cluster is not synced,
// because nobody needs it after a crash.
func (s *Server) initdb(ctx context.Context, dir string, throwaway bool) error {
	args := []string{"-D", dir, "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
		"--pwfile", s.passwordFile(), "-E", "UTF8", "--locale=C", "--wal-segsize=1"}
	if throwaway {
		args = append(args, "--no-sync")
	}
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), args...)
	s.prepare(c, syscall.SIGKILL)
	var out []byte
	var err error
	onThread(func() { out, err = c.CombinedOutput() })
	if err != nil && s.account != nil {
		err = fmt.Errorf("%w (user %s must be able to enter %s)", err, s.account.name, s.dir)
	}
	if err != nil {
		return fmt.Errorf("localpg: initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) passwordFile() string { return filepath.Join(s.dir, "password") }

// writePassword creates the password of TCP connections.
func (s *Server) writePassword() error {
	s.password = rand.Text()
	if err := os.WriteFile(s.passwordFile(), []byte(s.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return s.account.give(s.passwordFile())
}

func (s *Server) readPassword() string {
	b, err := os.ReadFile(s.passwordFile())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// ping returns an error unless the server answers and runs on our data directory: another one
// may listen at the same socket since ours has ended.
func (s *Server) ping(ctx context.Context, name string) error {
	if _, err := os.Stat(filepath.Join(s.sockets, fmt.Sprintf(".s.PGSQL.%d", s.port))); err != nil {
		return err
	}
	db, err := sql.Open("postgres", s.DSN(name)+" connect_timeout=2")
	if err != nil {
		return err
	}
	defer db.Close()
	var dir string
	if err := db.QueryRowContext(ctx, `SHOW data_directory`).Scan(&dir); err != nil {
		return err
	}
	if dir != s.data {
		return fmt.Errorf("localpg: the socket in %s belongs to the server on %s", s.sockets, dir)
	}
	return nil
}

// ensureDatabase creates the database of Options.Name unless it exists.
func (s *Server) ensureDatabase(ctx context.Context) error {
	db, err := sql.Open("postgres", s.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	defer db.Close()
	var exists bool
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, s.name).Scan(&exists)
	if err == nil && !exists {
		_, err = db.ExecContext(ctx, fmt.Sprintf(`CREATE DATABASE %q`, s.name))
	}
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}
