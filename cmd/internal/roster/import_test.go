package roster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// mustImport imports and returns the summary with single blanks.
func mustImport(s *cmdtest.ServerEnv, args ...string) string {
	s.T.Helper()
	r := cmdtest.Run(s.T, s.Env(), append([]string{"import"}, args...)...)
	if r.Err != nil {
		s.T.Fatalf("%v\n%s", r.Err, r.Log)
	}
	return strings.Join(strings.Fields(r.Out), " ")
}

// counts is the summary's row up to the seconds.
func counts(read, added, updated, unchanged, refused int) string {
	return fmt.Sprintf("rows/s %d %d %d %d %d ", read, added, updated, unchanged, refused)
}

const (
	zhang = "880000000001,张测试,01,990101195603070010,10012345678,01,9900001,id-last6"
	anna  = "880000000002,Anna  Lindqvist,03,xa9901047,,02,,account-last6"
	five  = "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,DWZH,CSMM\n"
)

func TestImportFile(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := cmdtest.TempFile(t, "\ufeff"+five+zhang+"\r\n\r\n\""+strings.ReplaceAll(anna, ",", "\",\"")+"\"")
	cmdtest.WantIn(t, mustImport(s, path), "缴存人.csv", counts(2, 2, 0, 0, 0), "fundpass serve")
	db := s.Open()
	a := s.Account(db, "03", "XA9901047", "")
	if a == nil {
		t.Fatal("not imported")
	}
	want := store.Person{Name: "ANNA LINDQVIST", IDType: "03", IDNumber: "XA9901047", AccountNo: "880000000002"}
	if d := cmp.Diff(want, a.Person); d != "" || a.Status != "02" || a.State != store.PasswordInitial || a.InitialRule != "account-last6" {
		t.Errorf("%s %+v", d, a)
	}
	if _, err := os.Stat(path + ".refused.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a report of nothing: %v", err)
	}

	cmdtest.WantIn(t, mustImport(s, path), counts(2, 0, 0, 2, 0))
	gb := cmdtest.TempFile(t, toGB18030(t, five+zhang+"\n"+anna+"\n"))
	cmdtest.WantIn(t, mustImport(s, gb), counts(2, 0, 0, 2, 0))
	changed := cmdtest.TempFile(t, five+strings.Replace(zhang, "张测试", "张改名", 1)+"\n"+strings.Replace(anna, ",02,", ",06,", 1))
	cmdtest.WantIn(t, mustImport(s, changed), counts(2, 0, 2, 0, 0))
	if a := s.Account(db, "01", "990101195603070010", ""); a == nil || a.Person.Name != "张改名" {
		t.Errorf("got %+v", a)
	}
	if a := s.Account(db, "03", "XA9901047", ""); a == nil || a.Status != "06" {
		t.Errorf("got %+v", a)
	}
}

// Refused lines are told by number, column and reason, on the screen and in the
// report; what stood in them appears nowhere.
func TestImportRefusesLines(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	lines := []string{
		zhang,
		"canaryACC!,canary<name>,01,990101195603070012,canaryPHONE,07,canary/EMP,canaryRULE",
		"880000000003,张三,88,canaryID,,01,,id-last6",
		"880000000004,李四\"canaryQUOTE,01,990101195603070010,,01,,id-last6",
		"880000000005,canaryFEW",
		"880000000006,\xff\xffcanaryBYTES,01,990101195603070010,,01,,id-last6",
		"880000000007," + strings.Repeat("canaryLONG", 10000),
		strings.Replace(zhang, "张测试", "张重复", 1),
	}
	for i := range 30 {
		lines = append(lines, fmt.Sprintf("88000001%04d,王五,01,canary%d,,01,,id-last6", i, i))
	}
	path := cmdtest.TempFile(t, five+strings.Join(lines, "\n"))
	out := mustImport(s, path, "--allow-refused")
	cmdtest.WantIn(t, out, counts(38, 1, 0, 0, 37), "refused lines: 37", "4 ZJLX unknown document type", "8 longer than 64 KiB",
		"9 GRZH "+reasonTwice+": line 2", "All of them are in "+path+".refused.csv", "import the new file")
	report := string(cmdtest.ReadFile(t, path+".refused.csv"))
	cmdtest.WantIn(t, report, "GRZH,line,column,reason\n,3,GRZH,", "\n,3,DWZH,", "\n,3,GRZHZT,", "\n,3,XINGMING,", "\n,3,ZJHM,", "\n,3,SJHM,",
		"\n,6,,\"not as many fields as the first line\"\n", "\n880000000006,7,XINGMING,\"not in the file's encoding\"\n", "\n880000010029,39,ZJHM,")
	for _, secret := range []string{"canary", "990101", "张三", "李四", "王五", "张重复"} {
		if strings.Contains(report, secret) || strings.Contains(strings.ReplaceAll(out, path, ""), secret) {
			t.Errorf("%s is told", secret)
		}
	}
	db := s.Open()
	if a := s.Account(db, "01", "990101195603070010", ""); a == nil || a.Person.Name != "张测试" {
		t.Errorf("the first of two lines was not kept: %+v", a)
	}
}

