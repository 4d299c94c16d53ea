package roster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/store"
	"fundpass/store/storetest"
)

// mustSync syncs and returns the report with single blanks.
func mustSync(s *cmdtest.ServerEnv, args ...string) string {
	s.T.Helper()
	r := cmdtest.Run(s.T, s.Env(), append([]string{"sync"}, args...)...)
	if r.Err != nil {
		s.T.Fatalf("%v\n%s\n%s", r.Err, r.Log, r.Out)
	}
	return strings.Join(strings.Fields(r.Out), " ")
}

// synced is the report's row up to the seconds.
func synced(read, added, updated, unchanged, refused, missing int) string {
	return fmt.Sprintf("rows/s %d %d %d %d %d %d ", read, added, updated, unchanged, refused, missing)
}

// links is the report's row of what became of links.
func links(moved, ended, cancelled int) string {
	return fmt.Sprintf("changes cancelled %d %d %d ", moved, ended, cancelled)
}

// A nightFile is what a centre sends: account number -> the line's other values.
type nightFile struct {
	order []string
	lines map[string]*nightLine
}

type nightLine struct{ name, number, phone, status string }

// newNightFile has n people with a passport and one account each.
func newNightFile(n int) *nightFile {
	f := &nightFile{lines: map[string]*nightLine{}}
	for i := range n {
		f.add(fmt.Sprintf("8800%08d", i), fmt.Sprintf("XA%07d", i))
	}
	return f
}

func (f *nightFile) add(account, number string) *nightLine {
	l := &nightLine{"ANNA", number, "10012345678", store.StatusNormal}
	f.order, f.lines[account] = append(f.order, account), l
	return l
}

func (f *nightFile) at(i int) *nightLine { return f.lines[f.order[i]] }

// write writes the accounts of some lines, by default all.
func (f *nightFile) write(t testing.TB, only ...int) string {
	t.Helper()
	text := "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,CSMM\n"
	for i, account := range f.order {
		if l := f.lines[account]; len(only) == 0 || slices.Contains(only, i) {
			text += fmt.Sprintf("%s,%s,03,%s,%s,%s,id-last6\n", account, l.name, l.number, l.phone, l.status)
		}
	}
	return cmdtest.TempFile(t, text)
}

// linkLine links an invented Alipay user to an account and opens a change.
func linkLine(s *cmdtest.ServerEnv, db *store.DB, l *nightLine, account string) store.Session {
	s.T.Helper()
	token := sha256.Sum256([]byte(account))
	session, err := db.OpenSession(s.T.Context(), store.ChannelAlipay, token[:], store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: s.AppID, Kind: "open_id", Value: account}})
	cmdtest.NoError(s.T, err)
	a := s.Account(db, document.Passport, l.number, account)
	cmdtest.NoError(s.T, db.AddLink(s.T.Context(), session, *a, nil))
	session, err = db.Session(s.T.Context(), token[:])
	cmdtest.NoError(s.T, err)
	_, err = db.OpenChange(s.T.Context(), session, *a, []byte("print"))
	cmdtest.NoError(s.T, err)
	return session
}

// tablesOf is all that a sync may change, without ids and times.
func tablesOf(s *cmdtest.ServerEnv) string {
	s.T.Helper()
	db := storetest.Probe(s.T, s.DSN)
	var all strings.Builder
	for _, query := range []string{
		`SELECT concat(account_id, status, encode(row_digest, 'hex'), encode(person_digest, 'hex')) FROM accounts`,
		`SELECT concat(account_id, encode(identity_digest, 'hex'), encode(person_digest, 'hex')) FROM links`,
		`SELECT concat(account_id, state) FROM changes`, `SELECT concat(account_id, kind) FROM events`,
		`SELECT concat(account_id, kind) FROM outbox`, `SELECT encode(token_digest, 'hex') FROM sessions`,
		`SELECT concat(c) FROM password_credentials c`,
	} {
		rows, err := db.QueryContext(s.T.Context(), `SELECT coalesce(string_agg(q, E'\n' ORDER BY q), '') FROM (`+query+`) AS t (q)`)
		cmdtest.NoError(s.T, err)
		for rows.Next() {
			var text string
			cmdtest.NoError(s.T, rows.Scan(&text))
			all.WriteString(text + "\n\n")
		}
		cmdtest.NoError(s.T, errors.Join(rows.Err(), rows.Close()))
	}
	return all.String()
}

