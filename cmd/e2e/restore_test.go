package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/calendar"
	"fundpass/keys/testenv"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// giveTo gives a directory to the owner of another one.
func giveTo(t testing.TB, dir, like string) {
	t.Helper()
	st, err := os.Stat(like)
	cmdtest.NoError(t, err)
	owner := st.Sys().(*syscall.Stat_t)
	cmdtest.NoError(t, os.Chown(dir, int(owner.Uid), int(owner.Gid)))
}

// nextSecond waits until the database's clock begins a second and returns that moment.
func nextSecond(n *cmdtest.Fixture) (moment time.Time) {
	n.T.Helper()
	cmdtest.NoError(n.T, n.SQL.Get(&moment, `SELECT date_trunc('second', clock_timestamp()) + interval '1 second'`))
	testenv.Eventually(n.T, "a second begins", func() (begun bool) {
		cmdtest.NoError(n.T, n.SQL.Get(&begun, `SELECT clock_timestamp() > $1`, moment))
		return begun
	})
	return moment
}

// replacePassword changes a citizen's password.
func replacePassword(c *cmdtest.Citizen) {
	c.Fixture.T.Helper()
	next := cmdtest.ConfirmTo(cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password))), c.NewPassword())
	c.Must("OK", next)
	c.Password = passwordOf(next)
}

// archiveAll waits until all WAL up to now is archived.
func archiveAll(n *cmdtest.Fixture) {
	n.T.Helper()
	var segment string
	cmdtest.NoError(n.T, n.SQL.Get(&segment, `SELECT pg_walfile_name(pg_switch_wal())`))
	testenv.Eventually(n.T, "the WAL is archived", func() (done bool) {
		cmdtest.NoError(n.T, n.SQL.Get(&done, `SELECT coalesce(last_archived_wal >= $1, false) FROM pg_stat_archiver`, segment))
		return done
	})
}

// recoverTo starts the base backup in dir and recovers it to a moment.
func recoverTo(t testing.TB, dir, data, archive string, moment time.Time) *localpg.Server {
	t.Helper()
	cmdtest.NoError(t, os.WriteFile(filepath.Join(data, "recovery.signal"), nil, 0o644))
	pg, err := localpg.Start(context.Background(), localpg.Options{Dir: dir, Own: true, Settings: []string{
		"restore_command=cp " + archive + "/%f %p", "recovery_target_time=" + moment.UTC().Format(time.DateTime) + "+00",
		"recovery_target_action=promote", "fsync=off",
		"max_connections=200"}}) // as the primary has
	cmdtest.NoError(t, err)
	t.Cleanup(func() { pg.Close() })
	probe := storetest.Probe(t, pg.DSN(""))
	testenv.Eventually(t, "the recovery ends", func() (done bool) {
		return probe.Get(&done, `SELECT NOT pg_is_in_recovery()`) == nil && done
	})
	return pg
}

// eraseAs erases a person as an operator does.
func eraseAs(n *cmdtest.Fixture, c *cmdtest.Citizen) {
	n.T.Helper()
	p := newProcess(n.T, n.Env(), "erase-person", "--yes", "--operator", "li", "--reason", "asked in writing")
	p.cmd.Stdin = strings.NewReader(c.AccountNo)
	if err := p.start().wait(); err != nil {
		n.T.Fatalf("erase-person: %v\n%s", err, p.Log())
	}
}

// A rehearsal is a restoration of a database with citizens.
type rehearsal struct {
	*cmdtest.Fixture
	former               *node
	archive, dir, backup string    // the archived WAL, and the base backup in the directory of the restored server
	moment               time.Time // to which the database is restored
	sent                 int       // messages before the accident

	kept, changed, erased, unlinked, frozen *cmdtest.Citizen
	open, password                          string // kept's open change, and changed's password at the moment
}

// newRehearsal starts a server that archives its WAL and takes a base backup.
func newRehearsal(t testing.TB) *rehearsal {
	t.Helper()
	r := &rehearsal{archive: postgresDir(t), former: &node{dir: postgresDir(t)}}
	r.former.Server = startPostgres(t, r.former.dir, "fsync=off", "archive_mode=on", "archive_command=cp %p "+r.archive+"/%f")
	giveTo(t, r.archive, r.former.dir)
	r.dir = postgresDir(t)
	giveTo(t, r.dir, r.former.dir)
	r.Fixture = newFixtureOn(t, r.former.DSN(""))
	r.backup = filepath.Join(r.dir, filepath.Base(r.former.data()))
	begun := time.Now()
	cmdtest.NoError(t, r.former.run("pg_basebackup", "-D", r.backup, "-d", r.former.source(), "-c", "fast", "-X", "stream", "--no-sync"))
	t.Logf("base backup after %v", time.Since(begun).Round(time.Millisecond))
	return r
}

