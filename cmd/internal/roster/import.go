package roster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const importHelp = `import reads a centre's depositors into the database: new accounts with their
initial or old password, changes of name, document, phone and status of those
that are there. It never touches the password of an account that exists.

FILE.csv is UTF-8, GB18030 or UTF-16. A file that reads in two encodings, or of
which some lines are in one and some in another, is refused before anything is
written; --encoding says what it is. Its first line names the columns, in any order:
  GRZH XINGMING ZJLX ZJHM GRZHZT   as in JGJ/T 320, needed
  SJHM DWZH                        as in JGJ/T 320, if known
ZJLX is a code of FUNDPASS_DOCUMENTS_FILE or, without that file, one of
  01 02 03 04 20 99
  CSMM   rule of the initial password, or six digits that are everybody's; rules:
         %s
  JMMM   or what the old system kept:
         {md5}DIGEST               also sha1, sha256, sha512, sm3, md5-md5 (md5 of the hex)
         {md5-before}SALT$DIGEST   salt before the password; -after; -hmac: salt is the key
         $2a$10$...                bcrypt, $2b$ and $2y$ as well, up to cost 12
         pbkdf2_sha256$N$salt$...  as Django writes it, or $pbkdf2-sha256$i=N$SALT$DIGEST;
                                   sha1, sha256, sha512, sm3, N up to 1,000,000
         DIGEST is hex or base64; SALT is hex:, base64: or text: and the salt

A password that one of the policy's initial rules gives is found by its digest and
marked as such, and so is one of the commonest, such as 123456, behind a quick
digest: its owner must change it. For bcrypt and PBKDF2 the rules are slow and tried
with --try-initial only: each rule costs every new account one old digest, so three
rules at bcrypt's cost 10 (60 to 100 ms) are 50 to 80 hours of one core for a million
lines. Without it such a password is found when its owner first uses it.

A line that cannot be imported goes to FILE.csv.refused.csv, with its account
number, column and reason and no other value; all others are imported, and the exit
status is %d (0 with --allow-refused). Where the account is there and the line's
status restricts it (03 to 06), the status is taken over all the same.

An account number that stands twice is refused where both lines fall into one batch
of %d lines (%d with JMMM); otherwise the later line wins. A new account number that
differs only by zeros in front from one of the same person is refused, and numbers of
another length than those held are warned of: a spreadsheet drops such zeros. A code
of one digit is read as one of two, 1 as 01.

Links follow their accounts as with sync (fundpass sync --help), those of merged
accounts (03) when the whole file is in.

Stopped in the middle, by whatever it was, the same command goes on from there.
The same file again writes nothing.`

func importCommand(w terminal.Stdio) *cobra.Command {
	var s sample
	var out string
	var options importOptions
	var as string
	c := &cobra.Command{
		Use:   "import FILE.csv | import --sample N [--seed S] [--out FILE.csv]",
		Short: "Import depositors from a centre's CSV, or make synthetic ones",
		Long:  fmt.Sprintf(importHelp, strings.Join(passwd.InitialRules(), " "), exitRefused, store.ImportBatch, legacyPiece),
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := chooseRoster(args, s, as)
			switch {
			case err != nil:
				return err
			case out != "" && s.people == 0:
				return errors.New("--out goes with --sample")
			case out != "":
				return writeSample(w.For(c), s, out)
			}
			return importRoster(c.Context(), w.For(c), r, options)
		},
	}
	c.Flags().Int64Var(&s.people, "sample", 0, "import this many invented people instead of a file; not where citizens are")
	c.Flags().Uint64Var(&s.seed, "seed", 1, "which invented people: the same seed makes the same ones")
	c.Flags().StringVar(&out, "out", "", "write the invented people to a file instead of the database")
	c.Flags().BoolVar(&options.trySlow, "try-initial", false, "also try the initial rules against bcrypt and PBKDF2 digests: slow, see above")
	c.Flags().BoolVar(&options.allowRefused, "allow-refused", false, allowRefusedUsage)
	c.Flags().StringVar(&as, "encoding", "", encodingUsage)
	return c
}

// importOptions are the flags of an import.
type importOptions struct {
	trySlow      bool // also try the initial rules against slow digests
	allowRefused bool // refused lines are no failure
}

func chooseRoster(args []string, s sample, as string) (roster, error) {
	e, err := parseEncoding(as)
	switch {
	case err != nil:
		return roster{}, err
	case s.people < 0:
		return roster{}, errors.New("--sample must be above 0")
	case len(args) == 1 && s.people == 0:
		return fileRoster(args[0], e)
	case len(args) == 0 && s.people > 0:
		return s.roster(), nil
	}
	return roster{}, errors.New("give either a file or --sample N")
}

func writeSample(w terminal.Stdio, s sample, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(s.write(f), f.Close()); err != nil {
		return err
	}
	fmt.Fprintln(w.Out, w.Language.T("%d invented people are in %s\nNext: fundpass import %s", s.people, path, path))
	return nil
}

// importRoster takes a roster in, line by line.
func importRoster(ctx context.Context, w terminal.Stdio, r roster, options importOptions) error {
	return takeIn(ctx, w, r, options.allowRefused, func(m *intake) (summary, error) {
		m.trySlow = options.trySlow
		err := m.read(func() error {
			if err := m.begin(ctx, r.digest, nil); err != nil {
				return err
			}
			m.meter = newMeter(w.Err, m)
			defer m.meter.End()
			return m.write(ctx, nil)
		})
		if err == nil {
			err = m.finish(ctx)
		}
		return m.imported(), err
	})
}

// imported says what an import did.
func (m *intake) imported() summary {
	c := m.done.Counts
	s := summary{Counts: c, read: c.Added + c.Updated + c.Unchanged + c.Refused, timed: m.done.Lines - m.begun.Lines}
	if m.begun.Lines > 0 {
		s.before = []string{m.language.T("An earlier run did the first %d lines; seconds, rows/s and initial passwords found are of this one.", m.begun.Lines)}
	}
	s.after = []string{m.language.T("Next: fundpass check, then fundpass serve.")}
	if c.Refused > 0 {
		s.after = []string{m.language.T("Next: correct the lines of %s at their source and import the new file: what did not change writes nothing.", m.report.path)}
	}
	return s
}
