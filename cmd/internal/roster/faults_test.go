package roster

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

const noPhone = "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM\n"

// importRefused runs a command whose lines are refused and returns what it says, and its
// file of refusals.
func importRefused(s *cmdtest.ServerEnv, args ...string) (out, report string) {
	s.T.Helper()
	r := cmdtest.Run(s.T, s.Env(), args...)
	if terminal.Status(r.Err) != exitRefused {
		s.T.Fatalf("exit %d: %v\n%s", terminal.Status(r.Err), r.Err, r.Out)
	}
	content, err := os.ReadFile(args[1] + ".refused.csv")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.T.Fatal(err)
	}
	return strings.Join(strings.Fields(r.Out), " "), string(content)
}

// An account that lost the zeros in front of its number is not a second account.
func TestLostLeadingZeros(t *testing.T) {
	t.Parallel()
	const old = "000012345678,ANNA,03,XA9901041,01,id-last6\n"
	for _, tt := range []struct{ name, lost string }{
		{"all", "12345678,ANNA,03,XA9901041,01,id-last6\n"},
		{"some", "0012345678,ANNA,03,XA9901041,01,id-last6\n"},
		{"and the name", "12345678,MARIA,03,XA9901041,02,id-last6\n"},
		{"or gained some", "0000012345678,ANNA,03,XA9901041,01,id-last6\n"},
	} {
		for _, command := range []string{"import", "sync"} {
			t.Run(tt.name+" "+command, func(t *testing.T) {
				t.Parallel()
				s := cmdtest.NewEnv(t)
				mustImport(s, cmdtest.TempFile(t, noPhone+old))
				path := cmdtest.TempFile(t, noPhone+tt.lost)
				for range 2 { // the second time the file is known
					out, report := importRefused(s, command, path)
					number, _, _ := strings.Cut(tt.lost, ",")
					cmdtest.WantIn(t, report, number+",2,GRZH,\""+reasonShortened+"\"")
					cmdtest.WantIn(t, out, "Look at the file: 1 lines have account numbers of")
				}
				if command == "sync" {
					dry, _ := importRefused(s, command, path, "--dry-run")
					cmdtest.WantIn(t, dry, reasonShortened, "Nothing changed")
				}
				if n := countAccounts(s); n != 1 {
					t.Errorf("%d accounts", n)
				}
			})
		}
	}
}

// The same in one file: the line that is first counts. Accounts that are there, and
// those of other people, are not touched by it.
func TestLeadingZerosWithinFile(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"import", "sync"} {
		s := cmdtest.NewEnv(t)
		path := cmdtest.TempFile(t, noPhone+
			"000012345678,ANNA,03,XA9901041,01,id-last6\n"+
			"12345678,ANNA,03,XA9901041,01,id-last6\n"+
			"012345678,MARIA,03,XA9901042,01,id-last6\n"+
			"880012345678,ANNA,03,XA9901041,02,id-last6\n")
		out, report := importRefused(s, command, path)
		cmdtest.WantIn(t, report, "12345678,3,GRZH,")
		if n := countAccounts(s); n != 3 || strings.Count(report, "\n") != 2 {
			t.Errorf("%s: %d accounts\n%s\n%s", command, n, out, report)
		}
		importRefused(s, command, path)
	}
}

// Numbers that spreadsheets spoilt are named as such.
func TestSpoiltNumbers(t *testing.T) {
	t.Parallel()
	h := mustHeader(t, rosterHeader)
	for _, tt := range []struct{ column, value, want string }{
		{colIDNumber, "1.23E+17", "scientific notation"},
		{colIDNumber, "9.90101195603E+17", "scientific notation"},
		{colIDNumber, "990101195603070000", "15 digits"},
		{colPhone, "1.00123E+10", "scientific notation"},
		{colPhone, "1E+10", "scientific notation"},
		{colPhone, "10012345678.0", "decimal places"},
		{colAccountNo, "8.8E+11", "scientific notation"},
		{colEmployer, "9.9E+06", "scientific notation"},
		{colAccountNo, "#####", "too narrow"},
		{colIDNumber, "990101195603070012", "wrong check digit"},
	} {
		fields := goodFields()
		fields[h.at[tt.column]] = tt.value
		_, refusals := h.read(1, fields)
		if len(refusals) == 0 || refusals[0].column != tt.column || !strings.Contains(refusals[0].reason, tt.want) || strings.Contains(refusals[0].reason, tt.value) {
			t.Errorf("%s of %s: %+v", tt.value, tt.column, refusals)
		}
	}
}

