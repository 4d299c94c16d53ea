package roster

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/google/uuid"

	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// A syncer takes in one roster: it compares all lines, and imports those that
// differ. What it remembers of the roster is one bit a line.
type syncer struct {
	*importer
	limits syncLimits

	plan       store.Plan
	kinds      []store.ChangeKind // what the differences change
	ahead      store.Counts       // what the plan foresees; Unchanged and Refused are final
	entries    int64              // lines that can be imported
	late       lateRefusals
	restricted int64 // refused lines whose status is taken over
	steps      [syncSteps]lineSet
	earlier    int64 // differences that an earlier run of the same file took in
	done       store.Progress
}

// The steps of a sync. Accounts that are open come first, so that a merged one
// finds the other account of its person, and merged ones last, so that none of
// their links moves to an account that is ended in the same file.
const (
	stepOpen = iota
	stepEnded
	stepMerged
	syncSteps
)

func stepOf(d store.Difference) int {
	switch {
	case d.Status == store.StatusMerged:
		return stepMerged
	case d.Ends():
		return stepEnded
	}
	return stepOpen
}

// run compares, and takes in what differs unless that is not wanted.
func (s *syncer) run(ctx context.Context, progress io.Writer) error {
	if err := s.compare(ctx, progress); err != nil {
		return err
	}
	if s.limits.dry {
		return nil
	}
	if err := s.limits.check(s.plan.LinksEnded, s.plan.Links); err != nil {
		return err
	}
	return s.apply(ctx, progress)
}

// compare finds the lines that differ and what they would do.
func (s *syncer) compare(ctx context.Context, progress io.Writer) error {
	meter := &terminal.Meter{Out: progress, What: "compare", Unit: "lines", Total: s.roster.lines}
	meter.Start()
	defer meter.End()
	defer s.late.close()
	var err error
	s.plan, err = s.db.Compare(ctx, store.Comparison{
		Changed: s.note,
		Kinds:   func(all []store.ChangeKind) { s.kinds = all },
		Lines: func(put func(store.Listed) error) error {
			return s.read(func() error {
				return s.runPieces(ctx, work{s.cutWhole, s.list, func(_ context.Context, p *piece) error {
					meter.At(p.to)
					return s.stage(p, put)
				}})
			})
		},
	})
	s.ahead.LinksMoved, s.ahead.LinksEnded, s.ahead.ChangesCancelled = s.plan.LinksMoved, s.plan.LinksEnded, s.plan.ChangesCancelled
	s.ahead.Unchanged += s.entries - s.ahead.Added - s.ahead.Updated
	return err
}

// cutWhole cuts pieces of full size: nothing is hashed while comparing.
func (s *syncer) cutWhole() (piece, error) { return s.cutLines(store.ImportBatch, nil) }

// list makes the digests of a piece's lines.
func (s *syncer) list(ctx context.Context, p *piece) {
	if p.err = s.checkPiece(ctx, p); p.err != nil {
		return
	}
	p.listed = make([]store.Listed, len(p.entries), len(p.entries)+len(p.restricted))
	for i, e := range p.entries {
		if e.digest.Kind() != "" || e.passwordless {
			e.Hash = notHashed // which password it is does not count here
		}
		if p.listed[i], p.err = s.db.List(e.line, e.Depositor); p.err != nil {
			return
		}
		p.listed[i].Passwordless = e.passwordless
	}
	for _, r := range p.restricted {
		p.listed = append(p.listed, s.db.ListRestriction(r))
	}
}

// stage hands a piece over to the comparison.
func (s *syncer) stage(p *piece, put func(store.Listed) error) error {
	s.ahead.Refused += p.refused
	s.entries += int64(len(p.entries))
	s.numberStats.add(p.numberStats)
	p.entries = nil
	for _, l := range p.listed {
		if err := put(l); err != nil {
			return err
		}
	}
	return s.report.add(p.refusals)
}

// apply takes in the differences, step by step. The counts go on from an earlier
// run of the same file that did not end.
func (s *syncer) apply(ctx context.Context, progress io.Writer) error {
	file := sha256.Sum256(append([]byte("sync "), s.roster.digest...))
	var err error
	run := uuid.New()
	if s.done, err = s.db.BeginSync(ctx, file[:], run); err != nil {
		return err
	}
	s.earlier = s.done.Lines
	meter := &terminal.Meter{Out: progress, What: "sync", Unit: "changes", From: s.earlier, Total: s.earlier}
	for _, lines := range s.steps {
		meter.Total += lines.n
	}
	meter.Start()
	defer meter.End()
	for _, lines := range s.steps {
		if lines.n == 0 {
			continue
		}
		err := s.read(func() error {
			return s.runPieces(ctx, work{s.cutChosen(lines), s.prepare, func(ctx context.Context, p *piece) error {
				err := s.takeChosen(ctx, p, store.ImportStep{File: file[:], Run: &run})
				meter.At(s.done.Lines)
				return err
			}})
		})
		if err != nil {
			return err
		}
	}
	s.done, err = s.db.FinishImport(context.WithoutCancel(ctx), file[:], s.done.Lines)
	return err
}

// cutChosen cuts pieces of the chosen lines, small ones where a new account may
// cost a slow hash.
func (s *syncer) cutChosen(lines lineSet) func() (piece, error) {
	size := int64(store.ImportBatch)
	if s.header.has(colDigest) {
		size = legacyPiece
	}
	return func() (piece, error) { return s.cutLines(size, &lines) }
}

// takeChosen writes a piece. Its refusals were reported when it was compared.
func (s *syncer) takeChosen(ctx context.Context, p *piece, step store.ImportStep) (err error) {
	step.From, step.Lines = s.done.Lines, s.done.Lines+int64(len(p.numbers))
	step.Bytes, step.Batch = p.bytes, p.batch
	s.done, err = s.db.ImportStep(ctx, step)
	return err
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
