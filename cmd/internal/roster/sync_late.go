package roster

import (
	"errors"
	"fmt"
	"io"

	"fundpass/store"
)

// lateRefusals reads the account numbers of lines that only the database refuses:
// it compares digests, and has no number to tell. The lines come in order, so one
// more reading of the file finds them all.
type lateRefusals struct {
	content io.ReadCloser // nil until there is one
	lines   *lineReader
}

// accountNoOf returns the account number of a line, which is further down than the
// last one that was asked for.
func (s *syncer) accountNoOf(line int64) (string, error) {
	late := &s.late
	if late.content == nil {
		content, err := s.roster.open()
		if err != nil {
			return "", err
		}
		late.content, late.lines = content, newLineReader(content)
	}
	for {
		text, err := late.lines.next()
		switch {
		case err != nil && !errors.Is(err, errLongLine):
			return "", fmt.Errorf("%w: %w", errChanged, err)
		case late.lines.number == line:
			e, _ := s.checkLine(line, text)
			return e.Person.AccountNo, nil
		}
	}
}

func (r *lateRefusals) close() {
	if r.content != nil {
		r.content.Close()
	}
}

// note keeps a difference for its step.
func (s *syncer) note(d store.Difference) error {
	switch {
	case d.Later != nil:
		return s.refuse(d, colAccountNo, reasonTwice)
	case d.Shortened:
		return s.refuse(d, colAccountNo, reasonShortened)
	case d.IsNew && d.Passwordless:
		return s.refuse(d, colRule, reasonNoRule)
	case d.Restriction:
		s.restricted++
	case d.IsNew:
		s.ahead.Added++
	case !d.Same:
		s.ahead.Updated++
	}
	s.steps[stepOf(d)].add(d.Line)
	return nil
}

// refuse takes back that a line can be imported; that of a restriction could not.
func (s *syncer) refuse(d store.Difference, column, reason string) error {
	r := refusal{line: d.Line, column: column, reason: reason}
	if d.Later != nil {
		r.other = *d.Later
	}
	if !d.Restriction {
		s.ahead.Refused++
		s.entries--
	}
	var err error
	if r.accountNo, err = s.accountNoOf(d.Line); err != nil {
		return err
	}
	return s.report.add([]refusal{r})
}
