package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// rosterFile writes a roster and returns its path.
func rosterFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "缴存人.csv")
	cmdtest.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// killAfter starts a command, kills it once a query returns more than this, and returns
// the result of the query.
func killAfter(s *cmdtest.ServerEnv, more int, query string, args ...string) int {
	s.T.Helper()
	db := storetest.Probe(s.T, s.DSN)
	done := func() (n int) {
		cmdtest.NoError(s.T, db.Get(&n, query))
		return n
	}
	var begun time.Time
	cmdtest.NoError(s.T, db.Get(&begun, `SELECT clock_timestamp()`))
	p := startProgram(s.T, s.Env(), args...)
	testenv.Eventually(s.T, args[0]+" progresses", func() bool {
		select {
		case <-p.dead:
			s.T.Fatalf("%v ended before it was killed: %v\n%s", args, p.err, p.Log())
		default:
		}
		return done() > more
	})
	p.Kill()
	testenv.Eventually(s.T, "its statements are done", func() bool {
		var left int
		cmdtest.NoError(s.T, db.Get(&left, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'fundpass' AND backend_start > $1`, begun))
		return left == 0
	})
	return done()
}

// linesDone returns the progress of the unfinished import or sync.
const linesDone = `SELECT coalesce(max(lines_done), 0) FROM imports WHERE finished_at IS NULL`

// TestImportKilled kills an import twice and repeats it: every account is imported once,
// and the report is complete.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewOwnEnv(t)
	path, all := s.Path("people.csv"), 25000
	mustRun(s, "import", "--sample", strconv.Itoa(all), "--out", path)
	lines := strings.Split(strings.TrimSpace(string(cmdtest.ReadFile(t, path))), "\n")
	for i := 999; i < all; i += 1000 {
		lines[i] = "refused"
	}
	path = rosterFile(t, strings.Join(lines, "\n"))
	done := killAfter(s, 0, linesDone, "import", path)
	killAfter(s, done, linesDone, "import", path)
	cmdtest.WantIn(t, mustRun(s, "import", path, "--allow-refused"), counts(all, all-25, 0, 0, 25), "An earlier run did the first")
	if n := strings.Count(string(cmdtest.ReadFile(t, path+".refused.csv")), "\n"); n != 26 {
		t.Errorf("%d lines in the report", n)
	}
	has, err := s.Open().Roster().HasAccounts(t.Context(), accountNumbers(lines))
	cmdtest.NoError(t, err)
	for i, there := range has {
		if there == (lines[i+1] == "refused") {
			t.Fatalf("line %d: imported is %v", i+2, there)
		}
	}
	cmdtest.WantIn(t, mustRun(s, "import", path, "--allow-refused"), counts(all, 0, 0, all-25, 25))
}

// counts returns the summary's row up to the seconds.
func counts(read, added, updated, unchanged, refused int) string {
	return fmt.Sprintf("rows/s %d %d %d %d %d ", read, added, updated, unchanged, refused)
}

func accountNumbers(lines []string) []string {
	var numbers []string
	for _, line := range lines[1:] {
		no, _, _ := strings.Cut(line, ",")
		numbers = append(numbers, no)
	}
	return numbers
}

// A syncFixture is a roster with many accounts, some of them linked, and a later roster
// in which all of them change.
type syncFixture struct{ before, after string }

const syncHeader = "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,CSMM"

// newSyncFixture returns rosters of n accounts. The empty column of old digests makes the
// batches of the second file small.
func newSyncFixture(n int) syncFixture {
	before, after := syncHeader+"\n", syncHeader+",JMMM\n"
	number := func(i int) string { return fmt.Sprintf("XA%07d", i) }
	for i := range n {
		before += fmt.Sprintf("8800%08d,ANNA,03,%s,10012345678,01,id-last6\n", i, number(i))
		status, holder := store.StatusNormal, number(i)
		switch {
		case i%200 == 0:
			status = store.StatusMerged
		case i%200 == 1: // the account into which the previous is merged
			holder = number(i - 1)
		case i%200 == 40:
			status = store.StatusClosed
		case i%200 == 80:
			status = store.StatusFrozen
		case i%200 == 120:
			holder = "XB" + holder[2:]
		}
		after += fmt.Sprintf("8800%08d,ANNA,03,%s,10100000000,%s,id-last6,\n", i, holder, status)
	}
	return syncFixture{before, after}
}

// importFirst imports the first file, links every fortieth account, and returns the path
// of the second file.
func (n syncFixture) importFirst(s *cmdtest.ServerEnv) string {
	s.T.Helper()
	mustRun(s, "import", rosterFile(s.T, n.before))
	db := s.Open()
	for i := 0; i < strings.Count(n.before, "\n")-1; i += 40 {
		no := fmt.Sprintf("8800%08d", i)
		a, err := db.AccountByNumber(s.T.Context(), no)
		cmdtest.NoError(s.T, err)
		session, err := db.OpenSession(s.T.Context(), store.ChannelAlipay, []byte(no), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: cmdtest.TestAppID, Kind: "open_id", Value: no}})
		cmdtest.NoError(s.T, err)
		cmdtest.NoError(s.T, db.AddLink(s.T.Context(), session, a, nil))
		session, err = db.Session(s.T.Context(), []byte(no))
		cmdtest.NoError(s.T, err)
		_, err = db.OpenChange(s.T.Context(), session, a, []byte("print"))
		cmdtest.NoError(s.T, err)
	}
	return rosterFile(s.T, n.after)
}

// tablesOf returns everything that a sync may change, without ids and times.
func tablesOf(s *cmdtest.ServerEnv) string {
	s.T.Helper()
	db := storetest.Probe(s.T, s.DSN)
	var all strings.Builder
	for _, query := range []string{
		`SELECT concat(a.account_id, status, encode(row_digest, 'hex'), encode(person_digest, 'hex')) FROM accounts a`,
		`SELECT concat(account_id, encode(identity_digest, 'hex'), encode(person_digest, 'hex')) FROM links`,
		`SELECT concat(account_id, state) FROM changes`, `SELECT concat(account_id, kind) FROM events`,
		`SELECT concat(account_id, kind) FROM outbox`, `SELECT encode(token_digest, 'hex') FROM sessions`,
		`SELECT concat(c) FROM password_credentials c`,
	} {
		var text string
		cmdtest.NoError(s.T, db.Get(&text, `SELECT coalesce(string_agg(q, E'\n' ORDER BY q), '') FROM (`+query+`) AS t (q)`))
		all.WriteString(text + "\n\n")
	}
	return all.String()
}

// TestSyncKilled kills a sync twice and repeats it: the result is that of an undisturbed
// sync, including events and notices.
func TestSyncKilled(t *testing.T) {
	t.Parallel()
	s, reference, syncFixture := cmdtest.NewOwnEnv(t), cmdtest.NewOwnEnv(t), newSyncFixture(3000)
	path, referencePath := syncFixture.importFirst(s), syncFixture.importFirst(reference)
	const synced = "rows/s 3000 0 3000 0 0 0 "
	const links = "changes cancelled 15 30 60 "
	cmdtest.WantIn(t, mustRun(reference, "sync", referencePath, "--yes"), synced, links)
	done := killAfter(s, 0, linesDone, "sync", path, "--yes")
	killAfter(s, done, linesDone, "sync", path, "--yes")
	cmdtest.WantIn(t, mustRun(s, "sync", path, "--yes"), "An earlier run took in", synced, links)
	if d := cmp.Diff(tablesOf(reference), tablesOf(s)); d != "" {
		t.Error(d)
	}
	cmdtest.WantIn(t, mustRun(s, "sync", path), "Nothing changed")
}

// TestRehashKilled kills a rehash and repeats it: every hash has the new key once.
func TestRehashKilled(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	const all = 12 * store.RehashBatch
	hash, err := n.Hasher().Hash(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	cmdtest.NoError(t, err)
	for at := 0; at < all; at += store.ImportBatch {
		depositAccounts(n, at, min(store.ImportBatch, all-at), hash)
	}
	mustRun(n.ServerEnv, "keys", "rotate-pepper", n.Path("pepper.key"))
	const rehashed = `SELECT count(*) FROM password_credentials WHERE hash LIKE '%kid=%.%'`
	done := killAfter(n.ServerEnv, 0, rehashed, "keys", "rehash")
	if done%store.RehashBatch != 0 || done == all {
		t.Fatalf("%d were done when it was killed", done)
	}
	cmdtest.WantIn(t, mustRun(n.ServerEnv, "keys", "rehash"), fmt.Sprintf("Replaced %d hashes", all-done))
	if got := n.Number(rehashed); got != all {
		t.Errorf("%d of %d have the new key", got, all)
	}
}

// depositAccounts adds accounts whose passwords all have the same hash.
func depositAccounts(n *cmdtest.Fixture, from, k int, hash string) {
	n.T.Helper()
	ds := make([]store.Depositor, k)
	for i := range ds {
		no := fmt.Sprintf("88%010d", from+i)
		ds[i] = store.Depositor{
			Person:      store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no},
			DocumentKey: []byte("03:E" + no), Status: store.StatusNormal, Hash: hash,
		}
	}
	_, err := n.DB.Roster().ImportDepositors(n.T.Context(), ds)
	cmdtest.NoError(n.T, err)
}

// TestOpenIDKilled kills a migration to open_id and repeats it: every link is moved once.
func TestOpenIDKilled(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	const k = 8 * signing.OpenIDBatch
	addLinkedPeople(n, k)
	const moved = `SELECT count(user_digest) FROM links`
	done := killAfter(n.ServerEnv, 0, moved, "migrate-openid")
	if done%signing.OpenIDBatch != 0 || done == k {
		t.Fatalf("%d were moved when it was killed", done)
	}
	summary := func(moved, before int) string {
		return fmt.Sprintf("%d moved before %d moved or unlinked meanwhile 0 unknown to Alipay 0 in conflict 0 left under the user_id 0", moved, before)
	}
	cmdtest.WantIn(t, mustRun(n.ServerEnv, "migrate-openid"), summary(k-done, done))
	cmdtest.WantIn(t, mustRun(n.ServerEnv, "migrate-openid"), summary(0, k))
}

// addLinkedPeople adds k people with a link by user_id, without a server.
func addLinkedPeople(n *cmdtest.Fixture, k int) {
	n.T.Helper()
	depositAccounts(n, 0, k, "no hash")
	for i := range k {
		no := fmt.Sprintf("88%010d", i)
		a, err := n.DB.AccountByNumber(n.T.Context(), no)
		cmdtest.NoError(n.T, err)
		p := alipaysim.Person{Person: no, UserID: fmt.Sprintf("2088%012d", i)}
		n.Sim.Add(p)
		s, err := n.DB.OpenSession(n.T.Context(), store.ChannelAlipay, []byte(no), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: cmdtest.TestAppID, Kind: "user_id", Value: p.UserID}})
		cmdtest.NoError(n.T, err)
		cmdtest.NoError(n.T, n.DB.AddLink(n.T.Context(), s, a, nil))
	}
}
