package roster

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

// oneName is a roster of one Chinese citizen.
func oneName(name string) string {
	return five + "880000000001," + name + ",01,990101195603070010,,01,,id-last6\n"
}

const tan = "\xcc\xb7\xce\xb0" // 谭伟 in GBK, U+0337 U+03B0 in UTF-8

// refusedWhole runs a command on a file that it must refuse before anything is written.
func refusedWhole(t *testing.T, s *cmdtest.ServerEnv, content string, args ...string) string {
	t.Helper()
	path := cmdtest.TempFile(t, content)
	r := cmdtest.Run(t, s.Env(), append(args, path)...)
	if r.Err == nil || terminal.Status(r.Err) != 1 {
		t.Fatalf("%v\n%s", r.Err, r.Out)
	}
	if _, err := os.Stat(path + ".refused.csv"); err == nil {
		t.Error("there is a file of refusals")
	}
	return r.Err.Error() + r.Out
}

// A file is in one encoding; where two are possible, or two are there, nothing of it
// is written, and the first line that shows it is named.
func TestAmbiguousEncoding(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	gbk := toGB18030(t, oneName("王五"))
	for _, tt := range []struct{ name, content, want string }{
		{"both ways", oneName(tan), "line 2 reads in UTF-8 and in GB18030"},
		{"both ways, of another pair", oneName("\xd8\x91\xdf\xbf"), "line 2 reads in UTF-8 and in GB18030"},
		{"both ways, further down", five + strings.Repeat(anna+"\n", 3) + oneName(tan)[len(five):], "line 5 reads"},
		{"a UTF-8 line in GBK", gbk + oneName("李四")[len(five):] + gbk[len(five):], "line 3 is UTF-8, other lines are GB18030"},
		{"a GBK line in UTF-8", oneName("王五") + oneName("李四")[len(five):] + gbk[len(five):], "line 4 is GB18030, other lines are UTF-8"},
		{"a GBK line after the mark of UTF-8", "\ufeff" + gbk, "line 2 is GB18030, other lines are UTF-8"},
		{"neither", oneName("\xff\xff"), "line 2 is neither UTF-8 nor GB18030"},
		{"UTF-32", "\xff\xfe\x00\x00G\x00\x00\x00", "UTF-32"},
		{"a workbook", "PK\x03\x04\x00\x00\x00\x00\x08", "no text"},
	} {
		for _, command := range []string{"import", "sync"} {
			got := refusedWhole(t, s, tt.content, command)
			cmdtest.WantIn(t, got, tt.want)
			if strings.Contains(got, "王五") || strings.Contains(got, "8800000") {
				t.Errorf("%s: %s", tt.name, got)
			}
		}
	}
	if n := countAccounts(s); n != 0 {
		t.Errorf("%d accounts", n)
	}
}

func countAccounts(s *cmdtest.ServerEnv) int {
	s.T.Helper()
	rows := tablesOf(s)
	accounts, _, _ := strings.Cut(rows, "\n\n")
	return len(strings.Fields(accounts))
}

// Other lines, a mark or the operator say how such a line reads.
func TestEncodingIsKnown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content string
		args          []string
		want          string
	}{
		{"by other lines in GBK", oneName(tan) + toGB18030(t, "880000000002,王五,01,990101195603070029,,01,,id-last6\n"), nil, "谭伟"},
		{"by the operator", oneName(tan), []string{"--encoding", "gb18030"}, "谭伟"},
		{"by the operator, in capitals", oneName(tan), []string{"--encoding", "GB18030"}, "谭伟"},
		{"by a mark", "\x84\x31\x95\x33" + oneName(tan), nil, "谭伟"},
		{"UTF-8 alone", oneName("王五"), nil, "王五"},
		{"GBK alone", toGB18030(t, oneName("王五")), nil, "王五"},
		{"rare in GBK", toGB18030(t, oneName("赵喆堃")), nil, "赵喆堃"},
		{"a dot and Latin letters", oneName("JOSÉ NÚÑEZ"), nil, "JOSÉ NÚÑEZ"},
		{"UTF-16LE without a mark", toUTF16(oneName("谭伟"), 0), nil, "谭伟"},
		{"UTF-16BE without a mark", toUTF16(oneName("谭伟"), 1), nil, "谭伟"},
		{"UTF-16LE with a mark", toUTF16("\ufeff"+oneName("谭伟"), 0), nil, "谭伟"},
		{"UTF-16BE with a mark", toUTF16("\ufeff"+oneName("谭伟"), 1), nil, "谭伟"},
		{"UTF-16LE by the operator", toUTF16(oneName("谭伟"), 0), []string{"--encoding", "utf-16le"}, "谭伟"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := cmdtest.NewEnv(t)
			mustImport(s, append(tt.args, cmdtest.TempFile(t, tt.content), "--allow-refused")...)
			if a := s.Account(s.Open(), "01", "990101195603070010", ""); a == nil || a.Person.Name != tt.want {
				t.Errorf("got %+v", a)
			}
		})
	}
}

// toUTF16 writes the byte of a character's lower half at first.
func toUTF16(s string, first int) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		pair := [2]byte{}
		pair[first], pair[1-first] = byte(u), byte(u>>8)
		out = append(out, pair[:]...)
	}
	return string(out)
}

