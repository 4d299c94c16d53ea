package roster

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// counts are what the report says: what was done, or before that, what would be.
func (s *syncer) counts() store.Counts {
	c := s.ahead
	if s.done.FinishedAt == nil {
		return c
	}
	c.Added, c.Updated = s.done.Added, s.done.Updated
	c.LinksMoved, c.LinksEnded, c.ChangesCancelled = s.done.LinksMoved, s.done.LinksEnded, s.done.ChangesCancelled
	c.Unchanged = max(0, s.entries-c.Added-c.Updated)
	return c
}

// summary says what happened, or would, and what to do next.
func (s *syncer) summary(out io.Writer, took time.Duration) {
	c := s.counts()
	s.report.print(out, c.Refused)
	fmt.Fprintln(out, s.roster.name)
	terminal.PrintTable(out, table.Row{"read", "added", "updated", "unchanged", "refused", "not in the file", "seconds", "rows/s"}, []table.Row{{
		s.entries + c.Refused, c.Added, c.Updated, c.Unchanged, c.Refused, s.plan.Missing,
		math.Round(took.Seconds()*10) / 10, terminal.PerSecond(s.entries+c.Refused, took),
	}})
	printLinks(out, c)
	if s.restricted > 0 {
		fmt.Fprintf(out, "Of the refused lines, the statuses of %d accounts count all the same.\n", s.restricted)
	}
	s.printNotes(out)
	if s.earlier > 0 {
		fmt.Fprintf(out, "An earlier run took in %d of the changes; they are counted here.\n", s.earlier)
	}
	if s.limits.full && s.plan.Missing > 0 {
		fmt.Fprintf(out, "The file is said to hold everybody, but %d accounts are not in it, %d of them linked. They stay as they are: ask the centre, and close them with a line in status 05 if that is right.\n", s.plan.Missing, s.plan.MissingLinked)
	}
	fmt.Fprintln(out, s.verdict(c))
}

// verdict is the report's last line.
func (s *syncer) verdict(c store.Counts) string {
	changes := c.Added + c.Updated + c.LinksMoved + c.LinksEnded + c.ChangesCancelled + s.restricted
	switch err := s.limits.check(s.plan.LinksEnded, s.plan.Links); {
	case changes == 0:
		return "Nothing changed: the database holds what the file says."
	case s.limits.dry && err != nil:
		return "Dry run: nothing was written. Without --dry-run this is refused: " + err.Error() + "."
	case s.limits.dry:
		return "Dry run: nothing was written."
	case err != nil:
		return "Nothing was written; this is what would happen."
	case c.Refused > 0:
		return "Next: correct the lines of " + s.report.path + " at their source and sync the new file."
	}
	return "Done."
}
