package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// tempPattern names the data directories that a demo removes when it ends.
const tempPattern = "fundpass-demo-*"

// lockName is the file by which a data directory is known to be the demo's, and
// which is locked while one runs. The kernel ends the lock with the process.
const lockName = "fundpass-demo.lock"

var (
	errDataDirInUse   = errors.New("another demo runs on it")
	errDataDirForeign = errors.New("is not empty and not a demo's; give an empty directory")
)

// A dataDir is the demo's data directory: keys, database, log.
type dataDir struct {
	dir       string
	temporary bool
	known     bool // a demo ran on it before: its people may have changed their passwords
	lock      *os.File
}

// openDataDir creates or takes over dir; "" is a temporary directory. With fresh it
// begins empty, which only a demo's own directory does.
func openDataDir(dir string, fresh bool) (*dataDir, error) {
	h := &dataDir{dir: dir, temporary: dir == ""}
	if h.temporary {
		removeAbandoned()
		var err error
		if h.dir, err = os.MkdirTemp("", tempPattern); err != nil {
			return nil, err
		}
	}
	if err := h.take(); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", h.dir, err)
	}
	if h.known && fresh {
		if err := h.empty(); err != nil {
			return nil, errors.Join(err, h.close())
		}
		h.known = false
	}
	return h, nil
}

// take locks the directory, and makes it if need be.
func (h *dataDir) take() error {
	dir, err := filepath.Abs(h.dir)
	if err != nil {
		return err
	}
	h.dir = dir
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // PostgreSQL runs as somebody else and has to pass
		if err := os.Chmod(h.dir, 0o711); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(h.path(lockName)); err == nil {
		h.known = true
		h.lock, err = lockFile(h.path(lockName))
		return err
	}
	if len(entries) > 0 {
		return errDataDirForeign
	}
	// The file gets its name when it is locked, or removeAbandoned might come between.
	if h.lock, err = lockFile(h.path(lockName + ".new")); err != nil {
		return err
	}
	return os.Rename(h.path(lockName+".new"), h.path(lockName))
}

// lockFile returns errDataDirInUse while another process holds the lock.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, errDataDirInUse
	}
	return f, nil
}

// removeAbandoned clears the temporary directories of demos that were killed.
// What cannot be removed belongs to somebody else.
func removeAbandoned() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPattern)) // the pattern is well formed
	for _, dir := range dirs {
		if _, err := os.Lstat(filepath.Join(dir, lockName)); err != nil {
			continue // just being made
		}
		if lock, err := lockFile(filepath.Join(dir, lockName)); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}

func (h *dataDir) path(name string) string { return filepath.Join(h.dir, name) }

// empty removes everything but the lock.
func (h *dataDir) empty() error {
	entries, err := os.ReadDir(h.dir)
	for _, e := range entries {
		if e.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(h.path(e.Name())))
		}
	}
	return err
}

// close gives the directory up, and removes it if it was temporary.
func (h *dataDir) close() error {
	var err error
	if h.temporary {
		err = os.RemoveAll(h.dir)
	}
	return errors.Join(err, h.lock.Close())
}
