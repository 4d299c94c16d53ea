//go:build unix

package localpg_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store/localpg"
)

// A life is one data directory and the server that runs on it.
type life struct {
	t   *testing.T
	dir string
	dsn string
}

// throwaway starts the server with Options.Throwaway.
func (l *life) throwaway(o localpg.Options) *localpg.Server {
	l.t.Helper()
	o.Dir, o.Name, o.Throwaway = l.dir, "shop", true
	return start(l.t, o)
}

// kept checks that the data of the first start is still there.
func (l *life) kept(s *localpg.Server) {
	l.t.Helper()
	if s.DSN("") != l.dsn {
		l.t.Errorf("dsn became %q", s.DSN(""))
	}
	if v, err := query(l.dsn, `SELECT b FROM a`); err != nil || v != "kept" {
		l.t.Error(v, err)
	}
}

// TestServerLife runs all steps on one data directory, because creating one takes longer
// than everything else.
func TestServerLife(t *testing.T) {
	t.Parallel()
	l := &life{dir: place(t)}
	for _, step := range []struct {
		name string
		run  func(*life)
	}{
		{"made", (*life).made}, {"restarted", (*life).restarted}, {"shared", (*life).shared}, {"over TCP", (*life).overTCP},
		{"stale pid file", (*life).stalePidFile}, {"wrong settings", (*life).wrongSettings}, {"killed", (*life).killed},
		{"removed", (*life).removed},
	} {
		if !t.Run(step.name, func(t *testing.T) { l.t = t; step.run(l) }) {
			return
		}
	}
}

func (l *life) made() {
	const versions = 40 // leftovers of a killed initdb for every version that may be installed
	for v := range versions {
		if err := os.Mkdir(filepath.Join(l.dir, fmt.Sprintf("data-%d.new17", v)), 0o700); err != nil {
			l.t.Fatal(err)
		}
	}
	var log strings.Builder
	s := l.throwaway(localpg.Options{Log: &log})
	left, err := filepath.Glob(filepath.Join(l.dir, "data-*.new*"))
	if err != nil || len(left) != versions-1 {
		l.t.Errorf("unfinished data not removed: %v", left)
	}
	for _, dir := range left {
		os.Remove(dir)
	}
	l.dsn = s.DSN("")
	if !strings.Contains(l.dsn, "sslmode=disable") || !strings.Contains(l.dsn, "dbname=shop") {
		l.t.Errorf("dsn %q", l.dsn)
	}
	if !strings.Contains(log.String(), l.dir) {
		l.t.Errorf("log without the directory: %q", log.String())
	}
	for _, d := range []string{s.Dir(), s.Sockets()} { // closed to others
		st, err := os.Stat(d)
		if err != nil || st.Mode().Perm() != 0o700 {
			l.t.Errorf("%s: %v %v", d, st.Mode(), err)
		}
	}
	if v, err := query(l.dsn, `SHOW listen_addresses`); err != nil || v != "" {
		l.t.Errorf("listens on %q, %v", v, err)
	}
	if v, err := query(l.dsn, `SHOW log_parameter_max_length`); err != nil || v != "0" {
		l.t.Errorf("parameters are logged: %q, %v", v, err)
	}
	if v, err := query(l.dsn, `CREATE TABLE a (b text)`, `INSERT INTO a VALUES ('kept') RETURNING b`); err != nil || v != "kept" {
		l.t.Fatal(v, err)
	}
	if err := s.Close(); err != nil {
		l.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		l.t.Error("second Close:", err)
	}
	if _, err := query(l.dsn, `SELECT 1`); err == nil {
		l.t.Error("server answers after Close")
	}
}

func (l *life) restarted() { l.kept(l.throwaway(localpg.Options{})) }

