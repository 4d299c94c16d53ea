package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
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

// syncLimits are what the operator allows.
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

// syncRoster opens what a sync needs and runs it.
func syncRoster(ctx context.Context, w terminal.Stdio, r roster, l syncLimits) error {
	return withImporter(ctx, w, r, func(m *importer) error {
		m.mayLackPassword = true
		if l.dry {
			m.report.path = ""
		}
		s := syncer{importer: m, limits: l}
		begun := time.Now()
		err := s.run(ctx, w.Err)
		if err := errors.Join(err, m.report.close()); err != nil && !errors.Is(err, errTooMany) {
			return m.hint(err)
		}
		s.summary(w, time.Since(begun))
		if err != nil {
			return err
		}
		return failIfRefused(s.counts().Refused, l.allowRefused)
	})
}

// errTooMany stops a sync that would end too many links.
var errTooMany = errors.New("too many links would end; nothing was written")

// allowed is how many links may end without --yes.
func (l syncLimits) allowed(links int64) int64 {
	if l.maxEnded >= 0 {
		return l.maxEnded
	}
	return max(10, links/100)
}

// check refuses a plan that ends more links than that.
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
