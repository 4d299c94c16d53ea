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

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// rosterFile is a centre's file.
func rosterFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "缴存人.csv")
	noError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// killAfter starts a command and kills it once a query gives more than so much.
// It returns what the query gives then.
func (s *serverEnv) killAfter(more int, query string, args ...string) int {
	s.t.Helper()
	db := storetest.Probe(s.t, s.dsn)
	done := func() (n int) {
		noError(s.t, db.Get(&n, query))
		return n
	}
	var begun time.Time
	noError(s.t, db.Get(&begun, `SELECT clock_timestamp()`))
	p := startProgram(s.t, s.env(), args...)
	testenv.Eventually(s.t, args[0]+" gets on", func() bool {
		select {
		case <-p.dead:
			s.t.Fatalf("%v ended before it was killed: %v\n%s", args, p.err, p.Log())
		default:
		}
		return done() > more
	})
	p.Kill()
	testenv.Eventually(s.t, "what it had sent is done", func() bool {
		var left int
		noError(s.t, db.Get(&left, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'fundpass' AND backend_start > $1`, begun))
		return left == 0
	})
	return done()
}

// linesDone is how far the import or sync that is not finished has got.
const linesDone = `SELECT coalesce(max(lines_done), 0) FROM imports WHERE finished_at IS NULL`

// kill -9 in the middle, twice, and start again: everybody is there once, and
// the report is whole.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	path, all := s.path("people.csv"), 25000
	s.must("import", "--sample", strconv.Itoa(all), "--out", path)
	lines := strings.Split(strings.TrimSpace(string(readFile(t, path))), "\n")
	for i := 999; i < all; i += 1000 {
		lines[i] = "refused"
	}
	path = rosterFile(t, strings.Join(lines, "\n"))
	done := s.killAfter(0, linesDone, "import", path)
	s.killAfter(done, linesDone, "import", path)
	wantIn(t, s.must("import", path, "--allow-refused"), counts(all, all-25, 0, 0, 25), "An earlier run did the first")
	if n := strings.Count(string(readFile(t, path+".refused.csv")), "\n"); n != 26 {
		t.Errorf("%d lines in the report", n)
	}
	has, err := s.open().HasAccounts(t.Context(), accountNumbers(lines))
	noError(t, err)
	for i, there := range has {
		if there == (lines[i+1] == "refused") {
			t.Fatalf("line %d: imported is %v", i+2, there)
		}
	}
	wantIn(t, s.must("import", path, "--allow-refused"), counts(all, 0, 0, all-25, 25))
}

// counts is the summary's row up to the seconds.
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

// A night is a centre of many accounts, some linked, and the file of a night in
// which all of them change.
type night struct{ before, after string }

const nightHeader = "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,CSMM"

// newNight has n accounts. The column of old digests, though empty, makes the
// pieces of the second file small.
func newNight(n int) night {
	before, after := nightHeader+"\n", nightHeader+",JMMM\n"
	number := func(i int) string { return fmt.Sprintf("XA%07d", i) }
	for i := range n {
		before += fmt.Sprintf("8800%08d,ANNA,03,%s,10012345678,01,id-last6\n", i, number(i))
		status, holder := store.StatusNormal, number(i)
		switch {
		case i%200 == 0:
			status = store.StatusMerged
		case i%200 == 1: // into this one
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
	return night{before, after}
}

// begin takes the first file in, links every fortieth account, and returns the
// path of the second file.
func (n night) begin(s *serverEnv) string {
	s.t.Helper()
	s.must("import", rosterFile(s.t, n.before))
	db := s.open()
	for i := 0; i < strings.Count(n.before, "\n")-1; i += 40 {
		no := fmt.Sprintf("8800%08d", i)
		a, err := db.AccountByNumber(s.t.Context(), no)
		noError(s.t, err)
		session, err := db.OpenSession(s.t.Context(), []byte(no), store.Visitor{Identity: store.Identity{AppID: testAppID, Kind: "open_id", Value: no}})
		noError(s.t, err)
		noError(s.t, db.AddLink(s.t.Context(), session, a, nil))
		session, err = db.Session(s.t.Context(), []byte(no))
		noError(s.t, err)
		_, err = db.OpenChange(s.t.Context(), session, a, []byte("print"))
		noError(s.t, err)
	}
	return rosterFile(s.t, n.after)
}

// tables is all that a sync may change, without ids and times.
func (s *serverEnv) tables() string {
	s.t.Helper()
	db := storetest.Probe(s.t, s.dsn)
	var all strings.Builder
	for _, query := range []string{
		`SELECT concat(a.account_id, status, encode(row_digest, 'hex'), encode(person_digest, 'hex')) FROM accounts a`,
		`SELECT concat(account_id, encode(identity_digest, 'hex'), encode(person_digest, 'hex')) FROM alipay_links`,
		`SELECT concat(account_id, state) FROM changes`, `SELECT concat(account_id, kind) FROM events`,
		`SELECT concat(account_id, kind) FROM outbox`, `SELECT encode(token_digest, 'hex') FROM sessions`,
		`SELECT concat(c) FROM password_credentials c`,
	} {
		var text string
		noError(s.t, db.Get(&text, `SELECT coalesce(string_agg(q, E'\n' ORDER BY q), '') FROM (`+query+`) AS t (q)`))
		all.WriteString(text + "\n\n")
	}
	return all.String()
}

// kill -9 in the middle, twice, and start again: the same end as of a sync that
// nobody disturbed, event for event and notice for notice.
func TestSyncKilled(t *testing.T) {
	t.Parallel()
	s, twin, night := newServerEnv(t), newServerEnv(t), newNight(3000)
	path, undisturbed := night.begin(s), night.begin(twin)
	const synced = "rows/s 3000 0 3000 0 0 0 "
	const links = "changes cancelled 15 30 60 "
	wantIn(t, twin.must("sync", undisturbed, "--yes"), synced, links)
	done := s.killAfter(0, linesDone, "sync", path, "--yes")
	s.killAfter(done, linesDone, "sync", path, "--yes")
	wantIn(t, s.must("sync", path, "--yes"), "An earlier run took in", synced, links)
	if d := cmp.Diff(twin.tables(), s.tables()); d != "" {
		t.Error(d)
	}
	wantIn(t, s.must("sync", path), "Nothing changed")
}

// kill -9 in the middle and start again: every hash has the new key once.
func TestRehashKilled(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	const all = 12 * store.RehashBatch
	hash, err := n.hasher.Hash(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	noError(t, err)
	for at := 0; at < all; at += store.ImportBatch {
		n.deposit(at, min(store.ImportBatch, all-at), hash)
	}
	n.must("keys", "rotate-pepper", n.path("pepper.key"))
	const rehashed = `SELECT count(*) FROM password_credentials WHERE hash LIKE '%kid=%.%'`
	done := n.killAfter(0, rehashed, "keys", "rehash")
	if done%store.RehashBatch != 0 || done == all {
		t.Fatalf("%d were done when it was killed", done)
	}
	wantIn(t, n.must("keys", "rehash"), fmt.Sprintf("Replaced: %d hashes", all-done))
	if got := n.number(rehashed); got != all {
		t.Errorf("%d of %d have the new key", got, all)
	}
}

// deposit adds accounts whose password all have one hash.
func (n *fixture) deposit(from, k int, hash string) {
	n.t.Helper()
	ds := make([]store.Depositor, k)
	for i := range ds {
		no := fmt.Sprintf("88%010d", from+i)
		ds[i] = store.Depositor{
			Person:      store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no},
			DocumentKey: []byte("03:E" + no), Status: store.StatusNormal, Hash: hash,
		}
	}
	_, err := n.db.ImportDepositors(n.t.Context(), ds)
	noError(n.t, err)
}

// kill -9 in the middle of the change to open_id, and start again: everybody is
// moved once.
func TestOpenIDKilled(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	const k = 8 * signing.OpenIDBatch
	n.crowd(k)
	const moved = `SELECT count(user_digest) FROM alipay_links`
	done := n.killAfter(0, moved, "migrate-openid")
	if done%signing.OpenIDBatch != 0 || done == k {
		t.Fatalf("%d were moved when it was killed", done)
	}
	tally := func(moved, before int) string {
		return fmt.Sprintf("%d moved before %d moved or unlinked meanwhile 0 unknown to Alipay 0 in conflict 0 left under the user_id 0", moved, before)
	}
	wantIn(t, n.must("migrate-openid"), tally(k-done, done))
	wantIn(t, n.must("migrate-openid"), tally(0, k))
}

// crowd adds k people with a link by user_id to the fixture, without a server.
func (n *fixture) crowd(k int) {
	n.t.Helper()
	n.deposit(0, k, "no hash")
	for i := range k {
		no := fmt.Sprintf("88%010d", i)
		a, err := n.db.AccountByNumber(n.t.Context(), no)
		noError(n.t, err)
		p := alipaysim.Person{Person: no, UserID: fmt.Sprintf("2088%012d", i)}
		n.sim.Add(p)
		s, err := n.db.OpenSession(n.t.Context(), []byte(no), store.Visitor{Identity: store.Identity{AppID: testAppID, Kind: "user_id", Value: p.UserID}})
		noError(n.t, err)
		noError(n.t, n.db.AddLink(n.t.Context(), s, a, nil))
	}
}