func TestImportNeedsFile(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "give either a file or --sample N"},
		{"both", []string{cmdtest.TempFile(t, five), "--sample", "3"}, "give either a file or --sample N"},
		{"negative sample", []string{"--sample", "-3"}, "above 0"},
		{"out without sample", []string{cmdtest.TempFile(t, five), "--out", "x"}, "--out goes with --sample"},
		{"no file", []string{"/does/not/exist.csv"}, "no such file"},
		{"directory", []string{t.TempDir()}, "not a regular file"},
		{"empty", []string{cmdtest.TempFile(t, "")}, "empty"},
		{"no header", []string{cmdtest.TempFile(t, zhang+"\n")}, "missing column GRZH"},
		{"header not closed", []string{cmdtest.TempFile(t, "\"GRZH\n")}, "quotation mark"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := cmdtest.Run(t, s.Env(), append([]string{"import"}, tt.args...)...)
			if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) {
				t.Errorf("got %v", r.Err)
			}
		})
	}
	cmdtest.WantIn(t, mustImport(s, cmdtest.TempFile(t, five)), counts(0, 0, 0, 0, 0))
}

// Everything wrong with the settings an import needs is told at once, and
// nothing about those it does not need.
func TestImportSettings(t *testing.T) {
	t.Parallel()
	file := cmdtest.TempFile(t, five)
	r := cmdtest.Run(t, map[string]string{"FUNDPASS_CENTER": "no good name!", "FUNDPASS_GATEWAY_URL": "ftp://x"}, "import", file)
	if r.Err == nil {
		t.Fatal("no error")
	}
	cmdtest.WantIn(t, r.Err.Error(), "FUNDPASS_DATABASE_URL: ", "FUNDPASS_CENTER: ", "FUNDPASS_APP_ID: ", "FUNDPASS_COLUMN_KEY_FILE: ", "FUNDPASS_PEPPER_FILE: ")
	for _, other := range []string{"FUNDPASS_APP_KEY_FILE", "FUNDPASS_GATEWAY_URL", "FUNDPASS_ALIPAY_KEY_FILES"} {
		if strings.Contains(r.Err.Error(), other) {
			t.Errorf("%s is not needed: %v", other, r.Err)
		}
	}
	s := cmdtest.NewEnv(t)
	env := s.Env(map[string]string{"FUNDPASS_APP_KEY_FILE": "", "FUNDPASS_ALIPAY_KEY_FILES": "", "FUNDPASS_GATEWAY_URL": ""})
	if r := cmdtest.Run(t, env, "import", file); r.Err != nil {
		t.Error(r.Err)
	}
}

func TestImportSample(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	out := s.Path("people.csv")
	cmdtest.WantIn(t, mustImport(s, "--sample", "1000", "--seed", "5", "--out", out), "1000 invented people", "fundpass import "+out)
	cmdtest.WantIn(t, mustImport(s, "--sample", "1000", "--seed", "5"), counts(1000, 1000, 0, 0, 0))
	cmdtest.WantIn(t, mustImport(s, out), counts(1000, 0, 0, 1000, 0))
	cmdtest.WantIn(t, mustImport(s, "--sample", "1001", "--seed", "5"), counts(1001, 1, 0, 1000, 0))
	if r := cmdtest.Run(t, s.Env(), "import", "--sample", "10", "--out", out); !errors.Is(r.Err, os.ErrExist) {
		t.Errorf("overwritten: %v", r.Err)
	}
}