// Where the operator is wrong, no name of another encoding is stored.
func TestWrongEncodingSaid(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	for _, tt := range []struct{ name, content, as, want string }{
		{"a name of no script", oneName(tan), "utf-8", "begins with a combining mark"},
		{"a UTF-8 line in GBK", toGB18030(t, oneName("李四")) + oneName("王五")[len(five):], "gb18030", "not in the file's encoding"},
		{"a GBK line in UTF-8", oneName("李四") + toGB18030(t, oneName("王五"))[len(five):], "utf-8", "not in the file's encoding"},
	} {
		path := cmdtest.TempFile(t, tt.content)
		r := cmdtest.Run(t, s.Env(), "import", path, "--encoding", tt.as)
		if terminal.Status(r.Err) != exitRefused {
			t.Errorf("%s: %v", tt.name, r.Err)
		}
		cmdtest.WantIn(t, r.Out, tt.want)
	}
	cmdtest.WantIn(t, refusedWhole(t, s, "\ufeff"+five, "import", "--encoding", "gb18030"), "its beginning is utf-8, not gb18030")
	cmdtest.WantIn(t, refusedWhole(t, s, toUTF16(five, 0), "import", "--encoding", "utf-16be"), "its beginning is utf-16le, not utf-16be")
	cmdtest.WantIn(t, refusedWhole(t, s, toUTF16(five, 0)+"x", "import"), "is not utf-16le")
	cmdtest.WantIn(t, refusedWhole(t, s, five, "import", "--encoding", "latin1"), "one of utf-8, gb18030")
}

// Every pair of GBK that is also a character of UTF-8 is found to be both.
func TestEveryPair(t *testing.T) {
	t.Parallel()
	for lead := 0xC2; lead <= 0xDF; lead++ {
		for trail := 0x80; trail <= 0xBF; trail++ {
			name := string([]byte{byte(lead), byte(trail)})
			if got := read("1," + name + ",2"); got != readsBoth {
				t.Fatalf("%x reads %d", name, got)
			}
		}
	}
}

// Names that people have are found to be in the encoding that they are in.
func TestReading(t *testing.T) {
	t.Parallel()
	var wrong, both int
	for i := range int64(5000) {
		line := sample{5000, 7}.line(i)
		gb := toGB18030(t, line)
		switch {
		case isASCII(line):
			continue
		case read(line) == readsGB18030, read(gb) == readsUTF8:
			wrong++
		case read(line) == readsBoth, read(gb) == readsBoth:
			both++
		}
	}
	if wrong > 0 || both > 100 {
		t.Errorf("%d wrong, %d undecided", wrong, both)
	}
}

// Files without line feeds are refused, and nothing of a row is taken for a name of
// a column, or printed.
func TestLineEnds(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	rows := oneName("canary")
	for _, tt := range []struct{ name, content, want string }{
		{"CR only", strings.ReplaceAll(rows, "\n", "\r"), "line 1: a carriage return"},
		{"CR only, long", strings.ReplaceAll(strings.Repeat(rows, 1000), "\n", "\r"), "line 1: a carriage return"},
		{"CR after the first line", five + strings.ReplaceAll(rows[len(five):], "\n", "\r") + "x", "line 2: a carriage return"},
		{"CR only in UTF-16", toUTF16(strings.ReplaceAll(rows, "\n", "\r"), 0), "line 1: a carriage return"},
		{"semicolons", strings.ReplaceAll(rows, ",", ";"), "no comma"},
		{"tabs", strings.ReplaceAll(rows, ",", "\t"), "no comma"},
		{"no first line", rows[len(five):], "missing column GRZH"},
	} {
		for _, command := range []string{"import", "sync"} {
			got := refusedWhole(t, s, tt.content, command)
			cmdtest.WantIn(t, got, tt.want)
			if strings.Contains(got, "canary") || strings.Contains(got, "990101") {
				t.Errorf("%s: %s", tt.name, got)
			}
		}
	}
	first := strings.TrimSuffix(five, "\n") + ",canary\n"
	for _, content := range []string{first, strings.ReplaceAll(first, "\n", "\r\n"), strings.ReplaceAll(first, "\n", "\r\r\n")} {
		out := mustImport(s, cmdtest.TempFile(t, content))
		cmdtest.WantIn(t, out, counts(0, 0, 0, 0, 0), "Not read: columns 9.")
		if strings.Contains(out, "canary") {
			t.Error(out)
		}
	}
}

// A field that nobody reads may be in any encoding.
func TestEncodingOfOtherColumns(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := cmdtest.TempFile(t, strings.TrimSpace(five)+",GZDWMC\n"+zhang+",\xff\n")
	cmdtest.WantIn(t, mustImport(s, path, "--encoding", "utf-8"), counts(1, 1, 0, 0, 0), "Not read: columns 9.")
}

// What was read in one encoding does not go on in another.
func TestRestartInAnotherEncoding(t *testing.T) {
	t.Parallel()
	path := cmdtest.TempFile(t, oneName("王五"))
	seen := map[string]bool{}
	for _, as := range []encoding{inUTF8, inGB18030} {
		r, err := fileRoster(path, as)
		cmdtest.NoError(t, err)
		seen[fmt.Sprintf("%x", r.digest)] = true
	}
	if len(seen) != 2 {
		t.Error("one digest")
	}
}
