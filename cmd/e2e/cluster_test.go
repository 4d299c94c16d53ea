package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jmoiron/sqlx"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// A cluster is a PostgreSQL primary with two standbys and quorum commit. The test does what
// Patroni does in production: it promotes, points standbys at the primary and rebuilds.
type cluster struct {
	t       testing.TB
	nodes   [3]*node
	primary int
}

// A node is one server of a cluster. Its directory and socket stay when it is rebuilt.
type node struct {
	*localpg.Server
	name, dir string
}

// clusterSettings are the same on every server, so that each can be promoted. A standby
// confirms under its server's name. They are in the data, because pg_rewind needs
// wal_log_hints during recovery, too.
const clusterSettings = `
synchronous_standby_names = 'ANY 1 (n0, n1, n2)'
wal_log_hints = on
wal_keep_size = 512MB
wal_retrieve_retry_interval = 100ms
`

// throwawaySettings replace those of localpg.Options.Throwaway that would lose commits or
// prevent pg_rewind. Without fsync a killed server keeps its data while the machine runs.
var throwawaySettings = []string{"synchronous_commit=on", "full_page_writes=on", "max_connections=100"}

// newCluster starts a primary with an empty database and two standbys.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for i := range c.nodes {
		c.nodes[i] = &node{name: fmt.Sprint("n", i), dir: postgresDir(t)}
	}
	// The first start creates the database, before any standby could confirm it.
	pg, err := localpg.Start(context.Background(), localpg.Options{Dir: c.nodes[0].dir, Own: true, Throwaway: true})
	storetest.Require(t, err)
	cmdtest.NoError(t, pg.Close())
	appendTo(t, filepath.Join(c.nodes[0].data(), "postgresql.conf"), clusterSettings)
	c.start(0)
	for i := 1; i < len(c.nodes); i++ {
		c.rebuild(i)
	}
	c.awaitStreaming(2)
	return c
}

// appendTo appends text to a file, which keeps its owner.
func appendTo(t testing.TB, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	cmdtest.NoError(t, err)
	_, err = f.WriteString(text)
	cmdtest.NoError(t, errors.Join(err, f.Close()))
}

// start starts a server on its directory.
func (c *cluster) start(i int) {
	c.t.Helper()
	n := c.nodes[i]
	pg, err := localpg.Start(context.Background(), localpg.Options{Dir: n.dir, Own: true, Throwaway: true,
		Settings: append([]string{"cluster_name=" + n.name}, throwawaySettings...)})
	cmdtest.NoError(c.t, err)
	c.t.Cleanup(func() { pg.Close() })
	c.t.Cleanup(func() {
		if c.t.Failed() {
			log, _ := os.ReadFile(filepath.Join(n.dir, "server.log"))
			c.t.Logf("%s:\n%s", n.name, log)
		}
	})
	n.Server = pg
}

// data returns the data directory of a server.
func (n *node) data() string {
	found, _ := filepath.Glob(filepath.Join(n.dir, "data-*")) // the pattern is well formed
	if len(found) == 1 {
		return found[0]
	}
	return filepath.Join(n.dir, "data")
}

