package roster

import (
	"fmt"
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
func (s *syncer) summary(w terminal.Stdio, took time.Duration) {
	l, out, c := w.Language, w.Out, s.counts()
	s.report.print(w, c.Refused)
	fmt.Fprintln(out, s.roster.name)
	terminal.PrintTable(out, l.Row("read", "added", "updated", "unchanged", "refused", "not in the file", "seconds", "rows/s"), []table.Row{{
		s.entries + c.Refused, c.Added, c.Updated, c.Unchanged, c.Refused, s.plan.Missing,
		math.Round(took.Seconds()*10) / 10, terminal.PerSecond(s.entries+c.Refused, took),
	}})
	s.printKinds(w)
	printLinks(w, c)
	if s.restricted > 0 {
		fmt.Fprintln(out, l.T("Of the refused lines, the statuses of %d accounts count all the same.", s.restricted))
	}
	s.printNotes(w)
	if s.earlier > 0 {
		fmt.Fprintln(out, l.T("An earlier run took in %d of the changes; they are counted here.", s.earlier))
	}
	if s.limits.full && s.plan.Missing > 0 {
		fmt.Fprintln(out, l.T("The file is said to hold everybody, but %d accounts are not in it, %d of them linked. They stay as they are: ask the centre, and close them with a line in status 05 if that is right.", s.plan.Missing, s.plan.MissingLinked))
	}
	fmt.Fprintln(out, s.verdict(l, c))
}

// kindTexts describe the kinds of differences.
var kindTexts = map[string]string{
	store.KindNew: "new", store.KindDocument: "document changed: ID type, ID number or holder", store.KindDetails: "name or phone changed",
	store.StatusNormal: "reopened (status 01)", store.StatusSealed: "suspended (status 02)", store.StatusMerged: "closed: merged (status 03)",
	store.StatusMoved: "closed: moved out (status 04)", store.StatusClosed: "closed: paid out (status 05)",
	store.StatusFrozen: "frozen (status 06)", store.StatusUnknown: "other status (99)",
}

// printKinds prints the differences by kind.
func (s *syncer) printKinds(w terminal.Stdio) {
	if len(s.kinds) == 0 {
		return
	}
	rows := make([]table.Row, len(s.kinds))
	for i, k := range s.kinds {
		rows[i] = table.Row{w.Language.T(kindTexts[k.Kind]), k.Accounts, k.Linked}
	}
	terminal.PrintTable(w.Out, w.Language.Row("what changes", "accounts", "of them linked"), rows)
}

// verdict is the report's last line.
func (s *syncer) verdict(l terminal.Language, c store.Counts) string {
	changes := c.Added + c.Updated + c.LinksMoved + c.LinksEnded + c.ChangesCancelled + s.restricted
	switch err := s.limits.check(s.plan.LinksEnded, s.plan.Links); {
	case changes == 0:
		return l.T("Nothing changed: the database holds what the file says.")
	case s.limits.dry && err != nil:
		return l.T("Dry run: nothing was written. Without --dry-run this is refused: %s.", s.limits.refusal(l, s.plan.LinksEnded, s.plan.Links))
	case s.limits.dry:
		return l.T("Dry run: nothing was written.")
	case err != nil:
		return l.T("Nothing was written; this is what would happen.")
	case c.Refused > 0:
		return l.T("Next: correct the lines of %s at their source and sync the new file.", s.report.path)
	}
	return l.T("Done.")
}