// A night: what changed is taken in, links follow, and the same file again
// changes nothing and says so.
func TestSync(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(8)
	mustImport(s, f.write(t))
	db := s.Open()
	for i := range 6 {
		linkLine(s, db, f.at(i), f.order[i])
	}
	f.at(0).status = store.StatusMerged // into an account that is new, and further down
	f.at(1).status = store.StatusMerged // into nothing
	f.at(2).status = store.StatusMoved
	f.at(3).status = store.StatusFrozen
	f.at(4).status, f.at(4).name = store.StatusSealed, "MARIA"
	f.at(5).number = "XA0999999"
	f.add("880099999999", f.at(0).number)
	path := f.write(t, 0, 1, 2, 3, 4, 5, 6, 8)

	before := tablesOf(s)
	dry := mustSync(s, path, "--dry-run")
	cmdtest.WantIn(t, dry, synced(8, 1, 6, 1, 0, 1), links(1, 3, 5), "Dry run: nothing was written.",
		"closed: merged (status 03) 2 2 closed: moved out (status 04) 1 1", "frozen (status 06) 1 1",
		"suspended (status 02) 1 1", "new 1 0", "document changed: ID type, ID number or holder 1 1")
	if d := cmp.Diff(before, tablesOf(s)); d != "" {
		t.Fatalf("a dry run wrote: %s", d)
	}
	cmdtest.WantIn(t, mustSync(s, path), synced(8, 1, 6, 1, 0, 1), links(1, 3, 5), "Done.")
	after := tablesOf(s)
	again := mustSync(s, path)
	cmdtest.WantIn(t, again, synced(8, 0, 0, 8, 0, 1), "Nothing changed: the database holds what the file says.")
	if d := cmp.Diff(after, tablesOf(s)); d != "" || strings.Contains(again, "links moved") {
		t.Errorf("the same file again: %s %s", again, d)
	}
	moved, err := db.Session(t.Context(), digestOf(f.order[0]))
	cmdtest.NoError(t, err)
	if a, err := db.LinkedAccount(t.Context(), moved.Link.AccountID); err != nil || a.Person.AccountNo != "880099999999" {
		t.Errorf("linked to %s, %v", a.Person.AccountNo, err)
	}
	cmdtest.WantIn(t, mustSync(s, path, "--full"), "1 accounts are not in it, 0 of them linked. They stay as they are")
	if d := cmp.Diff(after, tablesOf(s)); d != "" {
		t.Errorf("missing accounts were touched: %s", d)
	}
}

func digestOf(account string) []byte { d := sha256.Sum256([]byte(account)); return d[:] }

// A sync never touches a password, whatever the file says of it.
func TestSyncKeepsPasswords(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	head := "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM,JMMM\n"
	mustImport(s, cmdtest.TempFile(t, head+"880000000001,ANNA,03,XA9901041,01,id-last6,\n"))
	db := s.Open()
	a := s.Account(db, document.Passport, "XA9901041", "")
	bare := storetest.Probe(t, s.DSN)
	mustExec(t, bare.DB, `UPDATE password_credentials SET version = 7, state = 'set', initial_rule = NULL, hash = 'theirs'`)
	digest := "{sm3}" + legacySum("sm3")("another")
	for _, line := range []string{
		"880000000001,MARIA,03,XA9901041,01,,%s\n880000000002,ELENA,03,XA9901042,01,,%[1]s\n",
		"880000000001,MARIA,03,XA9901041,02,account-last6,\n",
	} {
		if strings.Contains(line, "%") {
			line = fmt.Sprintf(line, digest)
		}
		mustSync(s, cmdtest.TempFile(t, head+line))
	}
	if now := s.Account(db, document.Passport, "XA9901041", ""); now.Hash != "theirs" || now.Version != 7 || now.Person.Name != "MARIA" || now.Status != "02" || now.ID != a.ID {
		t.Errorf("got %+v", now)
	}
	if added := s.Account(db, document.Passport, "XA9901042", ""); added == nil || added.State != store.PasswordSet || added.Hash == "" || added.Hash == notHashed {
		t.Errorf("the new account: %+v", added)
	}
}

// A wrong file must not unlink a city.
func TestSyncGuard(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(14)
	mustImport(s, f.write(t))
	db := s.Open()
	for i := range 13 {
		linkLine(s, db, f.at(i), f.order[i])
		f.at(i).status = store.StatusClosed
	}
	path := f.write(t)
	before := tablesOf(s)
	for _, args := range [][]string{{path}, {path, "--max-ended", "12"}, {path, "--max-ended", "0"}, {f.write(t, 0), "--max-ended", "0"}} {
		r := cmdtest.Run(t, s.Env(), append([]string{"sync"}, args...)...)
		if !errors.Is(r.Err, errTooMany) || !strings.Contains(r.Out, "this is what would happen") {
			t.Errorf("%v: %v\n%s", args[1:], r.Err, r.Out)
		}
	}
	cmdtest.WantIn(t, mustSync(s, path, "--dry-run"), links(0, 13, 13), "Without --dry-run this is refused: 13 of 13 links would end")
	if r := cmdtest.Run(t, s.Env(), "sync", path, "--max-ended", "-2"); r.Err == nil {
		t.Error("a number below 0 is taken")
	}
	if d := cmp.Diff(before, tablesOf(s)); d != "" {
		t.Fatalf("written: %s", d)
	}
	cmdtest.WantIn(t, mustSync(s, f.write(t, 0)), synced(1, 0, 1, 0, 0, 13), links(0, 1, 1)) // as few as that are usual
	cmdtest.WantIn(t, mustSync(s, path, "--yes"), synced(14, 0, 12, 2, 0, 0), links(0, 12, 12), "Done.")
}

func TestSyncAllowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ max, links, want int64 }{{-1, 0, 10}, {-1, 999, 10}, {-1, 2000, 20}, {-1, 1e6, 1e4}, {0, 1e6, 0}, {7, 100, 7}} {
		if got := (syncLimits{maxEnded: tt.max}).allowed(tt.links); got != tt.want {
			t.Errorf("%+v: got %d", tt, got)
		}
	}
	if err := (syncLimits{maxEnded: -1}).check(10, 5); err != nil {
		t.Error(err)
	}
	if err := (syncLimits{maxEnded: -1}).check(11, 5); !errors.Is(err, errTooMany) {
		t.Errorf("got %v", err)
	}
}

// Lines that cannot be read are told as import tells them. Of an account that
// stands several times one line counts, the same one every night.
func TestSyncRefuses(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	lines := readSample(t, sample{store.ImportBatch + 10, 3})
	lines[7] = "canary"
	again := strings.Replace(lines[4], ",100", ",101", 1) // in another batch: it counts
	if again == lines[4] {
		t.Fatal("line without a phone")
	}
	path := cmdtest.TempFile(t, strings.Join(append(lines, again, strings.Replace(again, ",101", ",102", 1)), "\n"))
	out := mustSync(s, path, "--allow-refused")
	cmdtest.WantIn(t, out, synced(store.ImportBatch+12, store.ImportBatch+9, 0, 0, 3, 0), fmt.Sprintf("%d GRZH "+reasonTwice+": line %d", store.ImportBatch+13, store.ImportBatch+12), "correct the lines of")
	cmdtest.WantIn(t, string(cmdtest.ReadFile(t, path+".refused.csv")), fmt.Sprintf(",5,GRZH,\"%s: line %d\"\n", reasonTwice, store.ImportBatch+12), "\n,8,,")
	if strings.Contains(out, "canary") {
		t.Error(out)
	}
	cmdtest.NoError(t, os.Remove(path+".refused.csv"))
	dry := mustSync(s, path, "--dry-run", "--allow-refused")
	cmdtest.WantIn(t, dry, "refused lines: 3 ", "Nothing changed")
	if _, err := os.Stat(path + ".refused.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dry run wrote its refusals: %v", err)
	}
}

// A file that is written to while it is compared is not taken in.
func TestSyncOfChangingFile(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(3)
	path := f.write(t)
	r, err := fileRoster(path, autoEncoding)
	cmdtest.NoError(t, err)
	f.at(1).name = "MARIA"
	cmdtest.NoError(t, os.WriteFile(path, cmdtest.ReadFile(t, f.write(t)), 0o600))
	before := tablesOf(s)
	w := terminal.Stdio{Getenv: cmdtest.GetenvOf(s.Env()), Out: &strings.Builder{}, Err: &strings.Builder{}}
	if err := syncRoster(t.Context(), w, r, syncLimits{maxEnded: -1}); !errors.Is(err, errChanged) {
		t.Fatalf("got %v", err)
	}
	if d := cmp.Diff(before, tablesOf(s)); d != "" {
		t.Error(d)
	}
}

// Importing follows links by the same rules and says so.
func TestImportFollowsLinks(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(2)
	mustImport(s, f.write(t))
	db := s.Open()
	linkLine(s, db, f.at(0), f.order[0])
	linkLine(s, db, f.at(1), f.order[1])
	f.at(0).status, f.at(1).status = store.StatusMerged, store.StatusClosed
	f.add("880099999999", f.at(0).number)
	cmdtest.WantIn(t, mustImport(s, f.write(t)), counts(3, 1, 2, 0, 0), links(1, 1, 2))
}

// An account into which another was merged may be closed in the same file, lines
// and batches later: the link ends once and never visits it.
func TestSyncMergesLast(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(2*legacyPiece + 2)
	last := 2*legacyPiece + 1
	f.at(last).number = f.at(0).number
	mustImport(s, f.write(t))
	db := s.Open()
	session := linkLine(s, db, f.at(0), f.order[0])
	f.at(0).status = store.StatusMerged
	for i := 1; i <= last; i++ {
		f.at(i).status = store.StatusClosed
	}
	text := string(cmdtest.ReadFile(t, f.write(t)))
	text = strings.ReplaceAll(strings.Replace(text, "CSMM", "CSMM,JMMM", 1), "id-last6", "id-last6,") // small pieces
	cmdtest.WantIn(t, mustSync(s, cmdtest.TempFile(t, text)), synced(last+1, 0, last+1, 0, 0, 0), links(0, 1, 1))
	events, err := db.Events(t.Context(), session.Link.AccountID, 1)
	if err != nil || events[0].Kind != store.EventLinkEnded {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestLineSet(t *testing.T) {
	t.Parallel()
	var l lineSet
	for _, line := range []int64{2, 63, 64, 1000} {
		l.add(line)
	}
	var got []int64
	for line := range int64(2000) {
		if l.has(line) {
			got = append(got, line)
		}
	}
	if d := cmp.Diff([]int64{2, 63, 64, 1000}, got); d != "" || l.n != 4 {
		t.Errorf("%d %s", l.n, d)
	}
}
