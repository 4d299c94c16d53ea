package roster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

const syncHelp = `sync takes in the centre's nightly file: the columns and encodings of import
(fundpass import --help), all depositors or only those that changed; CSMM and JMMM
are needed for new accounts only. It first compares every line with the database,
writes nothing while it does, and then takes in what differs: new accounts, and
changes of name, document, phone and status. The same file again changes nothing. It
never touches the password of an account that exists.

Links follow their accounts: one whose account was merged (GRZHZT 03) moves to the
person's other open account; it ends where there is none, where the account was
moved out (04) or closed (05), or where it is another person's now; the owner finds
that in the record and gets a notice. A change or reset of the password that is
open for such an account, or for one that was frozen (06), is cancelled.

A wrong file must not unlink a city: when more links would end than --max-ended
allows, nothing is written. Look with --dry-run first, then say --yes.

Accounts that are not in the file are counted and stay as they are. With --full the
file is meant to hold everybody, and the report says what to do about those.

An account that stands in several lines counts as its last one says, except within
a batch of lines, where the first one counts; the others go to FILE.csv.refused.csv,
with the lines that cannot be read, and the exit status is 3 (0 with
--allow-refused). Where the account is there and such a line's status restricts it
(03 to 06), the status is taken over all the same.

Stopped in the middle, by whatever it was, the same command goes on; of two at the
same file the one that began last does.`

// syncLimits are the flags of a sync.
type syncLimits struct {
	maxEnded int64 // links; below 0: the default
	yes      bool  // ... or more
	dry      bool  // write nothing
	full     bool  // the file holds everybody

	allowRefused bool // refused lines are no failure
}

func syncCommand(w terminal.Stdio) *cobra.Command {
	var l syncLimits
	var as string
	c := &cobra.Command{
		Use:   "sync FILE.csv",
		Short: "Take in the centre's nightly file: only what changed, links follow their accounts",
		Long:  syncHelp,
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("max-ended") && l.maxEnded < 0 {
				return errors.New("--max-ended must not be below 0")
			}
			e, err := parseEncoding(as)
			if err != nil {
				return err
			}
			r, err := fileRoster(args[0], e)
			if err != nil {
				return err
			}
			return syncRoster(c.Context(), w.For(c), r, l)
		},
	}
	c.Flags().Int64Var(&l.maxEnded, "max-ended", -1, "refuse when more links would end (default 1 % of all links, at least 10)")
	c.Flags().BoolVar(&l.yes, "yes", false, "take the file in however many links it ends")
	c.Flags().BoolVar(&l.dry, "dry-run", false, "say what would happen and write nothing")
	c.Flags().BoolVar(&l.full, "full", false, "the file holds every account: report those that are missing from it")
	c.Flags().BoolVar(&l.allowRefused, "allow-refused", false, allowRefusedUsage)
	c.Flags().StringVar(&as, "encoding", "", encodingUsage)
	return c
}

// syncRoster takes in what differs.
func syncRoster(ctx context.Context, w terminal.Stdio, r roster, l syncLimits) error {
	return takeIn(ctx, w, r, l.allowRefused, func(m *intake) (summary, error) {
		m.mayLackPassword = true
		if l.dry {
			m.report.path = ""
		}
		s := &syncer{intake: m, limits: l}
		err := s.run(ctx, w.Err)
		return s.summary(), err
	})
}

// run compares, and writes what differs unless that is not wanted.
func (s *syncer) run(ctx context.Context, progress io.Writer) error {
	if err := s.compare(ctx, progress); err != nil || s.limits.dry {
		return err
	}
	if err := s.limits.check(s.plan.LinksEnded, s.plan.Links); err != nil {
		return err
	}
	file, run := sha256.Sum256(append([]byte("sync "), s.roster.digest...)), uuid.New()
	if err := s.begin(ctx, file[:], &run); err != nil {
		return err
	}
	s.meter = s.startMeter(progress, "sync", "changes", s.begun.Lines, s.begun.Lines+s.chosen.n)
	defer s.meter.End()
	if s.chosen.n > 0 {
		if err := s.read(func() error { return s.write(ctx, &s.chosen) }); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}

// errTooMany stops a sync that would end too many links.
var errTooMany = errors.New("too many links would end; nothing was written")

// allowed returns how many links may end without --yes.
func (l syncLimits) allowed(links int64) int64 {
	if l.maxEnded >= 0 {
		return l.maxEnded
	}
	return max(10, links/100)
}

// check refuses a plan that ends more links than allowed.
func (l syncLimits) check(ended, links int64) error {
	if l.yes || ended <= l.allowed(links) {
		return nil
	}
	return fmt.Errorf("%w: %s", errTooMany, l.refusal(terminal.English, ended, links))
}

// refusal returns the limit that a plan exceeds.
func (l syncLimits) refusal(in terminal.Language, ended, links int64) string {
	return in.T("%d of %d links would end, and %d are allowed. Is it the right file? If it is, say --yes", ended, links, l.allowed(links))
}

// counts returns what was done or, before that, what would be. The counts include those
// of an earlier run of the same file that did not end.
func (s *syncer) counts() store.Counts {
	c := s.ahead
	if s.done.FinishedAt == nil {
		return c
	}
	done := s.done.Counts
	done.Unchanged, done.Refused = max(0, s.entries-done.Added-done.Updated), c.Refused
	return done
}

// summary says what happened, or would happen.
func (s *syncer) summary() summary {
	l, c := s.language, s.counts()
	sum := summary{Counts: c, plan: &s.plan, kinds: s.kinds, read: s.entries + c.Refused, timed: s.entries + c.Refused}
	if s.restricted > 0 {
		sum.before = append(sum.before, l.T("Of the refused lines, the statuses of %d accounts count all the same.", s.restricted))
	}
	if s.begun.Lines > 0 {
		sum.after = append(sum.after, l.T("An earlier run took in %d of the changes; they are counted here.", s.begun.Lines))
	}
	if s.limits.full && s.plan.Missing > 0 {
		sum.after = append(sum.after, l.T("The file is said to hold everybody, but %d accounts are not in it, %d of them linked. They stay as they are: ask the centre, and close them with a line in status 05 if that is right.", s.plan.Missing, s.plan.MissingLinked))
	}
	sum.after = append(sum.after, s.verdict(c))
	return sum
}

// verdict returns the summary's last line.
func (s *syncer) verdict(c store.Counts) string {
	l := s.language
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

// kindTexts describes the kinds of differences.
var kindTexts = map[string]string{
	store.KindNew: "new", store.KindDocument: "document changed: ID type, ID number or holder", store.KindDetails: "name or phone changed",
	store.StatusNormal: "reopened (status 01)", store.StatusSealed: "suspended (status 02)", store.StatusMerged: "closed: merged (status 03)",
	store.StatusMoved: "closed: moved out (status 04)", store.StatusClosed: "closed: paid out (status 05)",
	store.StatusFrozen: "frozen (status 06)", store.StatusUnknown: "other status (99)",
}

// printKinds prints what the differences change.
func printKinds(w terminal.Stdio, kinds []store.ChangeKind) {
	if len(kinds) == 0 {
		return
	}
	rows := make([]table.Row, len(kinds))
	for i, k := range kinds {
		rows[i] = table.Row{w.Language.T(kindTexts[k.Kind]), k.Accounts, k.Linked}
	}
	terminal.PrintTable(w.Out, w.Language.Row("what changes", "accounts", "of them linked"), rows)
}