func (l *life) shared() {
	owner := l.throwaway(localpg.Options{})
	shared := l.throwaway(localpg.Options{})
	if owner.Adopted() || !shared.Adopted() {
		l.t.Error("not shared")
	}
	shared.Close()
	l.kept(owner)
	if err := localpg.Remove(l.dir); err == nil {
		l.t.Error("removed under a running server")
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := localpg.Start(ctx, localpg.Options{Dir: l.dir, Own: true}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		l.t.Errorf("Own beside an owner: %v", err)
	}
}

func (l *life) overTCP() {
	s := l.throwaway(localpg.Options{TCP: true})
	if v, err := query(s.TCPDSN(""), `SELECT host(inet_server_addr())`); err != nil || v != "127.0.0.1" {
		l.t.Errorf("%q, %v", v, err)
	}
	if v, err := query(s.DSN(""), `SELECT inet_server_addr() IS NULL`); err != nil || v != "true" {
		l.t.Errorf("socket beside TCP: %q, %v", v, err)
	}
	var without []string
	for _, f := range strings.Fields(s.TCPDSN("")) {
		if !strings.HasPrefix(f, "password=") {
			without = append(without, f)
		}
	}
	if _, err := query(strings.Join(without, " "), `SELECT 1`); err == nil {
		l.t.Error("connected without a password")
	}
	shared := l.throwaway(localpg.Options{})
	if !shared.Adopted() {
		l.t.Error("not shared")
	}
	if _, err := query(shared.TCPDSN(""), `SELECT 1`); err != nil {
		l.t.Error("TCP of a shared server:", err)
	}
	pid, port := s.Pid(), settingOf(s.TCPDSN(""), "port")
	s.Close()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		l.t.Errorf("process %d: %v", pid, err)
	}
	for network, address := range map[string]string{"unix": filepath.Join(s.Sockets(), ".s.PGSQL."+port), "tcp": "127.0.0.1:" + port} {
		if c, err := net.Dial(network, address); err == nil {
			c.Close()
			l.t.Errorf("%s answers", network)
		}
	}
}

func settingOf(dsn, name string) string {
	for _, f := range strings.Fields(dsn) {
		if k, v, _ := strings.Cut(f, "="); k == name {
			return v
		}
	}
	return ""
}

// stalePidFile starts the server after a crash, when the recorded pid belongs to another
// process.
func (l *life) stalePidFile() {
	s := l.throwaway(localpg.Options{})
	if err := s.Close(); err != nil {
		l.t.Fatal(err)
	}
	data := dataDir(l.t, l.dir)
	stale := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n  1 1\nready   \n", os.Getpid(), data, s.Sockets())
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(stale), 0o644); err != nil {
		l.t.Fatal(err)
	}
	l.kept(l.throwaway(localpg.Options{}))
}

func (l *life) wrongSettings() {
	_, err := localpg.Start(testenv.Context(l.t), localpg.Options{Dir: l.dir, Settings: []string{"no_such_setting=1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		l.t.Errorf("no message of the server: %v", err)
	}
	s := l.throwaway(localpg.Options{Settings: []string{"work_mem=3MB"}})
	if v, err := query(s.DSN(""), `SHOW work_mem`); err != nil || v != "3MB" {
		l.t.Error(v, err)
	}
}

// killed checks that a server without Throwaway keeps what it acknowledged.
func (l *life) killed() {
	s := start(l.t, localpg.Options{Dir: l.dir, Name: "shop"})
	if _, err := query(s.DSN(""), `CREATE TABLE c (d text)`, `INSERT INTO c VALUES ('acknowledged') RETURNING d`); err != nil {
		l.t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		l.t.Fatal(err)
	}
	select {
	case <-s.Done():
	default:
		l.t.Error("Kill returned before the server had exited")
	}
	if err := s.Close(); err != nil {
		l.t.Fatal(err)
	}
	again := start(l.t, localpg.Options{Dir: l.dir, Name: "shop"})
	if v, err := query(again.DSN(""), `SELECT d FROM c`); err != nil || v != "acknowledged" {
		l.t.Error(v, err)
	}
	l.kept(again)
}

func (l *life) removed() {
	s := l.throwaway(localpg.Options{})
	s.Close()
	for range 2 {
		if err := localpg.Remove(l.dir); err != nil {
			l.t.Fatal(err)
		}
	}
	for _, d := range []string{l.dir, s.Sockets()} {
		if _, err := os.Stat(d); !errors.Is(err, os.ErrNotExist) {
			l.t.Errorf("%s: %v", d, err)
		}
	}
}
