package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// leastColumn is the least width to which the last column of a table is folded.
const leastColumn = 24

// PrintTable writes aligned columns without lines between them. It folds nothing in a file
// or a pipe, so that a path can be copied and a line can be searched for. On a terminal it
// folds the last column, so that no line is wider than the screen. The texts are in the
// language of the reader already.
func PrintTable(out io.Writer, header table.Row, rows []table.Row) {
	printTable(out, header, rows, screenWidth(out))
}

func printTable(out io.Writer, header table.Row, rows []table.Row, width int) {
	lines := render(header, rows, 0)
	if width > 0 && widest(lines) > width {
		last := width - widest(render(withoutLast(header), rowsWithoutLast(rows), 0)) - 3 // the gap between columns
		if last < leastColumn {
			printRecords(out, header, rows, width)
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
		t.SetColumnConfigs([]table.ColumnConfig{{Number: len(header), WidthMax: last, WidthMaxEnforcer: Fold}})
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
func printRecords(out io.Writer, header table.Row, rows []table.Row, width int) {
	for _, row := range rows {
		pairs := make([][2]string, len(row))
		for i, field := range row {
			pairs[i] = [2]string{fmt.Sprint(header[i]), fmt.Sprint(field)}
		}
		printPairs(out, "", pairs, width)
		fmt.Fprintln(out)
	}
}

// PrintPairs writes names and descriptions in two columns, the second folded as in PrintTable.
func PrintPairs(out io.Writer, pairs [][2]string) { printPairs(out, "", pairs, screenWidth(out)) }

func printPairs(out io.Writer, indent string, pairs [][2]string, width int) {
	most := 0
	for _, p := range pairs {
		most = max(most, text.StringWidthWithoutEscSequences(p[0]))
	}
	left := 0
	if width > 0 {
		left = max(width-len(indent)-most-2, 1)
	}
	for _, p := range pairs {
		name := p[0]
		for line := range strings.SplitSeq(Fold(p[1], left), "\n") {
			fmt.Fprintln(out, strings.TrimRight(indent+text.Pad(name, most, ' ')+"  "+line, " "))
			name = ""
		}
	}
}