// One cut number in eleven has the right check digit; beside one that is surely cut
// it is refused, and alone it is what one in a thousand people has.
func TestCutNumbers(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	const right, wrong = "990101195603073000", "990101195603070000"
	if _, err := document.Parse("01", right); err != nil {
		t.Fatal(err)
	}
	one := "880000000001,张测试,01," + right + ",01,id-last6\n"
	mustImport(s, cmdtest.TempFile(t, noPhone+one))
	_, report := importRefused(s, "import", cmdtest.TempFile(t, noPhone+one+"880000000002,王五,01,"+wrong+",01,id-last6\n"))
	cmdtest.WantIn(t, report, "880000000001,2,ZJHM,\"ends in 000", "880000000002,3,ZJHM,\"ends in 000")
}

// A file whose numbers are of another length than those held is warned of.
func TestOtherLengths(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	mustImport(s, cmdtest.TempFile(t, noPhone+"000012345678,ANNA,03,XA9901041,01,id-last6\n"))
	path := cmdtest.TempFile(t, noPhone+"87654321,MARIA,03,XA9901042,01,id-last6\n")
	for _, out := range []string{mustSync(s, path, "--dry-run"), mustImport(s, path)} {
		cmdtest.WantIn(t, out, "Look at the file: 1 lines have account numbers of 8 characters; those held before have 12.")
	}
	if out := mustImport(s, path); strings.Contains(out, "Look at the file") {
		t.Errorf("both lengths are held by now: %s", out)
	}
}

// Codes of one digit are what they were before a spreadsheet; other marks of one are
// named.
func TestSpreadsheetCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := cmdtest.TempFile(t, five+strings.Replace(strings.Replace(zhang, ",01,99", ",1,99", 1), ",01,", ",1,", 1)+"\n")
	cmdtest.WantIn(t, mustImport(s, path), counts(1, 1, 0, 0, 0), "in 1 lines a code has one digit and was read as two, 1 as 01")
	if a := s.Account(s.Open(), "01", "990101195603070010", ""); a == nil || a.Status != "01" || a.Person.IDType != "01" {
		t.Errorf("got %+v", a)
	}
	h := mustHeader(t, rosterHeader)
	for _, tt := range []struct{ value, want string }{{"'%s", "apostrophe"}, {`="%s"`, "formula"}, {"‘%s", "apostrophe"}} {
		for column, at := range h.at {
			fields := goodFields()
			if column == colDigest {
				fields[h.at[colRule]] = ""
			}
			fields[at] = fmt.Sprintf(tt.value, fields[at])
			_, refusals := h.read(1, fields)
			if len(refusals) == 0 || !strings.Contains(refusals[0].reason, tt.want) {
				t.Errorf("%s in %s: %+v", tt.value, column, refusals)
			}
		}
	}
	fields := goodFields()
	fields[h.at[colName]], fields[h.at[colIDType]], fields[h.at[colIDNumber]] = "'ANNA", "03", "XA9901041"
	if _, refusals := h.read(1, fields); columnsOf(refusals) != colName {
		t.Errorf("'ANNA: %+v", refusals)
	}
}

