package roster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/store"
)

// rosterHeader names every column.
const rosterHeader = "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,DWZH,CSMM,JMMM"

// goodFields is a line of rosterHeader with an initial password; its ID number
// lies in region 99, which nobody has.
func goodFields() []string {
	return strings.Split("880000000001,张测试,01,990101195603070010,10012345678,01,9900001,id-last6,", ",")
}

func mustHeader(t testing.TB, line string) header {
	t.Helper()
	h, err := parseHeader(strings.Split(line, ","), false)
	cmdtest.NoError(t, err)
	return h
}

func TestParseHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, line, wrong string
		ignored           []int
	}{
		{"all", rosterHeader, "", nil},
		{"least", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM", "", nil},
		{"digests only", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,JMMM", "", nil},
		{"other order, case and blanks", " zjhm,GRZHZT , Csmm,grzh,zjlx,xingming", "", nil},
		{"more columns", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM,GRZHYE,XINGBIE", "", []int{7, 8}},
		{"no password", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT", "missing column CSMM or JMMM", nil},
		{"nothing known", "a,b", "missing column GRZH, XINGMING, ZJLX, ZJHM, GRZHZT, CSMM or JMMM", nil},
		{"twice", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM,grzh", "column GRZH stands twice", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := parseHeader(strings.Split(tt.line, ","), false)
			if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Fatalf("got %v", err)
			}
			if d := cmp.Diff(tt.ignored, h.ignored); err == nil && d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadLine(t *testing.T) {
	t.Parallel()
	h := mustHeader(t, rosterHeader)
	e, refusals := h.read(7, goodFields())
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	want := store.Person{
		Name: "张测试", IDType: "01", IDNumber: "990101195603070010", Phone: "10012345678",
		AccountNo: "880000000001", EmployerNo: "9900001",
	}
	if d := cmp.Diff(want, e.Person); d != "" {
		t.Error(d)
	}
	if e.Status != "01" || e.InitialRule != "id-last6" || e.line != 7 || len(e.DocumentKey) == 0 || e.digest.Kind() != "" {
		t.Errorf("got %+v", e)
	}
	spelt := goodFields()
	spelt[h.at[colPhone]] = "+86 100-1234-5678"
	if e, _ := h.read(7, spelt); e.Person != want {
		t.Errorf("got %+v", e.Person)
	}
}

// Each change of a good line, and the columns that are refused for it.
func TestReadLineChanged(t *testing.T) {
	t.Parallel()
	h := mustHeader(t, rosterHeader)
	const md5, sm3 = "{md5}0123456789abcdef0123456789abcdef", "{SM3}0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"
	tests := []struct {
		name    string
		change  map[string]string
		refused string
	}{
		{"blanks around", map[string]string{colAccountNo: " 880000000001\t", colStatus: " 01"}, ""},
		{"lower x and full width", map[string]string{colIDNumber: "９９０１０１１９５６０３０７００１０"}, ""},
		{"phone with prefix", map[string]string{colPhone: "+86 100-1234-5678"}, ""},
		{"no phone", map[string]string{colPhone: ""}, ""},
		{"no employer", map[string]string{colEmployer: ""}, ""},
		{"six digits for all", map[string]string{colRule: "111111"}, ""},
		{"md5", map[string]string{colRule: "", colDigest: md5}, ""},
		{"sm3 in upper case", map[string]string{colRule: "", colDigest: sm3}, ""},
		{"no account number", map[string]string{colAccountNo: ""}, "GRZH"},
		{"account number of 21", map[string]string{colAccountNo: strings.Repeat("8", 21)}, "GRZH"},
		{"account number with sign", map[string]string{colAccountNo: "88-1"}, "GRZH"},
		{"no name", map[string]string{colName: ""}, "XINGMING"},
		{"name of digits", map[string]string{colName: "12345"}, "XINGMING"},
		{"unknown type", map[string]string{colIDType: "77"}, "ZJLX"},
		{"check digit", map[string]string{colIDNumber: "990101195603070012"}, "ZJHM"},
		{"no such day", map[string]string{colIDNumber: "990101195602300011"}, "ZJHM"},
		{"phone with another country's prefix", map[string]string{colPhone: "+1 100-1234-5678"}, "SJHM"},
		{"short phone", map[string]string{colPhone: "1001234567"}, "SJHM"},
		{"phone of letters", map[string]string{colPhone: "1001234567x"}, "SJHM"},
		{"unknown status", map[string]string{colStatus: "07"}, "GRZHZT"},
		{"status of one digit", map[string]string{colStatus: "1"}, ""},
		{"employer with sign", map[string]string{colEmployer: "99/1"}, "DWZH"},
		{"unknown rule", map[string]string{colRule: "id-last7"}, "CSMM"},
		{"password in clear", map[string]string{colRule: "hunter"}, "CSMM"},
		{"rule without its data", map[string]string{colRule: "account-last6", colAccountNo: "123"}, "CSMM"},
		{"no password", map[string]string{colRule: ""}, "CSMM"},
		{"two passwords", map[string]string{colDigest: md5}, "CSMM"},
		{"digest without kind", map[string]string{colRule: "", colDigest: md5[5:]}, "JMMM"},
		{"digest of unknown kind", map[string]string{colRule: "", colDigest: "{crc}00"}, "JMMM"},
		{"digest too short", map[string]string{colRule: "", colDigest: md5[:20]}, "JMMM"},
		{"digest not hex", map[string]string{colRule: "", colDigest: md5[:36] + "g"}, "JMMM"},
		{"all at once", map[string]string{colAccountNo: "", colName: "", colIDType: "", colPhone: "1", colStatus: "", colRule: ""},
			"GRZH GRZHZT XINGMING ZJLX SJHM CSMM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fields := goodFields()
			for column, v := range tt.change {
				fields[h.at[column]] = v
			}
			_, refusals := h.read(1, fields)
			if got := columnsOf(refusals); got != tt.refused {
				t.Errorf("refused %q, want %q", got, tt.refused)
			}
		})
	}
	for _, fields := range [][]string{goodFields()[1:], append(goodFields(), "")} {
		if _, refusals := h.read(1, fields); len(refusals) != 1 || refusals[0].column != "" {
			t.Errorf("%d fields: got %+v", len(fields), refusals)
		}
	}
}

func columnsOf(refusals []refusal) string {
	var columns []string
	for _, r := range refusals {
		columns = append(columns, r.column)
	}
	return strings.Join(columns, " ")
}