// beforeMoment changes a password, opens a change and leaves notices in the queue.
func (r *rehearsal) beforeMoment(server *process) {
	r.T.Helper()
	citizens := r.Linked(5, server.URL)
	r.kept, r.changed, r.erased, r.unlinked, r.frozen = citizens[0], citizens[1], citizens[2], citizens[3], citizens[4]
	replacePassword(r.kept)
	r.open = cmdtest.ChangeAt(r.kept.Must("OK", r.kept.OpenChange(r.kept.Password)))
	r.password = r.changed.Password
	if r.Number(unsent) == 0 {
		r.T.Error("no notice is queued")
	}
	r.moment = nextSecond(r.Fixture)
}

// afterMoment does what the restoration loses, sends all notices, and has the accident.
func (r *rehearsal) afterMoment() {
	r.T.Helper()
	replacePassword(r.changed)
	eraseAs(r.Fixture, r.erased)
	r.unlinked.Must("OK", cmdtest.PostTo("/v1/link/remove", apiclient.Fields{"password": r.unlinked.Password}))
	r.frozen.Must("OK", cmdtest.PostTo("/v1/freeze", apiclient.Fields{}))
	mailer := serveNotices(r.Fixture)
	awaitNumber(r.Fixture, 0, unsent)
	r.sent = len(sentMessages(r.Fixture))
	cmdtest.NoError(r.T, mailer.Stop())
	_, err := r.SQL.Exec(`DELETE FROM password_credentials`)
	cmdtest.NoError(r.T, err)
	archiveAll(r.Fixture)
}

// restore restores the database and starts the program on it.
func (r *rehearsal) restore() *process {
	r.T.Helper()
	begun := time.Now()
	lost := r.Path("lost.jsonl")
	mustRun(r.ServerEnv, "restore", "list", "--since", r.moment.In(calendar.Beijing).Format(time.DateTime), "--out", lost)
	restored := recoverTo(r.T, r.dir, r.backup, r.archive, r.moment)
	r.DSN = restored.DSN("")
	r.SQL = storetest.Probe(r.T, r.DSN)
	if r.Number(unsent) == 0 {
		r.T.Error("the queue of the moment is not restored")
	}
	r.T.Log(mustRun(r.ServerEnv, "restore", "finish", "--lost", lost, "--operator", "li", "--reason", "accident of today", "--yes"))
	server := serveNotices(r.Fixture)
	r.T.Logf("restored and serving after %v", time.Since(begun).Round(time.Millisecond))
	return server
}

// TestPointInTimeRecovery rehearses docs/scaling.md: a base backup and archived WAL, an
// accident, the restoration to the moment before it, and the program on the result.
func TestPointInTimeRecovery(t *testing.T) {
	t.Parallel()
	r := newRehearsal(t)
	server := serveOn(r.Fixture, r.DSN) // without a template, so its notices wait
	r.beforeMoment(server)
	r.afterMoment()
	cmdtest.NoError(t, server.Stop())
	server = r.restore()

	for _, c := range []*cmdtest.Citizen{r.kept, r.changed, r.erased, r.unlinked, r.frozen} {
		c.Base = server.URL
		c.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link"))
		c.MustLogIn()
	}
	r.kept.Must("CHANGE_GONE", cmdtest.ConfirmTo(r.open, "Copper-Lantern-nu"))
	mustChange(r.kept) // with the password from before the moment
	awaitNumber(r.Fixture, 0, unsent)
	if got := len(sentMessages(r.Fixture)); got != r.sent+1 {
		t.Errorf("%d messages are sent after the restoration, want that of the new change", got-r.sent)
	}
	r.changed.Password = r.password
	if got := r.changed.Must("OK", cmdtest.GetFrom("/v1/password")).Text("state"); got != "must_change" {
		t.Errorf("the replaced password is %s", got)
	}
	if text := string(r.changed.Must("OK", cmdtest.GetFrom("/v1/events")).Raw); !strings.Contains(text, "系统从备份恢复") {
		t.Errorf("the citizen reads %s", text)
	}
	for _, c := range []*cmdtest.Citizen{r.erased, r.unlinked} {
		c.Must("NOT_LINKED", cmdtest.GetFrom("/v1/password"))
	}
	r.frozen.Must("PASSWORD_FROZEN", r.frozen.OpenChange(r.frozen.Password))
	checkServer(t, server)
}