// run runs a program of PostgreSQL as the owner of the server's directory.
func (n *node) run(program string, args ...string) error {
	bin, err := localpg.FindBin()
	if err != nil {
		return err
	}
	st, err := os.Stat(n.dir)
	if err != nil {
		return err
	}
	owner := st.Sys().(*syscall.Stat_t)
	p := exec.Command(filepath.Join(bin, program), args...)
	p.Dir, p.Env = "/", []string{"LC_ALL=C", "PATH=" + bin}
	if os.Geteuid() == 0 {
		p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if out, err := p.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// source returns the connection string of a server for a standby.
func (n *node) source() string {
	return fmt.Sprintf("host=%s port=5432 user=postgres", n.Sockets())
}

// rebuild copies the primary to a server and starts it as a standby.
func (c *cluster) rebuild(i int) {
	c.t.Helper()
	n, primary := c.nodes[i], c.nodes[c.primary]
	target := filepath.Join(n.dir, filepath.Base(primary.data()))
	cmdtest.NoError(c.t, os.RemoveAll(target))
	giveTo(c.t, n.dir, primary.dir)
	cmdtest.NoError(c.t, n.run("pg_basebackup", "-D", target, "-d", primary.source(), "-R", "-c", "fast", "-X", "stream", "--no-sync"))
	c.start(i)
}

// rewind makes the former primary a standby of the present one. It reports false if it had
// to copy the whole database. Until its first checkpoint the present one has the former
// timeline in its control file, and pg_rewind would find nothing to do.
func (c *cluster) rewind(i int) bool {
	c.t.Helper()
	n, primary := c.nodes[i], c.nodes[c.primary]
	c.admin(c.primary, func(db *sqlx.DB) error { _, err := db.Exec(`CHECKPOINT`); return err })
	err := n.run("pg_rewind", "-D", n.data(), "--source-server", primary.source()+" dbname=postgres", "-R", "--no-sync")
	if err != nil {
		c.t.Logf("rebuilt instead: %v", err)
		c.rebuild(i)
		return false
	}
	c.start(i)
	return true
}

// DSN returns the connection string of an application: it finds the primary.
func (c *cluster) DSN() string {
	var hosts []string
	for _, n := range c.nodes {
		hosts = append(hosts, n.Sockets())
	}
	return "host=" + strings.Join(hosts, ",") + " port=5432 user=postgres dbname=fundpass sslmode=disable target_session_attrs=read-write"
}

// admin runs f with a connection to one server.
func (c *cluster) admin(i int, f func(db *sqlx.DB) error) {
	c.t.Helper()
	db, err := sqlx.Open("postgres", c.nodes[i].DSN("postgres"))
	cmdtest.NoError(c.t, err)
	defer db.Close()
	if err := f(db); err != nil {
		c.t.Fatalf("%s: %v", c.nodes[i].name, err)
	}
}

// standbys returns the servers other than the primary that run.
func (c *cluster) standbys() (all []int) {
	for i, n := range c.nodes {
		select {
		case <-n.Done():
		default:
			if i != c.primary {
				all = append(all, i)
			}
		}
	}
	return all
}

// kill kills the primary.
func (c *cluster) kill() (dead int) {
	c.t.Helper()
	dead = c.primary
	cmdtest.NoError(c.t, c.nodes[dead].Kill())
	cmdtest.NoError(c.t, c.nodes[dead].Close())
	return dead
}

// promote promotes the standby that has received the most and points the other one at it.
// An acknowledged commit is on at least one of them, so both are asked, after they have
// written what a dead primary sent.
func (c *cluster) promote() {
	c.t.Helper()
	best, most := -1, int64(-1)
	for _, i := range c.standbys() {
		c.detach(i)
	}
	for _, i := range c.standbys() {
		var received int64
		c.admin(i, func(db *sqlx.DB) error {
			return db.Get(&received, `SELECT pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint`)
		})
		if received > most {
			best, most = i, received
		}
	}
	c.admin(best, func(db *sqlx.DB) error {
		var done bool
		err := db.Get(&done, `SELECT pg_promote(true, 60)`)
		if err == nil && !done {
			err = errors.New("not promoted")
		}
		return err
	})
	c.primary = best
	for _, i := range c.standbys() {
		c.follow(i, c.nodes[best].source())
	}
}

// follow points a standby at a primary; "" cuts it off.
func (c *cluster) follow(i int, source string) {
	c.t.Helper()
	c.admin(i, func(db *sqlx.DB) error {
		_, err := db.Exec(`ALTER SYSTEM SET primary_conninfo = '` + source + `'`)
		if err == nil {
			_, err = db.Exec(`SELECT pg_reload_conf()`)
		}
		return err
	})
}

// detach cuts a standby off and waits until it receives nothing more.
func (c *cluster) detach(i int) {
	c.t.Helper()
	c.follow(i, "")
	testenv.Eventually(c.t, "the standby is cut off", func() (ok bool) {
		c.admin(i, func(db *sqlx.DB) error { return db.Get(&ok, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`) })
		return ok
	})
}

// cut disconnects the primary from its standbys and waits until it knows.
func (c *cluster) cut() {
	c.t.Helper()
	for _, i := range c.standbys() {
		c.detach(i)
	}
	c.awaitStreaming(0)
}

// heal connects the standbys to the primary again.
func (c *cluster) heal() {
	c.t.Helper()
	for _, i := range c.standbys() {
		c.follow(i, c.nodes[c.primary].source())
	}
}

// awaitStreaming waits until the primary has this many standbys.
func (c *cluster) awaitStreaming(want int) {
	c.t.Helper()
	testenv.Eventually(c.t, fmt.Sprint(want, " standbys stream"), func() (ok bool) {
		c.admin(c.primary, func(db *sqlx.DB) error {
			return db.Get(&ok, `SELECT count(*) = $1 FROM pg_stat_replication WHERE sync_state = 'quorum' AND state = 'streaming'`, want)
		})
		return ok
	})
}
