//go:build unix

package localpg_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fundpass/store/localpg"
)

// place makes a directory that the account root steps down to can reach, and
// removes it, with its sockets, at the end.
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

func start(t *testing.T, o localpg.Options) *localpg.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.Throwaway = true
	s, err := localpg.Start(ctx, o)
	if errors.Is(err, localpg.ErrNoPrograms) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// query runs statements over one connection and returns the last one's value.
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

func TestDataStaysOverRestart(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	dir := place(t)
	s := start(t, localpg.Options{Dir: dir, Name: "shop", Log: &log})
	dsn := s.DSN("")
	if !strings.Contains(dsn, "sslmode=disable") || !strings.Contains(dsn, "dbname=shop") {
		t.Errorf("dsn %q", dsn)
	}
	if !strings.Contains(log.String(), dir) {
		t.Errorf("log does not say where the data is: %q", log.String())
	}
	if v, err := query(dsn, `CREATE TABLE a (b text)`, `INSERT INTO a VALUES ('kept') RETURNING b`); err != nil || v != "kept" {
		t.Fatal(v, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error("second Close:", err)
	}
	if _, err := query(dsn, `SELECT 1`); err == nil {
		t.Error("still answers after Close")
	}
	again := start(t, localpg.Options{Dir: dir, Name: "shop"})
	if again.DSN("") != dsn {
		t.Errorf("dsn became %q", again.DSN(""))
	}
	if v, err := query(dsn, `SELECT b FROM a`); err != nil || v != "kept" {
		t.Error(v, err)
	}
}

func TestKilledServerRecovers(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := start(t, localpg.Options{Dir: dir})
	if _, err := query(s.DSN(""), `CREATE TABLE a (b text)`, `SET synchronous_commit = on`, `INSERT INTO a VALUES ('kept') RETURNING b`); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	default:
		t.Error("Kill returned before the end")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, localpg.Options{Dir: dir})
	if v, err := query(again.DSN(""), `SELECT b FROM a`); err != nil || v != "kept" {
		t.Error(v, err)
	}
}

func TestClosedToOthers(t *testing.T) {
	t.Parallel()
	s := start(t, localpg.Options{Dir: place(t)})
	for _, d := range []string{s.Dir(), s.Sockets()} {
		st, err := os.Stat(d)
		if err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", d, st.Mode(), err)
		}
	}
	if v, err := query(s.DSN(""), `SHOW listen_addresses`); err != nil || v != "" {
		t.Errorf("listens on %q, %v", v, err)
	}
	if v, err := query(s.DSN(""), `SHOW log_parameter_max_length`); err != nil || v != "0" {
		t.Errorf("parameters go to the log: %q, %v", v, err)
	}
}

func TestTCPNeedsPassword(t *testing.T) {
	t.Parallel()
	s := start(t, localpg.Options{Dir: place(t), TCP: true})
	if v, err := query(s.TCPDSN(""), `SELECT host(inet_server_addr())`); err != nil || v != "127.0.0.1" {
		t.Errorf("%q, %v", v, err)
	}
	if v, err := query(s.DSN(""), `SELECT inet_server_addr() IS NULL`); err != nil || v != "true" {
		t.Errorf("socket beside TCP: %q, %v", v, err)
	}
	var without []string
	for _, f := range strings.Fields(s.TCPDSN("")) {
		if !strings.HasPrefix(f, "password=") {
			without = append(without, f)
		}
	}
	if _, err := query(strings.Join(without, " "), `SELECT 1`); err == nil {
		t.Error("no password was asked for")
	}
	shared := start(t, localpg.Options{Dir: s.Dir()})
	if !shared.Adopted() {
		t.Error("not shared")
	}
	if _, err := query(shared.TCPDSN(""), `SELECT 1`); err != nil {
		t.Error("TCP of a shared server:", err)
	}
}

func TestSecondStartShares(t *testing.T) {
	t.Parallel()
	dir := place(t)
	servers, errs := make([]*localpg.Server, 3), make([]error, 3)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() { servers[i], errs[i] = localpg.Start(t.Context(), localpg.Options{Dir: dir, Throwaway: true}) })
	}
	wg.Wait()
	owners := 0
	for i, s := range servers {
		if errors.Is(errs[i], localpg.ErrNoPrograms) && os.Getenv("CI") == "" {
			t.Skip(errs[i])
		}
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
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
	for _, s := range servers {
		if s.Adopted() {
			s.Close()
		}
	}
	if _, err := query(servers[0].DSN(""), `SELECT 1`); err != nil {
		t.Error("closing a shared server stopped it:", err)
	}
	if err := localpg.Remove(dir); err == nil {
		t.Error("removed under a running server")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := localpg.Start(ctx, localpg.Options{Dir: dir, Own: true}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("Own beside an owner: %v", err)
	}
}

// TestStalePidFile: after a crash the recorded pid may belong to anybody.
func TestStalePidFile(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := start(t, localpg.Options{Dir: dir})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data := dataDir(t, dir)
	stale := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n  1 1\nready   \n", os.Getpid(), data, s.Sockets())
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := query(start(t, localpg.Options{Dir: dir}).DSN(""), `SELECT 1`); err != nil {
		t.Error(err)
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

func TestUnfinishedDataIsRemoved(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := start(t, localpg.Options{Dir: dir})
	s.Close()
	data := dataDir(t, dir)
	if err := os.Rename(data, data+".new17"); err != nil { // as a killed initdb leaves it
		t.Fatal(err)
	}
	start(t, localpg.Options{Dir: dir})
	if dataDir(t, dir) != data {
		t.Error("unfinished data is still there")
	}
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make somebody else's directory")
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

func TestStartErrors(t *testing.T) {
	t.Parallel()
	s := start(t, localpg.Options{Dir: place(t)})
	s.Close()
	_, err := localpg.Start(t.Context(), localpg.Options{Dir: s.Dir(), Settings: []string{"no_such_setting=1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("the server's own words are missing: %v", err)
	}
	again := start(t, localpg.Options{Dir: s.Dir(), Settings: []string{"work_mem=3MB"}})
	if v, err := query(again.DSN(""), `SHOW work_mem`); err != nil || v != "3MB" {
		t.Error(v, err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := start(t, localpg.Options{Dir: dir})
	s.Close()
	for range 2 {
		if err := localpg.Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{dir, s.Sockets()} {
		if _, err := os.Stat(d); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", d, err)
		}
	}
}

// TestClosedDirectory: root steps down to an account that cannot enter.
func TestClosedDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root steps down")
	}
	t.Parallel()
	start(t, localpg.Options{Dir: place(t)}).Close() // skips without programs
	dir := filepath.Join(t.TempDir(), "server")
	_, err := localpg.Start(t.Context(), localpg.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "must be able to enter "+dir) {
		t.Errorf("got %v", err)
	}
	localpg.Remove(dir)
}

func TestNothingListensAfterClose(t *testing.T) {
	t.Parallel()
	s := start(t, localpg.Options{Dir: place(t), TCP: true})
	pid := s.Pid()
	s.Close()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d: %v", pid, err)
	}
	if c, err := net.Dial("unix", filepath.Join(s.Sockets(), ".s.PGSQL.5432")); err == nil {
		c.Close()
		t.Error("socket answers")
	}
}
