package terminal

import (
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
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
		{"too wide to fold", wide, 80, 4, "what  " + strings.Repeat("中", 20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			printTable(&out, header, c.rows, c.width)
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if c.lines > 0 && len(lines) != c.lines || !strings.Contains(out.String(), c.holds) {
				t.Errorf("got\n%s", out.String())
			}
			if c.name == "screen" && widest(lines) > c.width {
				t.Errorf("%d columns:\n%s", widest(lines), out.String())
			}
		})
	}
}
