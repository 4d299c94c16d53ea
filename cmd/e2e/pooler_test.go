package e2e

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

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// pgbouncer runs a PgBouncer in front of the shared server and returns a function that
// converts a DSN to one that uses it.
func pgbouncer(t *testing.T, mode string, size int) func(dsn string) string {
	t.Helper()
	program := testenv.Program(t, "apt-get install pgbouncer", "pgbouncer", "/usr/sbin/pgbouncer") // often not in PATH
	dir, err := os.MkdirTemp("/tmp", "bouncer")                                                    // the path of a socket must be short
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
	runUnprivileged(t, c, dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	testenv.Eventually(t, "PgBouncer listens", func() bool {
		c, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.6432"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return func(dsn string) string {
		return fmt.Sprintf("host=%s port=6432 user=postgres dbname=%s sslmode=disable", dir, dsnSettings(dsn)["dbname"])
	}
}

// runUnprivileged runs c as the owner of dir: PgBouncer refuses root, and the server's
// socket is open to the user to which root switches.
func runUnprivileged(t *testing.T, c *exec.Cmd, dir string) {
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
	t.Fatal("neither user postgres nor user nobody exists to run PgBouncer")
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
			cmdtest.NoError(t, db.Ping(t.Context()))
			cmdtest.NoError(t, db.SpendAuthCode(t.Context(), tt.mode+strconv.Itoa(tt.size)))
		})
	}
	if storetest.Open(t, dsn).Pooled() {
		t.Error("a direct connection is detected as pooled")
	}
}

// TestManyClientsBehindPooler checks that 40 clients with 4 server connections each get
// the results of their own queries.
func TestManyClientsBehindPooler(t *testing.T) {
	t.Parallel()
	const clients, steps = 40, 50
	dsn := storetest.DSN(t)
	db := storetest.Open(t, pgbouncer(t, "transaction", 4)(dsn), storetest.WithMaxConns(clients))
	if !db.Pooled() {
		t.Fatal("pooler not detected")
	}
	var people []store.Depositor
	for i := range clients {
		no := accountNo(i)
		people = append(people, store.Depositor{Person: store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no},
			DocumentKey: []byte("03:E" + no), Status: store.StatusNormal, Hash: "no hash"})
	}
	ctx := testenv.Context(t)
	_, err := db.Roster().ImportDepositors(ctx, people)
	cmdtest.NoError(t, err)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for q := range steps {
				if err := query(ctx, db, c, q); err != nil {
					t.Errorf("client %d, step %d: %v", c, q, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func accountNo(i int) string { return fmt.Sprintf("88%010d", i) }

// query reads a person's account, or opens a session and reads it back.
func query(ctx context.Context, db *store.DB, client, step int) error {
	if step%2 == 0 {
		no := accountNo((client + step) % 40)
		a, err := db.AccountByNumber(ctx, no)
		if err == nil && (a.Person.AccountNo != no || a.Person.IDNumber != "E"+no) {
			err = errors.New("another's account")
		}
		return err
	}
	token := fmt.Appendf(nil, "%d-%d", client, step)
	opened, err := db.OpenSession(ctx, store.ChannelAlipay, token, store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: cmdtest.TestAppID, Kind: "open_id", Value: accountNo(client)}})
	if err != nil {
		return err
	}
	found, err := db.Session(ctx, token)
	if err == nil && (string(found.TokenDigest) != string(token) || string(found.IdentityDigest) != string(opened.IdentityDigest)) {
		err = errors.New("another's session")
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
