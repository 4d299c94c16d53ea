package roster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fundpass/store"
)

// A syncer takes in one roster: it compares all lines, and writes those that
// differ. What it remembers of the roster is one bit a line.
type syncer struct {
	*intake
	limits syncLimits

	plan       store.Plan
	kinds      []store.ChangeKind // what the differences change
	ahead      store.Counts       // what the plan foresees; Unchanged and Refused are final
	entries    int64              // lines that can be imported
	restricted int64              // refused lines whose status is taken over
	chosen     lineSet            // lines to write

	lateFile  io.ReadCloser // see accountNoOf; nil until there is a line
	lateLines *lineReader
}

// compare finds the lines that differ and what they would do.
func (s *syncer) compare(ctx context.Context, progress io.Writer) (err error) {
	meter := s.startMeter(progress, "compare", "lines", 0, s.roster.lines)
	defer meter.End()
	defer func() {
		if s.lateFile != nil {
			s.lateFile.Close()
		}
	}()
	cut := func() (piece, error) { return s.cutLines(store.ImportBatch, nil) } // nothing is hashed
	s.plan, err = s.db.Roster().Compare(ctx, store.Comparison{
		Changed: s.note,
		Kinds:   func(all []store.ChangeKind) { s.kinds = all },
		Lines: func(put func(store.Listed) error) error {
			return s.read(func() error {
				return runPieces(ctx, work{cut, s.list, func(_ context.Context, p *piece) error {
					meter.At(p.to)
					return s.stage(p, put)
				}})
			})
		},
	})
	s.compared = true
	s.ahead.LinksMoved, s.ahead.LinksEnded, s.ahead.ChangesCancelled = s.plan.LinksMoved, s.plan.LinksEnded, s.plan.ChangesCancelled
	s.ahead.Unchanged += s.entries - s.ahead.Added - s.ahead.Updated
	return err
}

// list makes the digests of a piece's lines.
func (s *syncer) list(ctx context.Context, p *piece) {
	if p.err = s.checkPiece(ctx, p); p.err != nil {
		return
	}
	p.listed = make([]store.Listed, len(p.entries), len(p.entries)+len(p.restricted))
	for i, e := range p.entries {
		if e.digest.Kind() != "" || e.passwordless {
			e.Hash = notHashed // the password does not matter here
		}
		if p.listed[i], p.err = s.db.Roster().List(e.line, e.Depositor); p.err != nil {
			return
		}
		p.listed[i].Passwordless = e.passwordless
	}
	for _, r := range p.restricted {
		p.listed = append(p.listed, s.db.Roster().ListRestriction(r))
	}
}

// stage passes a piece to the comparison and reports it.
func (s *syncer) stage(p *piece, put func(store.Listed) error) error {
	s.ahead.Refused += p.refused
	s.entries += int64(len(p.entries))
	for _, l := range p.listed {
		if err := put(l); err != nil {
			return err
		}
	}
	return s.tell(p)
}

// note chooses the line of a difference, or refuses it.
func (s *syncer) note(d store.Difference) error {
	switch {
	case d.Later != nil:
		return s.refuse(d, refusal{column: colAccountNo, reason: reasonTwice, other: *d.Later})
	case d.Shortened:
		return s.refuse(d, refusal{column: colAccountNo, reason: reasonShortened})
	case d.IsNew && d.Passwordless:
		return s.refuse(d, refusal{column: colRule, reason: reasonNoRule})
	case d.Restriction:
		s.restricted++
	case d.IsNew:
		s.ahead.Added++
	case !d.Same:
		s.ahead.Updated++
	}
	s.chosen.add(d.Line)
	return nil
}

// refuse reports a line that only the database refuses. The line of a restriction is
// counted as refused already.
func (s *syncer) refuse(d store.Difference, r refusal) (err error) {
	if !d.Restriction {
		s.ahead.Refused++
		s.entries--
	}
	r.line = d.Line
	if r.accountNo, err = s.accountNoOf(d.Line); err != nil {
		return err
	}
	return s.report.add([]refusal{r})
}

// accountNoOf returns the account number of a line that is further down than the last one
// it was asked for. The database compares digests and knows no number; the lines come in
// order, so reading the file once more finds them all.
func (s *syncer) accountNoOf(line int64) (_ string, err error) {
	if s.lateFile == nil {
		if s.lateFile, err = s.roster.open(); err != nil {
			return "", err
		}
		s.lateLines = newLineReader(s.lateFile)
	}
	for {
		text, err := s.lateLines.next()
		switch {
		case err != nil && !errors.Is(err, errLongLine):
			return "", fmt.Errorf("%w: %w", errChanged, err)
		case s.lateLines.number == line:
			e, _ := s.checkLine(line, text)
			return e.Person.AccountNo, nil
		}
	}
}

// A lineSet holds numbers of lines, at one bit for each line of the file.
type lineSet struct {
	bits []uint64
	n    int64
}

func (l *lineSet) add(line int64) {
	for int64(len(l.bits)) <= line/64 {
		l.bits = append(l.bits, 0)
	}
	l.bits[line/64] |= 1 << (line % 64)
	l.n++
}

func (l *lineSet) has(line int64) bool {
	return line/64 < int64(len(l.bits)) && l.bits[line/64]>>(line%64)&1 == 1
}