// A status that restricts an account that is there applies even where another field
// of its line is refused, and only such a status, and only there.
func TestStatusOfRefusedLine(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"import", "sync"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := cmdtest.NewEnv(t)
			f := newNightFile(8)
			mustImport(s, f.write(t))
			db := s.Open()
			linkLine(s, db, f.at(0), f.order[0])
			linkLine(s, db, f.at(1), f.order[1])
			f.at(0).status, f.at(0).phone = store.StatusFrozen, "broken"
			f.at(1).status, f.at(1).name = store.StatusClosed, "AN?NA"
			f.at(2).status, f.at(2).number = store.StatusMoved, "1.23E+17"
			f.at(3).status, f.at(3).phone = store.StatusSealed, "broken" // restricts nobody
			f.at(4).status, f.at(4).phone = "07", "broken"
			f.at(5).name = "MARIA"
			f.at(6).name, f.at(6).phone = "ELENA", "broken"
			f.at(7).status, f.at(7).name = store.StatusFrozen, "\xff\xff" // in no encoding
			f.add("880099999999", "XA0999999").phone = "broken"
			f.at(8).status = store.StatusFrozen // of nobody
			path := f.write(t)
			out, report := importRefused(s, command, path, "--encoding", "utf-8")
			cmdtest.WantIn(t, report, f.order[0]+",2,GRZHZT,\""+reasonStatus, f.order[1]+",3,GRZHZT,", f.order[2]+",4,GRZHZT,", f.order[4]+",6,GRZHZT,\"not one of")
			cmdtest.WantIn(t, out, "4 GRZHZT "+reasonStatus, links(0, 1, 2))
			if strings.Count(report, reasonStatus) != 4 {
				t.Error(report)
			}
			for i, want := range []string{"06", "05", "04", "01", "01", "01", "01", "06"} {
				a := s.Account(db, document.Passport, fmt.Sprintf("XA%07d", i), "")
				if want == "05" || want == "04" {
					a = s.Account(db, document.Passport, fmt.Sprintf("XA%07d", i), f.order[i])
				}
				if a == nil || a.Status != want || a.Person.Phone != "10012345678" {
					t.Errorf("account %d: %+v, want %s", i, a, want)
				}
			}
			before := tablesOf(s)
			importRefused(s, command, path, "--encoding", "utf-8")
			if tablesOf(s) != before {
				t.Error("the same file again changed something")
			}
			f.at(0).status, f.at(0).phone = store.StatusNormal, "10012345678" // the freeze is lifted
			mustSync(s, f.write(t, 0))
			if a := s.Account(db, document.Passport, f.at(0).number, ""); a == nil || a.Status != "01" {
				t.Errorf("it stays frozen: %+v", a)
			}
		})
	}
}

// A command that refused lines says so by its exit status; the file of refusals has
// what finds a line again, the screen has sums.
func TestRefusedLines(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	text := noPhone
	for i := range 30 {
		text += fmt.Sprintf("%012d,王五%d,01,990101195603070010,01,id-last6\n", 100+i, i)
	}
	path := cmdtest.TempFile(t, text+"000000000200,ANNA,77,XA9901041,01,id-last6\n")
	for _, command := range []string{"import", "sync"} {
		out, report := importRefused(s, command, path)
		cmdtest.WantIn(t, report, "GRZH,line,column,reason\n000000000100,2,XINGMING,\"not a name: contains a digit\"\n", "\n000000000200,32,ZJLX,")
		cmdtest.WantIn(t, out, "refused lines: 31 lines column reason 30 XINGMING not a name: contains a digit 1 ZJLX unknown document type")
		for _, secret := range []string{"王五", "ANNA", "990101", "XA99", "000000000100"} {
			if strings.Contains(out, secret) || secret != "000000000100" && strings.Contains(report, secret) {
				t.Errorf("%s is told", secret)
			}
		}
		if r := cmdtest.Run(t, s.Env(), command, path, "--allow-refused"); r.Err != nil {
			t.Error(r.Err)
		}
		if r := cmdtest.Run(t, s.Env(), command, "--help"); !strings.Contains(r.Out, "status is 3 (0 with") || !strings.Contains(r.Out, "--encoding") {
			t.Error(r.Out)
		}
	}
}

