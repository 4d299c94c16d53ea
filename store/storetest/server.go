//go:build unix

package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/localpg"
)

// One server serves all test binaries of a run of the go command. The first binary that
// needs it starts a keeper, the same program with keeperDir set, which runs the server
// until the go command has ended.
const (
	keeperDir    = "FUNDPASS_STORETEST_KEEP"
	keeperParent = "FUNDPASS_STORETEST_PARENT"
)

func init() {
	if dir := os.Getenv(keeperDir); dir != "" {
		if err := keep(dir); err != nil {
			_ = os.WriteFile(failure(dir), []byte(err.Error()), 0o600)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// shared returns the server, which the first call finds or starts.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
	defer cancel()
	if err := os.MkdirAll(root(), 0o711); err != nil { // the server's account must be able to enter it
		return nil, err
	}
	parent := testenv.Runner()
	if parent == 0 {
		parent = os.Getpid()
	}
	pg, err := join(ctx, filepath.Join(root(), strconv.Itoa(parent)), parent)
	if err != nil {
		return nil, err
	}
	admin, err := sql.Open("postgres", pg.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	admin.SetMaxOpenConns(1)
	return &server{pg: pg, admin: admin}, nil
})

// root returns the directory with one subdirectory for each run of this user.
func root() string {
	return filepath.Join(base(), "fundpass-storetest-"+strconv.Itoa(os.Geteuid()))
}

// ready is the file that exists when the server and its templates are ready; failure is the
// file with the error if they are not.
func ready(dir string) string   { return dir + ".ready" }
func failure(dir string) string { return dir + ".failed" }

// join waits for the server of a directory. It starts the keeper unless another binary has.
func join(ctx context.Context, dir string, parent int) (*localpg.Server, error) {
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if _, err := os.Stat(ready(dir)); err != nil {
		sweep(root())
		if err := startKeeper(dir, parent); err != nil {
			return nil, err
		}
	}
	for {
		if why, err := os.ReadFile(failure(dir)); err == nil {
			if strings.Contains(string(why), localpg.ErrNoPrograms.Error()) {
				return nil, localpg.ErrNoPrograms
			}
			return nil, errors.New(string(why))
		}
		if _, err := os.Stat(ready(dir)); err == nil {
			return localpg.Start(ctx, localpg.Options{Dir: dir, Name: template, Throwaway: true})
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("storetest: the server does not start: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// startKeeper starts this program in a process group of its own, so that ^C reaches the
// tests first.
func startKeeper(dir string, parent int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(program)
	c.Env = append(os.Environ(), keeperDir+"="+dir, keeperParent+"="+strconv.Itoa(parent))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }() // reaps the process
	return nil
}

// keep runs the server with its templates until the parent has ended, and removes
// everything.
func keep(dir string) error {
	parent, err := strconv.Atoi(os.Getenv(keeperParent))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
	defer cancel()
	pg, err := localpg.Start(ctx, localpg.Options{Dir: dir, Name: template, Own: true, Throwaway: true,
		Settings: []string{"max_connections=500", "deadlock_timeout=50ms"}})
	if err != nil {
		return err
	}
	defer discard(dir)
	defer pg.Close()
	if err := makeTemplates(ctx, pg); err != nil {
		return err
	}
	if err := os.WriteFile(ready(dir), nil, 0o600); err != nil {
		return err
	}
	for syscall.Kill(parent, 0) == nil {
		select {
		case <-pg.Done():
			return errors.New("storetest: the server ended")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// makeTemplates migrates the template and copies it to the database that most tests share.
func makeTemplates(ctx context.Context, pg *localpg.Server) error {
	if _, err := store.Migrate(ctx, store.MigrateConfig{DSN: pg.DSN(template), ConnectLimit: testenv.Patience}); err != nil {
		return err
	}
	if err := isolate(ctx, pg.DSN(template)); err != nil {
		return err
	}
	admin, err := sql.Open("postgres", pg.DSN("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close()
	_, err = admin.ExecContext(ctx, `CREATE DATABASE `+common+` TEMPLATE `+template+` STRATEGY FILE_COPY`)
	return err
}

func discard(dir string) {
	_ = localpg.Remove(dir) // the next sweep tries again
	for _, file := range []string{ready(dir), failure(dir), dir + ".lock"} {
		os.Remove(file)
	}
}

// sweep removes the directories of runs that were killed together with their keeper. The
// name of a directory is the id of its process.
func sweep(root string) {
	dirs, _ := filepath.Glob(filepath.Join(root, "*")) // the pattern is well formed
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			discard(dir)
		}
	}
}
