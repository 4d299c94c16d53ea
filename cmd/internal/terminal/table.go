package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// leastColumn is the least width to which the last column of a table is folded.
const leastColumn = 24

// PrintTable writes aligned columns without lines between them. It folds nothing in a file
// or a pipe, so that a path can be copied and a line can be searched for. On a terminal it
// folds the last column at blanks, so that no line is wider than the screen.
func PrintTable(out io.Writer, header table.Row, rows []table.Row) {
	printTable(out, header, rows, screenWidth(out))
}

// screenWidth returns the columns of a terminal, or 0 for anything else.
func screenWidth(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return width
}

func printTable(out io.Writer, header table.Row, rows []table.Row, width int) {
	lines := render(header, rows, 0)
	if width > 0 && widest(lines) > width {
		last := width - widest(render(withoutLast(header), rowsWithoutLast(rows), 0)) - 3 // the gap between columns
		if last < leastColumn {
			printRecords(out, header, rows)
			return
		}
		lines = render(header, rows, last)
	}
	for _, line := range lines {
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
}

// render returns the lines of a table whose last column is at most last wide; 0 is no limit.
func render(header table.Row, rows []table.Row, last int) []string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	if last > 0 {
		t.SetColumnConfigs([]table.ColumnConfig{{Number: len(header), WidthMax: last, WidthMaxEnforcer: text.WrapSoft}})
	}
	t.AppendHeader(header)
	t.AppendRows(rows)
	return strings.Split(t.Render(), "\n")
}

func widest(lines []string) (most int) {
	for _, line := range lines {
		most = max(most, text.StringWidthWithoutEscSequences(strings.TrimRight(line, " ")))
	}
	return most
}

func withoutLast(row table.Row) table.Row { return row[:max(0, len(row)-1)] }

func rowsWithoutLast(rows []table.Row) []table.Row {
	all := make([]table.Row, len(rows))
	for i, row := range rows {
		all[i] = withoutLast(row)
	}
	return all
}

// printRecords writes a table that is too wide for any folding: a line for each field, an empty
// line after each row.
func printRecords(out io.Writer, header table.Row, rows []table.Row) {
	most := 0
	for _, name := range header {
		most = max(most, text.StringWidthWithoutEscSequences(fmt.Sprint(name)))
	}
	for _, row := range rows {
		for i, field := range row {
			fmt.Fprintf(out, "%s  %v\n", text.Pad(fmt.Sprint(header[i]), most, ' '), field)
		}
		fmt.Fprintln(out)
	}
}
