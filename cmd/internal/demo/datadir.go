package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// tempPattern is the pattern of temporary data directories, which a demo removes when it
// ends.
const tempPattern = "fundpass-demo-*"

// lockName is a file that marks a data directory as a demo's. A running demo locks the
// file; the kernel releases the lock when the process ends.
const lockName = "fundpass-demo.lock"

var (
	errDataDirInUse   = errors.New("another demo uses it")
	errDataDirForeign = errors.New("is not empty and was not created by a demo; choose an empty directory")
)

// A dataDir is the demo's data directory, with its keys, database and log.
type dataDir struct {
	dir       string
	temporary bool
	known     bool // an earlier demo used it, so people may have changed their passwords
	lock      *os.File
}

// openDataDir opens or creates dir; "" means a temporary directory. If fresh is set, it
// empties a directory that a demo created.
func openDataDir(dir string, fresh bool) (*dataDir, error) {
	h := &dataDir{dir: dir, temporary: dir == ""}
	if h.temporary {
		removeAbandoned()
		var err error
		if h.dir, err = os.MkdirTemp("", tempPattern); err != nil {
			return nil, err
		}
	}
	if err := h.acquire(); err != nil {
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

// acquire locks the directory and creates it if necessary.
func (h *dataDir) acquire() error {
	dir, err := filepath.Abs(h.dir)
	if err != nil {
		return err
	}
	h.dir = dir
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // PostgreSQL runs as another user, who must be able to enter
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
	// The file is renamed once it is locked, so that removeAbandoned never finds it unlocked.
	if h.lock, err = lockFile(h.path(lockName + ".new")); err != nil {
		return err
	}
	return os.Rename(h.path(lockName+".new"), h.path(lockName))
}

// lockFile creates and locks a file. It returns errDataDirInUse if another process holds
// the lock.
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

// removeAbandoned removes the temporary directories of demos that were killed, except
// those of other users.
func removeAbandoned() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPattern)) // the pattern is well formed
	for _, dir := range dirs {
		if _, err := os.Lstat(filepath.Join(dir, lockName)); err != nil {
			continue // being created
		}
		if lock, err := lockFile(filepath.Join(dir, lockName)); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}

// path returns the path of a file in the data directory.
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

// close releases the directory, and removes it if it is temporary.
func (h *dataDir) close() error {
	var err error
	if h.temporary {
		err = os.RemoveAll(h.dir)
	}
	return errors.Join(err, h.lock.Close())
}
