//go:build unix

package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"fundpass/store"
	"fundpass/store/localpg"
)

// shared starts the server at its first call and never stops it.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := os.MkdirAll(root(), 0o711); err != nil { // the account that root steps down to passes through
		return nil, err
	}
	sweep(root())
	pg, err := localpg.Start(ctx, localpg.Options{
		Dir: filepath.Join(root(), fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())), Name: template, Own: true, Throwaway: true,
	})
	if err != nil {
		return nil, err
	}
	end, err := removeAtEnd(pg)
	if err != nil {
		return nil, err
	}
	if _, err := store.Migrate(ctx, store.MigrateConfig{DSN: pg.DSN(template)}); err != nil {
		return nil, err
	}
	admin, err := sql.Open("postgres", pg.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	admin.SetMaxOpenConns(1)
	return &server{pg: pg, admin: admin, end: end}, nil
})

// root holds one directory for each test process of this user.
func root() string {
	return filepath.Join(os.TempDir(), "fundpass-storetest-"+strconv.Itoa(os.Geteuid()))
}

// cleaner is a shell that sees our end by the end of its input. It stops the
// server where the kernel did not and removes the directories.
const cleaner = `read -r _
pid=$(head -n 1 "$1"/data-*/postmaster.pid 2>/dev/null) && kill -INT "$pid"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -e "$1"/data-*/postmaster.pid ] || break
	sleep 0.2
done
rm -rf "$1" "$2"`

// removeAtEnd returns what must stay referenced until then.
func removeAtEnd(pg *localpg.Server) (io.Closer, error) {
	c := exec.Command("/bin/sh", "-c", cleaner, "cleaner", pg.Dir(), pg.Sockets())
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // outlives a ^C
	input, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	return input, c.Start()
}

// sweep removes what processes left that were killed together with their
// cleaner. The name of a directory begins with the process it belongs to.
func sweep(root string) {
	dirs, _ := filepath.Glob(filepath.Join(root, "*-*")) // the pattern is well formed
	for _, dir := range dirs {
		number, _, _ := strings.Cut(filepath.Base(dir), "-")
		pid, err := strconv.Atoi(number)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			localpg.Remove(dir) // what stays is tried again next time
		}
	}
}