// What the old system kept of passwords: an initial one is found by its digest,
// any other goes on working, and an account that is there keeps what it has.
func TestImportLegacyPasswords(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	const head = "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,JMMM\n"
	line := func(n int, digest string) string {
		return fmt.Sprintf("88000000000%d,ANNA,03,XA990104%d,01,%s\n", n, n, digest)
	}
	sm3, md5 := legacySum("sm3"), legacySum("md5")
	path := cmdtest.TempFile(t, head+line(1, "{sm3}"+sm3("Willow-Harbor-69"))+line(2, "{md5}"+md5("901042")))
	cmdtest.WantIn(t, mustImport(s, path), counts(2, 2, 0, 0, 0))

	db := s.Open()
	if a := s.Account(db, "03", "XA9901042", ""); a == nil || a.State != store.PasswordMustChange || a.InitialRule != "id-last6" || a.Hash != "" {
		t.Errorf("the initial password was not found: %+v", a)
	}
	pepper, err := keys.LoadPepper(s.Path("pepper.key"))
	cmdtest.NoError(t, err)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Slots: 1})
	t.Cleanup(hasher.Close)
	old := s.Account(db, "03", "XA9901041", "")
	if old == nil || old.State != store.PasswordSet || old.InitialRule != "" {
		t.Fatalf("got %+v", old)
	}
	if ok, _, err := hasher.Verify(t.Context(), old.Hash, passwd.NewSecret("Willow-Harbor-69")); !ok || err != nil {
		t.Errorf("the password is refused: %v", err)
	}
	again := cmdtest.TempFile(t, head+line(1, "{sm3}"+sm3("another"))+line(2, "{sm3}"+sm3("another"))+line(3, "{sha1}"+legacySum("sha1")("new")))
	cmdtest.WantIn(t, mustImport(s, again), counts(3, 1, 0, 2, 0))
	if now := s.Account(db, "03", "XA9901041", ""); now.Hash != old.Hash {
		t.Error("the password of an account that is there was replaced")
	}
}

// A file that is written to while it is imported is not marked as imported.
func TestImportOfChangingFile(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := cmdtest.TempFile(t, five+zhang+"\n")
	r, err := fileRoster(path, autoEncoding)
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, os.WriteFile(path, []byte(five+strings.Replace(zhang, "张测试", "张改名", 1)+"\n"), 0o600))
	w := terminal.Stdio{Getenv: cmdtest.GetenvOf(s.Env()), In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	if err := importRoster(t.Context(), w, r, importOptions{}); !errors.Is(err, errChanged) {
		t.Fatalf("got %v", err)
	}
	cmdtest.WantIn(t, mustImport(s, path), counts(1, 0, 0, 1, 0))
}

// Memory does not grow with the roster.
func TestImportMemory(t *testing.T) {
	s := cmdtest.NewEnv(t)
	runtime.GC()
	var before, most runtime.MemStats
	runtime.ReadMemStats(&before)
	ended := make(chan string, 1)
	go func() { ended <- mustImport(s, "--sample", "30000") }()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case out := <-ended:
			tick.Stop()
			cmdtest.WantIn(t, out, counts(30000, 30000, 0, 0, 0))
			if grown := int64(most.HeapAlloc) - int64(before.HeapAlloc); grown > 100<<20 {
				t.Errorf("%d MB in use", grown>>20)
			}
			return
		case <-tick.C:
			var now runtime.MemStats
			if runtime.ReadMemStats(&now); now.HeapAlloc > most.HeapAlloc {
				most = now
			}
		}
	}
}

// The meter of an import that hashes says why it is slow, and counts from where it begins.
func TestImportMeter(t *testing.T) {
	t.Parallel()
	m := &intake{roster: roster{lines: 1001}, header: mustHeader(t, rosterHeader)}
	m.begun.Lines = 1
	b := newMeter(io.Discard, m)
	if b.What != "import, hashing old passwords (slow)" || b.From != 1 || b.Total != 1001 {
		t.Errorf("%q from %d to %d", b.What, b.From, b.Total)
	}
}

// The list of refusals is written as CSV and is nobody else's to read.
func TestReport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.refused.csv")
	cmdtest.NoError(t, os.WriteFile(path, []byte("of another day"), 0o600))
	r := newReport(path)
	cmdtest.NoError(t, r.add(nil))
	cmdtest.NoError(t, r.close())
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old report stayed: %v", err)
	}
	r = newReport(path)
	cmdtest.NoError(t, r.add([]refusal{{line: 2, column: "ZJHM", reason: "a, b", accountNo: "0012"}, {line: 3, reason: `c "d"`, other: 2}}))
	cmdtest.NoError(t, r.close())
	if got := string(cmdtest.ReadFile(t, path)); got != "GRZH,line,column,reason\n0012,2,ZJHM,\"a, b\"\n,3,,\"c \"\"d\"\": line 2\"\n" {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}