// A password that everybody tries first is one that its owner must change.
func TestCommonPasswordBehindDigest(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	md5, sm3 := legacySum("md5"), legacySum("sm3")
	out := mustImport(s, cmdtest.TempFile(t, "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,JMMM\n"+
		"880000000001,ANNA,03,XA9901041,01,{md5}"+md5("123456")+"\n"+
		"880000000002,ANNA,03,XA9901042,01,{sm3}"+sm3("woaini1314")+"\n"+
		"880000000003,ANNA,03,XA9901043,01,{md5}"+md5("Willow-Harbor-69")+"\n"))
	cmdtest.WantIn(t, out, "among the commonest md5 2 0 1 sm3 1 0 1")
	for i, want := range []string{store.PasswordMustChange, store.PasswordMustChange, store.PasswordSet} {
		a := s.Account(s.Open(), "03", fmt.Sprintf("XA990104%d", i+1), "")
		if a == nil || a.State != want || a.Hash == "" || a.InitialRule != "" {
			t.Errorf("%d: %+v", i, a)
		}
	}
}

// A sync asks for no password of accounts that are there; a new one needs it.
func TestSyncWithoutPasswordColumn(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	mustImport(s, cmdtest.TempFile(t, noPhone+"880000000001,ANNA,03,XA9901041,01,id-last6\n"))
	const bare = "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT\n"
	path := cmdtest.TempFile(t, bare+"880000000001,ANNA,03,XA9901041,06\n")
	cmdtest.WantIn(t, mustSync(s, path), synced(1, 0, 1, 0, 0, 0), "Done.")
	cmdtest.WantIn(t, mustSync(s, path), synced(1, 0, 0, 1, 0, 0))
	out, report := importRefused(s, "sync", cmdtest.TempFile(t, bare+"880000000001,ANNA,03,XA9901041,02\n880000000002,MARIA,03,XA9901042,01\n"))
	cmdtest.WantIn(t, out, synced(2, 0, 1, 0, 1, 0))
	cmdtest.WantIn(t, report, "880000000002,3,CSMM,\""+reasonNoRule)
	cmdtest.WantIn(t, mustSync(s, cmdtest.TempFile(t, noPhone+"880000000001,ANNA,03,XA9901041,01,\n")), synced(1, 0, 1, 0, 0, 0))
	if a := s.Account(s.Open(), "03", "XA9901041", ""); a == nil || a.State != store.PasswordInitial || a.InitialRule != "id-last6" || a.Status != "01" {
		t.Errorf("got %+v", a)
	}
	cmdtest.WantIn(t, refusedWhole(t, s, bare, "import"), "missing column CSMM or JMMM")
}

// An import does not end the link of an account merged into one further down, be it
// batches later.
func TestImportMergesIntoLaterLine(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(2*legacyPiece + 2)
	mustImport(s, f.write(t))
	db := s.Open()
	for i := range 3 {
		linkLine(s, db, f.at(i), f.order[i])
		f.at(i).status = store.StatusMerged
	}
	f.add("880099999998", f.at(0).number)
	f.add("880099999999", f.at(2).number).status = store.StatusClosed // no account to go to
	text := string(cmdtest.ReadFile(t, f.write(t)))
	text = strings.ReplaceAll(strings.Replace(text, "CSMM", "CSMM,JMMM", 1), "id-last6", "id-last6,") // small pieces
	cmdtest.WantIn(t, mustImport(s, cmdtest.TempFile(t, text)), counts(2*legacyPiece+4, 2, 3, 2*legacyPiece-1, 0), links(1, 2, 3))
	moved, err := db.Session(t.Context(), digestOf(f.order[0]))
	cmdtest.NoError(t, err)
	if a, err := db.LinkedAccount(t.Context(), moved.Link.AccountID); err != nil || a.Person.AccountNo != "880099999998" {
		t.Errorf("linked to %s, %v", a.Person.AccountNo, err)
	}
}
