package keycmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// A rotation adds a new key to a key file.
type rotation struct {
	use, short string
	rotate     func([]byte) ([]byte, error)
	effect     string
}

func rotateCommand(w terminal.Stdio, r rotation) *cobra.Command {
	return &cobra.Command{
		Use:   r.use,
		Short: r.short,
		Long: r.short + ".\n\nThe file is replaced in one step, keeps its owner and gets mode 0600. A server that\n" +
			"still has the old file cannot read what one with the new file wrote: distribute\n" +
			"the file, then restart all servers together.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := rotateFile(args[0], r.rotate); err != nil {
				return err
			}
			l := w.For(cmd).Language
			fmt.Fprintln(w.Out, l.T("%s has a new key. %s\nCopy the file to every server, restart them together, and keep a copy apart from the database's backup.", args[0], l.T(r.effect)))
			return nil
		},
	}
}

// rotateFile replaces the file by rename, so that a reader gets either the old or the new
// content.
func rotateFile(path string, rotate func([]byte) ([]byte, error)) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	old, err := settings.ReadSmall(path)
	if err != nil {
		return err
	}
	fresh, err := rotate(old)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	next := path + ".new" // a second rotation at the same time fails here
	if err := settings.WriteNew(next, fresh); err != nil {
		return err
	}
	if err := replaceFile(next, path); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return syncDir(filepath.Dir(path))
}

// replaceFile gives next the owner of path before it renames it: a file rotated by root
// must stay readable for the server.
func replaceFile(next, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if of, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(next, int(of.Uid), int(of.Gid)); err != nil {
			return err
		}
	}
	return os.Rename(next, path)
}

// syncDir syncs dir, so that a rename in it survives a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
