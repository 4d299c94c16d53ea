package terminal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"
)

// A table is as wide as it likes in a file, and as wide as the screen on one.
func TestPrintTable(t *testing.T) {
	t.Parallel()
	note := strings.TrimSpace(strings.Repeat("a long note 中文 ", 12))
	header := table.Row{"", "what", "note"}
	rows := []table.Row{{"ok", "FUNDPASS_ADDR", "short"}, {"fail", "FUNDPASS_DATABASE_URL", note}}
	wide := []table.Row{{strings.Repeat("x", 30), strings.Repeat("中", 20), note}}
	for _, c := range []struct {
		name  string
		rows  []table.Row
		width int
		lines int // 0: any number
		holds string
	}{
		{"file", rows, 0, 3, note},
		{"screen", rows, 80, 0, "fail"},
		{"wide screen", rows, 400, 3, note},
		{"too wide to fold", wide, 80, 0, "what  " + strings.Repeat("中", 20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			printTable(&out, header, c.rows, c.width)
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if c.lines > 0 && len(lines) != c.lines || !strings.Contains(out.String(), c.holds) {
				t.Errorf("got\n%s", out.String())
			}
			if c.width > 0 && widest(lines) > c.width {
				t.Errorf("%d columns:\n%s", widest(lines), out.String())
			}
		})
	}
}

// TestPrintTableFits checks that no line is wider than the screen, whatever the fields hold, and
// that folding loses nothing.
func TestPrintTableFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringMatching(`[a-zA-Z0-9/_. 中文字符，。（）]{0,120}`)
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		draw := func() (row table.Row) {
			for range columns {
				row = append(row, field.Draw(t, "field"))
			}
			return row
		}
		header := make(table.Row, columns)
		for i := range header {
			header[i] = rapid.StringMatching(`[a-z中文]{0,12}`).Draw(t, "heading")
		}
		rows := []table.Row{draw(), draw()}
		var out strings.Builder
		printTable(&out, header, rows, 80)
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimSuffix(line, "\n"); text.StringWidth(line) > 80 {
				t.Errorf("%d columns: %s", text.StringWidth(line), line)
			}
		}
		whole := fmt.Sprint(rows[0][columns-1])
		bare := strings.NewReplacer("\n", "", " ", "")
		if folded := Fold(whole, 40); bare.Replace(folded) != bare.Replace(whole) {
			t.Errorf("%q became %q", whole, folded)
		}
	})
}

// TestFold breaks at blanks and beside Chinese characters, and begins no line with a full stop.
func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"one two three", 8, "one two\nthree"},
		{"未设置；需要：小程序的 APPID", 14, "未设置；需要：\n小程序的 APPID"},
		{"请核对，再运行", 6, "请核\n对，再\n运行"},
		{"/etc/fundpass/key", 8, "/etc/fun\ndpass/ke\ny"},
		{"a\nb", 8, "a\nb"},
		{"no limit at all", 0, "no limit at all"},
	} {
		if got := Fold(c.text, c.width); got != c.want {
			t.Errorf("%q in %d: %q", c.text, c.width, got)
		}
	}
}
