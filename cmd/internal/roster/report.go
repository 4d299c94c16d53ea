package roster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// A report lists the refused lines: in a file GRZH,line,column,reason, which is
// created with the first of them unless path is empty, and for the screen by sums and the
// first ones.
type report struct {
	path          string
	file          *os.File
	out           *bufio.Writer
	shown         []refusal
	refusalCounts refusalCounts
}

// shownRefusals is how many refusals the screen shows.
const shownRefusals = 20

func newReport(path string) *report { return &report{path: path, refusalCounts: refusalCounts{}} }

func (r *report) add(all []refusal) error {
	if r.file == nil && len(all) > 0 && r.path != "" {
		if err := r.create(); err != nil {
			return err
		}
	}
	for _, one := range all {
		r.refusalCounts.add(one)
		if len(r.shown) < shownRefusals {
			r.shown = append(r.shown, one)
		}
		if r.file == nil {
			continue
		}
		if _, err := fmt.Fprintf(r.out, "%s,%d,%s,%s\n", one.accountNo, one.line, one.column, quoteField(one.text())); err != nil {
			return err
		}
	}
	return nil
}

func (r *report) create() (err error) {
	if r.file, err = os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return err
	}
	r.out = bufio.NewWriter(r.file)
	_, err = r.out.WriteString("GRZH,line,column,reason\n")
	return err
}

// quoteField writes a field of CSV.
func quoteField(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// close ends the file; without a refusal it removes that of an earlier run.
func (r *report) close() error {
	if r.path == "" {
		return nil
	}
	if r.file == nil {
		if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return errors.Join(r.out.Flush(), r.file.Close())
}

// A summary is what a command prints when it ends.
type summary struct {
	store.Counts
	read, timed   int64              // lines: all of them, and those that took this run's time
	plan          *store.Plan        // nil: the lines were not compared
	kinds         []store.ChangeKind // what the differences change; nil if the lines were not compared
	before, after []string           // sentences before and after those about the file
}

// print says what happened, or would happen, and what to do next.
func (m *intake) print(w terminal.Stdio, s summary, took time.Duration) {
	l, out := w.Language, w.Out
	m.report.print(w, s.Refused)
	fmt.Fprintln(out, m.roster.name)
	head := []string{"read", "added", "updated", "unchanged", "refused"}
	row := table.Row{s.read, s.Added, s.Updated, s.Unchanged, s.Refused}
	if s.plan != nil {
		head, row = append(head, "not in the file"), append(row, s.plan.Missing)
	}
	terminal.PrintTable(out, l.Row(append(head, "seconds", "rows/s")...),
		[]table.Row{append(row, math.Round(took.Seconds()*10)/10, terminal.PerSecond(s.timed, took))})
	printKinds(w, s.kinds)
	if s.plan == nil && m.header.has(colDigest) {
		terminal.PrintTable(out, l.Row("password", "lines", "found to be initial", "among the commonest"), kindRows(m.kinds))
	}
	if s.LinksMoved+s.LinksEnded+s.ChangesCancelled > 0 {
		terminal.PrintTable(out, l.Row("links moved", "links ended", "changes cancelled"),
			[]table.Row{{s.LinksMoved, s.LinksEnded, s.ChangesCancelled}})
	}
	for _, sentence := range slices.Concat(s.before, m.notes(), s.after) {
		fmt.Fprintln(out, sentence)
	}
}

// print shows the sums and the first refusals.
func (r *report) print(w terminal.Stdio, lines int64) {
	l, out := w.Language, w.Out
	if len(r.shown) == 0 {
		return
	}
	rows := make([]table.Row, len(r.shown))
	for i, one := range r.shown {
		rows[i] = table.Row{one.line, one.column, one.textIn(l)}
	}
	fmt.Fprintln(out, l.T("refused lines: %d", lines))
	terminal.PrintTable(out, l.Row("lines", "column", "reason"), r.refusalCounts.rows(l))
	fmt.Fprintln(out)
	terminal.PrintTable(out, l.Row("line", "column", "reason"), rows)
	if len(r.shown) == shownRefusals && r.path != "" {
		fmt.Fprintln(out, l.T("All of them are in %s.", r.path))
	}
	fmt.Fprintln(out)
}

// newMeter shows the progress of an import.
func newMeter(out io.Writer, m *intake) *terminal.Meter {
	what := "import"
	if m.header.has(colDigest) {
		what = "import, hashing old passwords (slow)"
	}
	return m.startMeter(out, what, "lines", m.begun.Lines, m.roster.lines)
}

func (m *intake) startMeter(out io.Writer, what, unit string, from, total int64) *terminal.Meter {
	b := &terminal.Meter{Out: out, Language: m.language, What: what, Unit: unit, From: from, Total: total}
	b.Start()
	return b
}
