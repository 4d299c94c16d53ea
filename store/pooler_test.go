package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/storetest"
)

// pgbouncer runs a PgBouncer before the shared server and returns a function
// that turns a DSN into one that goes through it.
func pgbouncer(t *testing.T, mode string, size int) func(dsn string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer") // not on everybody's PATH
	}
	storetest.Require(t, err)
	dir, err := os.MkdirTemp("/tmp", "bouncer") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := fmt.Sprintf(`[databases]
* = host=%s port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = any
pool_mode = %s
default_pool_size = %d
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
logfile = %s/log
`, storetest.Server(t).Sockets(), dir, mode, size, dir)
	file := filepath.Join(dir, "ini")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, file)
	stepDown(t, c, dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	awaitSocket(t, filepath.Join(dir, ".s.PGSQL.6432"))
	return func(dsn string) string {
		return fmt.Sprintf("host=%s port=6432 user=postgres dbname=%s sslmode=disable", dir, settings(dsn)["dbname"])
	}
}

// stepDown runs c as the owner of dir: PgBouncer refuses root, and the server's
// socket is open to the account that root steps down to.
func stepDown(t *testing.T, c *exec.Cmd, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return
	}
	t.Fatal("neither postgres nor nobody is an account here to run PgBouncer under")
}

func awaitSocket(t *testing.T, path string) {
	t.Helper()
	for range 500 {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("PgBouncer does not listen")
}

func TestPoolerIsDetected(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	for _, tt := range []struct {
		mode string
		size int
		want bool
	}{{"transaction", 4, true}, {"transaction", 1, true}, {"session", 4, false}} {
		t.Run(fmt.Sprint(tt.mode, " ", tt.size), func(t *testing.T) {
			db := storetest.Open(t, pgbouncer(t, tt.mode, tt.size)(dsn))
			if db.Pooled() != tt.want {
				t.Errorf("pooled is %v", db.Pooled())
			}
			if err := touch(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	if storetest.Open(t, dsn).Pooled() {
		t.Error("a direct connection is taken for pooled")
	}
}

// touch writes and reads something through tables that every database has.
func touch(ctx context.Context, db *store.DB) error {
	if err := db.Ping(ctx); err != nil {
		return err
	}
	return db.InTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		return tx.GetContext(ctx, new(int), `SELECT count(*) FROM centers WHERE center_id = $1`, "x")
	})
}

// TestManyClientsBehindPooler: 40 clients share 4 server connections, and each
// gets the answers to its own questions.
func TestManyClientsBehindPooler(t *testing.T) {
	t.Parallel()
	const clients, questions = 40, 50
	dsn := storetest.DSN(t)
	db := storetest.Open(t, pgbouncer(t, "transaction", 4)(dsn), storetest.WithMaxConns(clients))
	if !db.Pooled() {
		t.Fatal("pooler not detected")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for q := range questions {
				if err := ask(ctx, db, c, q); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// ask sends one of several statements of the same shape, in or outside a transaction.
func ask(ctx context.Context, db *store.DB, client, question int) error {
	query := fmt.Sprintf(`SELECT 'statement %d ' || $1::text || ' ' || $2::text`, question%7)
	want := fmt.Sprintf("statement %d %d %d", question%7, client, question)
	var got string
	args := []any{strconv.Itoa(client), strconv.Itoa(question)}
	var err error
	if question%2 == 0 {
		err = db.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, &got, query, args...) })
	} else {
		err = db.InTx(ctx, func(tx *sqlx.Tx, _ time.Time) error { return tx.GetContext(ctx, &got, query, args...) })
	}
	if err == nil && got != want {
		err = fmt.Errorf("got %q, want %q", got, want)
	}
	return err
}

func TestMigrateRefusesPooler(t *testing.T) {
	t.Parallel()
	dsn := storetest.EmptyDSN(t)
	_, err := store.Migrate(t.Context(), store.MigrateConfig{DSN: pgbouncer(t, "transaction", 4)(dsn)})
	if !errors.Is(err, store.ErrUnsafeDSN) {
		t.Errorf("got %v", err)
	}
}
