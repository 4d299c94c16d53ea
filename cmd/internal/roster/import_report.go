package roster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// A report is the list of refused lines: a file GRZH,line,column,reason, which is
// made with the first of them unless path is empty, and the sums and the first ones
// for the screen.
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

// close writes what is left; without a refusal it removes an earlier report.
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

// summary says what happened and what to do next.
func (m *importer) summary(w terminal.Stdio, p store.Progress, took time.Duration) {
	l, out := w.Language, w.Out
	m.report.print(w, p.Refused)
	fmt.Fprintln(out, m.roster.name)
	terminal.PrintTable(out, l.Row("read", "added", "updated", "unchanged", "refused", "seconds", "rows/s"), []table.Row{{
		p.Added + p.Updated + p.Unchanged + p.Refused, p.Added, p.Updated, p.Unchanged, p.Refused,
		math.Round(took.Seconds()*10) / 10, terminal.PerSecond(p.Lines-m.begun.Lines, took),
	}})
	if m.header.has(colDigest) {
		terminal.PrintTable(out, l.Row("password", "lines", "found to be initial", "among the commonest"), kindRows(m.kinds))
	}
	printLinks(w, p.Counts)
	if m.begun.Lines > 0 {
		fmt.Fprintln(out, l.T("An earlier run did the first %d lines; seconds, rows/s and initial passwords found are of this one.", m.begun.Lines))
	}
	m.printNotes(w)
	if p.Refused > 0 {
		fmt.Fprintln(out, l.T("Next: correct the lines of %s at their source and import the new file: what did not change writes nothing.", m.report.path))
		return
	}
	fmt.Fprintln(out, l.T("Next: fundpass check, then fundpass serve."))
}

// printLinks says what became of links and changes, if anything.
func printLinks(w terminal.Stdio, c store.Counts) {
	if c.LinksMoved+c.LinksEnded+c.ChangesCancelled == 0 {
		return
	}
	terminal.PrintTable(w.Out, w.Language.Row("links moved", "links ended", "changes cancelled"),
		[]table.Row{{c.LinksMoved, c.LinksEnded, c.ChangesCancelled}})
}

// print shows the first refusals.
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

// hint adds what to do after an import that did not end.
func (m *importer) hint(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("%w: another import of this file was begun meanwhile; wait for it and start this one again", err)
	case errors.Is(err, context.Canceled), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrUnknownOutcome):
		return fmt.Errorf("%w: the same command goes on where this one stopped", err)
	}
	return err
}

func newMeter(out io.Writer, m *importer) *terminal.Meter {
	what := "import"
	if m.header.has(colDigest) {
		what = "import, hashing old passwords (slow)"
	}
	b := &terminal.Meter{Out: out, What: what, Unit: "lines", From: m.begun.Lines, Total: m.roster.lines}
	b.Start()
	return b
}
