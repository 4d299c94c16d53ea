//go:build unix

package localpg_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/store/localpg"
)

// place returns a directory that the server's account can enter, and removes it with its
// sockets at the end.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := localpg.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// need ends the test if a server did not start, and skips it without programs.
func need(t *testing.T, err error) {
	t.Helper()
	switch {
	case errors.Is(err, localpg.ErrNoPrograms):
		testenv.Missing(t, err.Error())
	case err != nil:
		t.Fatal(err)
	}
}

func start(t *testing.T, o localpg.Options) *localpg.Server {
	t.Helper()
	s, err := localpg.Start(testenv.Context(t), o)
	need(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// query runs statements over one connection and returns the value of the last one.
func query(dsn string, statements ...string) (string, error) {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return "", err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var v sql.NullString
	for i, s := range statements {
		if i < len(statements)-1 {
			_, err = db.Exec(s)
		} else {
			err = db.QueryRow(s).Scan(&v)
		}
		if err != nil {
			return "", err
		}
	}
	return v.String, nil
}

// The account that root switches to cannot enter the directory.
func TestClosedDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	t.Parallel()
	_, err := localpg.FindBin()
	need(t, err)
	dir := filepath.Join(t.TempDir(), "server")
	_, err = localpg.Start(testenv.Context(t), localpg.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "must be able to enter "+dir) {
		t.Errorf("got %v", err)
	}
	localpg.Remove(dir)
}

func TestSecondStartShares(t *testing.T) {
	t.Parallel()
	dir := place(t)
	servers, errs := make([]*localpg.Server, 3), make([]error, 3)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() {
			servers[i], errs[i] = localpg.Start(testenv.Context(t), localpg.Options{Dir: dir, Throwaway: true})
		})
	}
	wg.Wait()
	owners := 0
	for i, s := range servers {
		need(t, errs[i])
		t.Cleanup(func() { s.Close() })
		if _, err := query(s.DSN(""), `SELECT 1`); err != nil {
			t.Error(err)
		}
		if !s.Adopted() {
			owners++
		}
	}
	if owners != 1 {
		t.Errorf("%d owners", owners)
	}
}

func dataDir(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "data-*"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to create another user's directory")
	}
	t.Parallel()
	dir := place(t)
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	_, err := localpg.Start(t.Context(), localpg.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("got %v", err)
	}
	link := filepath.Join(place(t), "link")
	if err := os.Symlink(place(t), link); err != nil {
		t.Fatal(err)
	}
	if _, err := localpg.Start(t.Context(), localpg.Options{Dir: link}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("symbolic link: %v", err)
	}
}
