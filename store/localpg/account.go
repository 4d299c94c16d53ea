//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An account is the operating system user that the server runs as; nil is the user of this
// process.
type account struct {
	name     string
	uid, gid uint32
}

// runAs returns the account for the server. PostgreSQL refuses to run as root, so root
// switches to postgres or nobody.
func runAs() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{name, uint32(uid), uint32(gid)}, nil
		}
	}
	return nil, errors.New("localpg: root cannot run PostgreSQL, and there is no user postgres or nobody")
}

// credential returns the credential for child processes.
func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// own creates directories that only the account can enter. It refuses one of another owner,
// because the names under /tmp can be guessed.
func (a *account) own(dirs ...string) error {
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("localpg: %w", err)
		}
		if err := a.checkOwner(d); err != nil {
			return err
		}
		if err := a.give(d); err != nil {
			return err
		}
		if err := os.Chmod(d, 0o700); err != nil {
			return fmt.Errorf("localpg: %w", err)
		}
	}
	return nil
}

// checkOwner returns an error unless dir is a directory, not a link, of this process's user
// or the account.
func (a *account) checkOwner(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("localpg: %s is not a directory", dir)
	}
	uid := st.Sys().(*syscall.Stat_t).Uid
	if uid != uint32(os.Geteuid()) && (a == nil || uid != a.uid) {
		return fmt.Errorf("localpg: %s belongs to user %d", dir, uid)
	}
	return nil
}

// give makes the account the owner of path.
func (a *account) give(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}

// defaultDir returns the default directory of this user. It is not in root's home, which
// the account cannot enter.
func defaultDir(name string) string {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/tmp", name+"-localpg-root")
	}
	if cache, err := os.UserCacheDir(); err == nil {
		return filepath.Join(cache, name+"-localpg")
	}
	return filepath.Join(os.TempDir(), name+"-localpg-"+strconv.Itoa(os.Getuid()))
}
